//! Two halves for two tasks or threads.
//!
//! | split | gives | driven by |
//! |---|---|---|
//! | `tokio::WebSocket::into_split`, [`blocking::WebSocket::into_split`](crate::blocking::WebSocket::into_split) | a reader and a writer | the adapter |
//! | [`Driver::into_split`](crate::driver::Driver::into_split) | a [`ReceiveDriver`](crate::driver::ReceiveDriver) and a [`SendDriver`](crate::driver::SendDriver) | your binding |
//! | [`Connection::into_split`](crate::Connection::into_split) | a [`ReceiveHalf`](crate::ReceiveHalf) and a [`SendHalf`](crate::SendHalf) | your loop |
//!
//! Parsing and framing take no lock. The halves share the closing state, the timers and the replies
//! that are owed. A lock protects those; the receiving half takes it for a moment, for control frames
//! and timers only. Messages are compressed and inflated outside it.
//!
//! # With a driver
//!
//! The halves follow the rules of the whole: the same timers, the same signs of life, the same ends
//! (see [`faults`](super::faults)). Three things are specific to them:
//!
//! - **Drive the receiving half until it ends**, whatever the other half does. Timers run there, and it
//!   has Pings and Closes answered.
//! - **A reply is written by the sending half.** The receiving half asks for it with
//!   [`Step::Reply`](crate::driver::Step::Reply). Drive the sending half then with
//!   [`Goal::Events`](crate::driver::Goal::Events). If its own task or thread is driving it, report
//!   [`reply_pending`](crate::driver::ReceiveDriver::reply_pending): that one writes the reply when it
//!   is done.
//! - **The receiving half reads on** while output is pending. The program bounds what it passes from one
//!   half to the other; see [`back_pressure`](super::back_pressure).
//!
//! When the receiving half ends or fails, wake the sending one. When the sending half begins to close,
//! wake the receiving one: it has a deadline now. A thread that blocks in a read cannot be woken, so a
//! half-duplex receiving half looks up every `close_timeout`.
//!
//! The adapters do all of this. Their reader answers by itself, whether or not the writer is used.
//!
//! # Without a driver
//!
//! After each batch, ask the receiving half whether it [`owes_reply`](crate::ReceiveHalf::owes_reply).
//! If it does, write [`SendHalf::output`](crate::SendHalf::output).
//!
//! Only a driver tells the receiving half when output was written. Without one, bytes that arrive count
//! as life even while output is pending, and output that is left when the stream ends has no deadline:
//! your loop bounds both. [`reunite`](crate::ReceiveHalf::reunite) puts the halves together again.
//!
//! ```
//! use std::sync::Arc;
//! use framewise::{Config, Connection, Event, Input};
//!
//! let connection = Connection::server(Arc::new(Config::default()));
//! let (mut receiving, mut sending) = connection.into_split();
//!
//! // One thread reads...
//! let mut bytes = *b"\x89\x82\x00\x00\x00\x00hi";
//! let event = receiving.receive(&mut Input::new(&mut bytes))?;
//! assert_eq!(event, Some(Event::Ping(b"hi".into())));
//! assert!(receiving.owes_reply());
//!
//! // ...the other one writes.
//! sending.send_text("news")?;
//! assert_eq!(sending.output().chunk(), b"\x8a\x02hi\x81\x04news");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
