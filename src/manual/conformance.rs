//! Which requirement of the standards is shown by which test.
//!
//! RFC 6455 and the standards that it rests on were taken apart into single requirements. Each is a
//! row of a table in `tests/requirements`, with the tests that show it, or the reason why there is
//! nothing here to show. A test there fails when a row has neither, when a test that is listed is
//! gone, and when the comment above a test names other rows than those that list it. It also makes
//! this page.
//!
//! | standard | shown by tests | not for this crate |
//! |---|---|---|
//! | RFC 6455: The WebSocket Protocol | 409 | 16 |
//! | RFC 7692: Compression Extensions for WebSocket | 143 | 3 |
//! | RFC 8441: Bootstrapping WebSockets with HTTP/2 | 11 | 5 |
//! | RFC 9220: Bootstrapping WebSockets with HTTP/3 | 2 | 2 |
//! | RFC 9112: HTTP/1.1 | 48 | 0 |
//! | RFC 9110: HTTP Semantics | 35 | 0 |
//! | RFC 7936: Clarifying Registry Procedures for the WebSocket Subprotocol Name Registry | 1 | 1 |
//! | RFC 8307: Well-Known URIs for the WebSocket Protocol | 1 | 0 |
//! | RFC 3629: UTF-8 | 13 | 0 |
//! | RFC 3986: URI Generic Syntax | 3 | 0 |
//! | RFC 6454: The Web Origin Concept | 2 | 0 |
//! | RFC 4648: The Base16, Base32, and Base64 Data Encodings | 5 | 0 |
//! | RFC 1951: DEFLATE | 15 | 0 |
//! | IANA: WebSocket Close Code Number Registry | 1 | 0 |
//! | all | 689 | 27 |
//!
//! # Choices
//!
//! Where the standards leave something open, or disagree:
//!
//! - **6455-3-09** host as RFC 3986 3.2.2: IP-literal in brackets, IPv4 or reg-name. *Chosen:* an
//!   address of a future version (IPvFuture) is refused, in a `Host` too, because there is none
//!   that could be connected to.
//! - **6455-3-13** Section 3 grammar has no userinfo (11.1.1 says "authority", which has); the
//!   texts conflict. *Chosen:* a URI with userinfo is an error, because a password in a URI ends in
//!   logs. A program that wants to send it says so, by ClientRequest::with_credentials.
//! - **6455-4.1-06** If another connection to the same IP and port is being opened, wait for it to
//!   be established or to fail (erratum 3473: per IP+port pair). *Chosen:* only clients that share
//!   a `ConnectGate` take turns, because the rule is aimed at scripts in browsers, and a library
//!   cannot know which connections a program wants to hold back. The gate gives the queue to the
//!   program that wants it. With one queue for all, a handshake that hangs would hold up everybody.
//! - **6455-4.1-09** If the IP is not known (proxy resolves), treat each host name as a distinct
//!   host. *Chosen:* a gate takes host names as well as addresses, because only the program knows
//!   whether a proxy resolves the name.
//! - **6455-4.1-63** Subprotocols offered but none returned: RFC 6455 allows it (subprotocol null);
//!   browsers fail it. *Chosen:* the connection opens without a subprotocol, as the standard says;
//!   `require_subprotocol` fails it as browsers do.
//! - **6455-4.2.1-05** 1: Request-URI is a resource name. *Chosen:* characters that browsers do not
//!   encode in a path or query pass, because refusing them would refuse browsers.
//! - **6455-4.2.1-13** 5: key with non-zero pad bits (the RFC's own example
//!   AQIDBAUGBwgJCgsMDQ4PEC==, erratum 3150): decoding is not required (4.2.2), RFC 4648 3.5 lets
//!   decoders reject. *Chosen:* the key is accepted and hashed as it came, because the example of
//!   the standard itself has such bits, and decoding is not required.
//! - **6455-4.2.1-23** Bytes after the request head before the 101 (client broke the 4.1 wait
//!   rule): not covered. *Chosen:* they are kept and read as frames once the request is accepted,
//!   because TCP gives no promise of where reads end; after a refusal they are never looked at.
//! - **6455-4.2.1-24** A handshake GET that announces a body (Content-Length > 0 or
//!   Transfer-Encoding) is not covered by RFC 6455. *Chosen:* it is refused with 400 and the
//!   connection closed, because a proxy that takes the body for another request can be used to
//!   smuggle one.
//! - **6455-4.4-03** The client can repeat the handshake with an advertised version it supports.
//!   *Chosen:* versions that the server lists are handed to the caller, and no other than 13 is
//!   ever asked for.
//! - **6455-5.2-15** Receiver rejects a length that is not in the minimal form (the rule binds the
//!   sender; 10.7 lets the receiver fail). *Chosen:* it fails with 1002, because two forms of one
//!   length are a way past filters, and no peer needs them.
//! - **6455-5.5.1-07** Reason is not shown to end users. *Chosen:* the reason goes to the
//!   application: `Display` of a Close shows it escaped, for logs, and the examples print codes
//!   only.
//! - **6455-5.5.1-13** The reply may wait until the current message is sent. *Chosen:* the Close is
//!   answered at once and the rest of the message refused, because the answer must not depend on an
//!   application that may never finish.
//! - **6455-5.5.1-15** An endpoint that sent Close need not process data any more. *Chosen:*
//!   messages are delivered up to the peer's Close, because they were sent before the peer knew.
//! - **6455-5.5.2-05** Literal reading: a Ping received after we sent Close but before the peer's
//!   Close still gets a Pong. *Chosen:* the Ping is answered, because only the peer's Close ends
//!   that duty.
//! - **6455-5.5.3-03** With several unanswered Pings, only the latest may be answered. *Chosen:*
//!   all are answered in order while the reserve for replies lasts, then the newest only, so that a
//!   flood costs neither memory nor the sign of life.
//! - **6455-5.6-03** The sender may cut text inside a UTF-8 sequence too. *Chosen:* the fragments
//!   of a text are `str`, so that none is cut inside a code point.
//! - **6455-5.6-06** Invalid text may be detected before the message ends (fail fast). *Chosen:*
//!   text fails at the first octet that no continuation can make right, in the middle of a frame
//!   too, so that no more of it is read.
//! - **6455-5.8-01** Extensions are negotiated in the opening handshake. *Chosen:*
//!   `Connection::set_deflate` is for handshakes that were done elsewhere; who calls it answers for
//!   the agreement.
//! - **6455-7.1.4-03** Closed cleanly only if the closing handshake had completed before. *Chosen:*
//!   the peer's end behind its own Close is a clean one even if our answer cannot be written any
//!   more: the peer did not wait for it; an answer that the peer has not taken in the time to close
//!   makes it an unclean one.
//! - **6455-7.4.1-12** 1010 client expected an extension the server did not negotiate. *Chosen:* no
//!   extension is needed here, so that the client goes on without; an application that needs one
//!   closes with this code.
//! - **6455-7.4.1-14** 1010 is not used by the server. *Chosen:* a server does not begin with 1010,
//!   but echoes it, as it does every code that it received.
//! - **6455-7.4.2-03** Receiving an unassigned code in 1016-2999: the RFC gives no rule. *Chosen:*
//!   it fails with 1002, because a code that nobody has assigned has no meaning that could be
//!   passed on.
//! - **6455-7.4.2-06** 5000-65535: not defined by the RFC (11.7: codes are 1000-4999). *Chosen:*
//!   they are neither sent nor accepted, because the registry ends at 4999.
//! - **6455-9.1-13** Case of extension and parameter names is not stated. *Chosen:* names match
//!   octet for octet, because nothing says that they do not; a name in another case is another
//!   extension.
//! - **7692-5.1-01** Client that cannot or will not go on with the response starts the closing
//!   handshake with 1010 (section 7 says: fail the connection). *Chosen:* the handshake fails, as
//!   §7 says, because there is no connection yet that could be closed by a handshake of its own.
//! - **7692-7-12** Response with a configuration the client does not support → fail. *Chosen:* a
//!   client that is told to use a window of 8 bits accepts it and sends its messages uncompressed,
//!   because 7.1.2.2 allows that answer and no compressor of raw DEFLATE has such a window: zlib
//!   makes one of 9 bits of it without a word. A server declines it for itself.
//! - **7692-7.1.1.2-02** client_no_context_takeover: hint given but response lacks it: 7.1.1.2 says
//!   the client will not use takeover, 7.2.1 lets it. *Chosen:* the client resets its compressor
//!   for each message, because it has said that it would.
//! - **7692-7.1.2.2-04** client_max_window_bits: value given as a hint, response larger or absent:
//!   7.1.2.2 says the client will not use a larger window, 7.2.1 lets it. *Chosen:* the client
//!   keeps to its hint, because it has said that it would.
//! - **7692-7.1.2.2-10** client_max_window_bits: response value larger than the hint in the offer:
//!   text is unclear. *Chosen:* the response is accepted and the client keeps to its hint, because
//!   a larger limit forbids nothing less.
//! - **7692-7.2.1-07** A BFINAL=1 block not ending at a byte boundary is padded with 0 bits; the
//!   next block follows. *Chosen:* whatever the bits of padding are, the receiver drops them, as
//!   zlib does, because they say nothing.
//! - **7692-7.2.2-04** Compressed message with a 0-byte payload is not valid DEFLATE after the tail
//!   (stored block header without its last length byte). *Chosen:* it fails with 1007, because an
//!   empty message is the octet 00; zlib gives no error, and would leave the stream in the middle
//!   of a block.
//! - **7692-7.2.2-05** BFINAL=1 block at the end without the extra 00 octet (sender broke 7.2.1
//!   step 2). *Chosen:* it fails with 1007, because the tail then stands where a block has to
//!   begin, and is not one.
//! - **7692-7.2.2-12** server_max_window_bits=w agreed: client may use a 2^w window. *Chosen:* a
//!   reference farther back than the agreed window fails across messages and is understood within
//!   one, because the window is kept as small as agreed, and the library's own is not.
//! - **9112-2.2-02** A single LF may be taken as line end, a CR before it ignored. *Chosen:* a line
//!   feed alone ends no line, because two readings of one head are how requests are smuggled.
//! - **9112-2.2-04** Bare CR in a received element: treat as invalid or replace by SP. *Chosen:* it
//!   is refused, because two readings of one head are how requests are smuggled.
//! - **9112-2.2-08** Received whitespace-led line right after the start line: reject, or drop such
//!   lines. *Chosen:* it is refused, because two readings of one head are how requests are
//!   smuggled.
//! - **9112-3.2-03** 400 if HTTP/1.1 and no Host, more than one Host line, or invalid Host value.
//!   *Chosen:* an empty value is refused too, because it names no authority, which RFC 6455 §4.2.1
//!   asks for.
//! - **9112-4-01** status-line = HTTP-version SP 3DIGIT SP \[reason-phrase\]. *Chosen:* a status
//!   line that ends behind the code is accepted, because servers write it.
//! - **9112-5.2-02** Received obs-fold: 400, or replace by SP. *Chosen:* a server refuses it,
//!   because nothing that sends a handshake writes it; a client has to read it.
//! - **9112-6.3-03** Body of a non-101 response: Content-Length, chunked, or until close. *Chosen:*
//!   up to 64 KiB are read, within `handshake_timeout`; what is longer, malformed or late is
//!   reported with the part that came, because the status matters more than the body.
//! - **9112-6.3-04** Invalid Content-Length without Transfer-Encoding: unrecoverable; close,
//!   discard the response. *Chosen:* the body is discarded; status and header fields are reported,
//!   because they tell why the connection did not open.
//! - **9112-7.1-01** Parse and decode the chunked transfer coding. *Chosen:* white space after the
//!   size is skipped, because servers write it; a line feed alone ends no line, as in a head. The
//!   trailer section is not read, because the connection closes.
//! - **9112-7.1.1-01** Unrecognized chunk extensions are ignored. *Chosen:* the line of a chunk has
//!   at most 4 KiB.
//! - **9112-8-01** A body is incomplete without its last chunk, or with fewer bytes than announced.
//!   *Chosen:* `Response::body_is_complete` tells.
//! - **9110-5.5-01** CR, LF, NUL in a value: reject or replace by SP. *Chosen:* it is refused,
//!   because what replaces the octet here need not be what a proxy in front has seen.
//! - **9110-6.6.1-01** Server with a clock sends Date in 2xx, 3xx, 4xx; MAY in 1xx and 5xx.
//!   *Chosen:* the adapters write it into every refusal that has none; the machine knows no time of
//!   the day, so the program that drives it adds the field, with `ServerHandshake::answer` to what
//!   the machine refuses by itself.
//! - **9110-7.8-06** With "Expect: 100-continue" send 100 before 101. *Chosen:* the 100 is written
//!   in front of the 101, because the client waits for it.
//! - **9110-9.1-01** General-purpose servers support GET and HEAD. *Chosen:*
//!   `ServerHandshake::receive` refuses what is no opening handshake; a program answers other
//!   requests with `receive_request`.
//! - **9110-11.6.1-01** A 401 carries WWW-Authenticate. *Chosen:* `Rejection::unauthorized` takes
//!   the challenge; `Rejection::new(401)` leaves it to `header`, because there may be several of
//!   them, each in a line of its own.
//! - **6454-7.1-01** Origin = "null" or serialized-origin *( SP serialized-origin ). *Chosen:* a
//!   list of several origins is refused, because no browser sends one, and a policy could not say
//!   whether one of them that is allowed is enough.
//! - **6454-7.3-01** Not more than one Origin field in a request. *Chosen:* two fields are refused
//!   with 400, because a check would see one of them only.
//! - **1951-3.2.7-01** Dynamic: HLIT 257-286, HDIST 1-32, HCLEN 4-19, code length order 16 17 18 0
//!   8 7 9 6 10 5 11 4 12 3 13 2 14 1 15. *Chosen:* HDIST of 31 and 32 is refused, as by zlib,
//!   because the distance codes 30 and 31 mean nothing and no compressor describes them.
//!
//! # Not for this crate
//!
//! - 6455-2-01, 6455-2-03, 6455-5.2-02, 7692-2-01, 8441-2-01, 9220-2-01: it says how the standard
//!   is to be read, and asks nothing of a program.
//! - 6455-2-02: a licence, with nothing to observe.
//! - 6455-4.1-03: a licence for how a client is deployed; the handshake runs over whatever stream
//!   it is given.
//! - 6455-4.1-10: at a gate, each name that a proxy resolves has its turns; how many names a
//!   program connects to at once is its choice.
//! - 6455-4.1-13: a proxy is chosen here by a program or by environment variables, for the ws or
//!   wss URI, and by no script.
//! - 6455-4.1-33: no browser is built here.
//! - 6455-5.2-19: a rule for the authors of extensions; the only one here has no extension data.
//! - 6455-5.4-13, 6455-5.4-14, 6455-5.4-15, 6455-5.4-16: it binds intermediaries, and this crate is
//!   an endpoint.
//! - 6455-9.1-10: there is one extension here, so nothing interacts.
//! - 6455-10.6-02: the program chooses `ws` or `wss`, or the stream, and with it TLS or none.
//! - 6455-10.6-03: the TLS library chooses its algorithms.
//! - 7692-3-01: a definition of terms, which the rows below use.
//! - 7692-4-01: a rule for the authors of extensions, which RFC 7692 §7 follows.
//! - 8441-3-01, 8441-3-02, 8441-3-03, 8441-4-03: the HTTP/2 layer below settles it before a
//!   handshake reaches this crate.
//! - 9220-3-02: the body is optional, and the HTTP/3 server writes the response.
//! - 7936-2-02: it binds the registry.
//!
//! # Bugs of other libraries
//!
//! 61 bugs that other libraries had are rows as well: each has a test that would fail on it, or
//! cannot be written here (6 of them):
//!
//! - No input is kept across calls; events live as long as the caller's buffer (CVE-2026-29035,
//!   CivetWeb). Events borrow the caller's buffer, so that the compiler refuses to let one outlive
//!   it, and the crate forbids unsafe code.
//! - Credentials are compared in constant time (CVE-2021-33880, websockets). Nothing here compares
//!   credentials; the application does, and sees the request before it decides.
//! - No octet goes out or in that was not put there (CVE-2026-45736, ws). The crate forbids unsafe
//!   code, so that there is no uninitialised octet; a buffer that is used again shows nothing of
//!   what was in it before.
//! - Connections share no buffer, and are `Send` and `Sync` for what they are made of
//!   (denoland/fastwebsockets#42). No type here asserts `Send` or `Sync`, which would be unsafe
//!   code; a machine owns its buffers, but for what a thread keeps to compress and to inflate with:
//!   that starts anew, or with the connection's own octets, unless the same connection left it, as
//!   the tests show.
//! - UTF-8 and masking have no undefined behaviour (Gelbpunkt/tokio-websockets, changelog of
//!   0.10.1). The crate forbids unsafe code; masking is safe code, and UTF-8 goes through a library
//!   whose verdict the tests compare with the standard library's.
//! - No callback sees a handshake that has been freed (CVE-2025-11677, libwebsockets). There are no
//!   callbacks, the handshake is a value that `accept` consumes, and the crate forbids unsafe code.
//!
//! # Section by section
//!
//! ## RFC 6455: The WebSocket Protocol
//!
//! | section | shown by tests | not for this crate |
//! |---|---|---|
//! | 1.2 Protocol Overview | 1 | 0 |
//! | 1.3 Opening Handshake | 1 | 0 |
//! | 1.4 Closing Handshake | 1 | 0 |
//! | 1.9 Subprotocols Using the WebSocket Protocol | 1 | 0 |
//! | 2 Conformance Requirements | 0 | 3 |
//! | 2.1 Terminology and Other Conventions | 2 | 0 |
//! | 3 WebSocket URIs | 14 | 0 |
//! | 4.1 Client Requirements | 71 | 4 |
//! | 4.2 Server-Side Requirements | 1 | 0 |
//! | 4.2.1 Reading the Client's Opening Handshake | 26 | 0 |
//! | 4.2.2 Sending the Server's Opening Handshake | 29 | 0 |
//! | 4.3 Collected ABNF for New Header Fields Used in Handshake | 11 | 0 |
//! | 4.4 Supporting Multiple Versions of WebSocket Protocol | 4 | 0 |
//! | 5.1 Overview | 11 | 0 |
//! | 5.2 Base Framing Protocol | 21 | 2 |
//! | 5.3 Client-to-Server Masking | 8 | 0 |
//! | 5.4 Fragmentation | 15 | 4 |
//! | 5.5 Control Frames | 3 | 0 |
//! | 5.5.1 Close | 24 | 0 |
//! | 5.5.2 Ping | 8 | 0 |
//! | 5.5.3 Pong | 5 | 0 |
//! | 5.6 Data Frames | 7 | 0 |
//! | 5.7 Examples | 6 | 0 |
//! | 5.8 Extensibility | 2 | 0 |
//! | 6.1 Sending Data | 10 | 0 |
//! | 6.2 Receiving Data | 8 | 0 |
//! | 7.1.1 Close the WebSocket Connection | 9 | 0 |
//! | 7.1.2 Start the WebSocket Closing Handshake | 2 | 0 |
//! | 7.1.3 The WebSocket Closing Handshake is Started | 1 | 0 |
//! | 7.1.4 The WebSocket Connection is Closed | 4 | 0 |
//! | 7.1.5 The WebSocket Connection Close Code | 5 | 0 |
//! | 7.1.6 The WebSocket Connection Close Reason | 2 | 0 |
//! | 7.1.7 Fail the WebSocket Connection | 10 | 0 |
//! | 7.2.1 Client-Initiated Closure | 4 | 0 |
//! | 7.2.2 Server-Initiated Closure | 1 | 0 |
//! | 7.2.3 Recovering from Abnormal Closure | 4 | 0 |
//! | 7.3 Normal Closure of Connections | 3 | 0 |
//! | 7.4 Status Codes | 2 | 0 |
//! | 7.4.1 Defined Status Codes | 16 | 0 |
//! | 7.4.2 Reserved Status Code Ranges | 6 | 0 |
//! | 8.1 Handling Errors in UTF-8-Encoded Data | 2 | 0 |
//! | 9 Extensions | 4 | 0 |
//! | 9.1 Negotiating Extensions | 12 | 1 |
//! | 9.2 Known Extensions | 1 | 0 |
//! | 10.1 Non-Browser Clients | 1 | 0 |
//! | 10.2 Origin Considerations | 2 | 0 |
//! | 10.3 Attacks On Infrastructure (Masking) | 2 | 0 |
//! | 10.4 Implementation-Specific Limits | 3 | 0 |
//! | 10.5 WebSocket Client Authentication | 1 | 0 |
//! | 10.6 Connection Confidentiality and Integrity | 1 | 2 |
//! | 10.7 Handling of Invalid Data | 5 | 0 |
//! | 10.8 Use of SHA-1 by the WebSocket Handshake | 1 | 0 |
//! | 11.1.1 Registration of "ws" Scheme | 2 | 0 |
//! | 11.1.2 Registration of "wss" Scheme | 2 | 0 |
//! | 11.2 Registration of the "WebSocket" HTTP Upgrade Keyword | 1 | 0 |
//! | 11.3.1 Sec-WebSocket-Key | 1 | 0 |
//! | 11.3.2 Sec-WebSocket-Extensions | 2 | 0 |
//! | 11.3.3 Sec-WebSocket-Accept | 1 | 0 |
//! | 11.3.4 Sec-WebSocket-Protocol | 2 | 0 |
//! | 11.3.5 Sec-WebSocket-Version | 2 | 0 |
//! | 11.7 WebSocket Close Code Number Registry | 1 | 0 |
//! | 12 Using the WebSocket Protocol from Other Specifications | 1 | 0 |
//!
//! ## RFC 7692: Compression Extensions for WebSocket
//!
//! | section | shown by tests | not for this crate |
//! |---|---|---|
//! | 2 Conformance Requirements and Terminology | 0 | 1 |
//! | 3 Complementary Terminology | 1 | 1 |
//! | 4 WebSocket Per-Message Compression Extension | 1 | 1 |
//! | 5 Extension Negotiation | 20 | 0 |
//! | 5.1 General Negotiation Flow | 1 | 0 |
//! | 5.2 Negotiation Examples | 2 | 0 |
//! | 6 Framing | 5 | 0 |
//! | 6.1 Compression | 10 | 0 |
//! | 6.2 Decompression | 5 | 0 |
//! | 7 The "permessage-deflate" Extension | 12 | 0 |
//! | 7.1.1.1 The "server_no_context_takeover" Extension Parameter | 8 | 0 |
//! | 7.1.1.2 The "client_no_context_takeover" Extension Parameter | 7 | 0 |
//! | 7.1.2.1 The "server_max_window_bits" Extension Parameter | 8 | 0 |
//! | 7.1.2.2 The "client_max_window_bits" Extension Parameter | 11 | 0 |
//! | 7.1.3 Examples | 3 | 0 |
//! | 7.2.1 Compression | 20 | 0 |
//! | 7.2.2 Decompression | 16 | 0 |
//! | 7.2.3.1 A Message Compressed Using One Compressed DEFLATE Block | 2 | 0 |
//! | 7.2.3.2 Sharing LZ77 Sliding Window | 2 | 0 |
//! | 7.2.3.3 Using a DEFLATE Block with No Compression | 1 | 0 |
//! | 7.2.3.4 Using a DEFLATE Block with "BFINAL" Set to 1 | 1 | 0 |
//! | 7.2.3.5 Two DEFLATE Blocks in One Message | 1 | 0 |
//! | 7.2.3.6 Generating an Empty Fragment | 1 | 0 |
//! | 7.3 Implementation Notes | 2 | 0 |
//! | 8 Security Considerations | 1 | 0 |
//! | 9.1 Registration of the "permessage-deflate" WebSocket Extension Name | 1 | 0 |
//! | 9.2 Registration of the "Per-Message Compressed" WebSocket Framing Header Bit | 1 | 0 |
//!
//! ## RFC 8441: Bootstrapping WebSockets with HTTP/2
//!
//! | section | shown by tests | not for this crate |
//! |---|---|---|
//! | 2 Terminology | 0 | 1 |
//! | 3 The SETTINGS_ENABLE_CONNECT_PROTOCOL SETTINGS Parameter | 0 | 3 |
//! | 4 The Extended CONNECT Method | 2 | 1 |
//! | 5 Using Extended CONNECT to Bootstrap the WebSocket Protocol | 9 | 0 |
//!
//! ## RFC 9220: Bootstrapping WebSockets with HTTP/3
//!
//! | section | shown by tests | not for this crate |
//! |---|---|---|
//! | 2 Conventions and Definitions | 0 | 1 |
//! | 3 WebSockets Upgrade over HTTP/3 | 2 | 1 |
//!
//! ## RFC 9112: HTTP/1.1
//!
//! | section | shown by tests | not for this crate |
//! |---|---|---|
//! | 2.1 Message Format | 1 | 0 |
//! | 2.2 Message Parsing | 9 | 0 |
//! | 2.3 HTTP Version | 2 | 0 |
//! | 3 Request Line | 3 | 0 |
//! | 3.1 Method | 2 | 0 |
//! | 3.2 Request Target | 3 | 0 |
//! | 3.2.1 origin-form | 1 | 0 |
//! | 3.2.2 absolute-form | 2 | 0 |
//! | 4 Status Line | 3 | 0 |
//! | 5 Field Syntax | 1 | 0 |
//! | 5.1 Field Line Parsing | 3 | 0 |
//! | 5.2 Obsolete Line Folding | 3 | 0 |
//! | 6.1 Transfer-Encoding | 3 | 0 |
//! | 6.3 Message Body Length | 4 | 0 |
//! | 7.1 Chunked Transfer Coding | 2 | 0 |
//! | 7.1.1 Chunk Extensions | 1 | 0 |
//! | 8 Handling Incomplete Messages | 1 | 0 |
//! | 9.6 Tear-down | 3 | 0 |
//! | 9.8 TLS Connection Closure | 1 | 0 |
//!
//! ## RFC 9110: HTTP Semantics
//!
//! | section | shown by tests | not for this crate |
//! |---|---|---|
//! | 4.2.4 Deprecation of userinfo in http(s) URIs | 2 | 0 |
//! | 5.1 Field Names | 2 | 0 |
//! | 5.3 Field Order | 3 | 0 |
//! | 5.4 Field Limits | 1 | 0 |
//! | 5.5 Field Values | 3 | 0 |
//! | 5.6.1 Lists (#rule ABNF Extension) | 2 | 0 |
//! | 5.6.2 Tokens | 1 | 0 |
//! | 5.6.3 Whitespace | 1 | 0 |
//! | 5.6.4 Quoted Strings | 3 | 0 |
//! | 6.6.1 Date | 1 | 0 |
//! | 7.2 Host and :authority | 1 | 0 |
//! | 7.6.1 Connection | 1 | 0 |
//! | 7.8 Upgrade | 7 | 0 |
//! | 9.1 Methods | 1 | 0 |
//! | 9.3.2 HEAD | 1 | 0 |
//! | 11.6.1 WWW-Authenticate | 1 | 0 |
//! | 15.2 Informational 1xx | 2 | 0 |
//! | 15.4 Redirection 3xx | 1 | 0 |
//! | 15.5.6 405 Method Not Allowed | 1 | 0 |
//!
//! ## RFC 7936: Clarifying Registry Procedures for the WebSocket Subprotocol Name Registry
//!
//! | section | shown by tests | not for this crate |
//! |---|---|---|
//! | 2 Clarified Instructions | 1 | 1 |
//!
//! ## RFC 8307: Well-Known URIs for the WebSocket Protocol
//!
//! | section | shown by tests | not for this crate |
//! |---|---|---|
//! | 1 Introduction | 1 | 0 |
//!
//! ## RFC 3629: UTF-8
//!
//! | section | shown by tests | not for this crate |
//! |---|---|---|
//! | 3 UTF-8 Definition | 3 | 0 |
//! | 4 Syntax of UTF-8 Byte Sequences | 9 | 0 |
//! | 6 Byte order mark (BOM) | 1 | 0 |
//!
//! ## RFC 3986: URI Generic Syntax
//!
//! | section | shown by tests | not for this crate |
//! |---|---|---|
//! | 2.1 Percent-Encoding | 1 | 0 |
//! | 3.2.2 Host | 2 | 0 |
//!
//! ## RFC 6454: The Web Origin Concept
//!
//! | section | shown by tests | not for this crate |
//! |---|---|---|
//! | 7.1 Syntax | 1 | 0 |
//! | 7.3 User Agent Requirements | 1 | 0 |
//!
//! ## RFC 4648: The Base16, Base32, and Base64 Data Encodings
//!
//! | section | shown by tests | not for this crate |
//! |---|---|---|
//! | 3.2 Padding of Encoded Data | 1 | 0 |
//! | 3.3 Interpretation of Non-Alphabet Characters in Encoded Data | 1 | 0 |
//! | 3.5 Canonical Encoding | 2 | 0 |
//! | 4 Base 64 Encoding | 1 | 0 |
//!
//! ## RFC 1951: DEFLATE
//!
//! | section | shown by tests | not for this crate |
//! |---|---|---|
//! | 3.1.1 Packing into bytes | 1 | 0 |
//! | 3.2.3 Details of block format | 3 | 0 |
//! | 3.2.4 Non-compressed blocks (BTYPE=00) | 1 | 0 |
//! | 3.2.5 Compressed blocks (length and distance codes) | 4 | 0 |
//! | 3.2.6 Compression with fixed Huffman codes (BTYPE=01) | 2 | 0 |
//! | 3.2.7 Compression with dynamic Huffman codes (BTYPE=10) | 4 | 0 |
//!
//! ## IANA: WebSocket Close Code Number Registry
//!
//! | section | shown by tests | not for this crate |
//! |---|---|---|
//! | close-codes Codes registered after RFC 6455 | 1 | 0 |
