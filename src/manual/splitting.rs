//! Two halves for two tasks or threads.
//!
//! [`Connection::split`](crate::Connection::split) takes a connection apart into a
//! [`ReceiveHalf`](crate::ReceiveHalf) and a [`SendHalf`](crate::SendHalf). Parsing and framing
//! take no lock. What joins the halves is the closing state and the replies that are owed; that is
//! behind a lock which is held for a moment, by the receiving half for control frames and timers
//! only. Messages are compressed and inflated outside it.
//!
//! Pings and Closes are still answered without the application's doing, but only the sending half
//! can queue the answers. So whoever drives the receiving half asks it after each batch whether it
//! [`owes_reply`](crate::ReceiveHalf::owes_reply), and has
//! [`SendHalf::output`](crate::SendHalf::output) written then.
//!
//! The adapters do all that: [`tokio::WebSocket::split`](crate::tokio::WebSocket::split) and
//! [`blocking::WebSocket::split`](crate::blocking::WebSocket::split) give a reader and a writer.
//! The reader answers by itself, whether or not the writer is being used, and drives the timers.
//!
//! ```
//! use std::sync::Arc;
//! use framewise::{Config, Connection, Event, Input};
//!
//! let connection = Connection::server(Arc::new(Config::default()));
//! let (mut receiving, mut sending) = connection.split();
//!
//! // One thread reads...
//! let mut octets = *b"\x89\x82\x00\x00\x00\x00hi";
//! let event = receiving.receive(&mut Input::new(&mut octets))?;
//! assert_eq!(event, Some(Event::Ping(b"hi".into())));
//! assert!(receiving.owes_reply());
//!
//! // ...the other one writes.
//! sending.send_text("news")?;
//! assert_eq!(sending.output().chunk(), b"\x8a\x02hi\x81\x04news");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
