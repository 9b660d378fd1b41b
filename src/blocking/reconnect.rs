//! One connection after another.

use alloc::sync::Arc;
use std::thread::sleep;

use super::{ClientStream, WebSocket, connect::connect_with};
use crate::{
    adapter::{Clock, Error, Pace, random_u64, reconnect},
    client::{Backoff, Connector},
    config::Config,
    handshake::{ClientRequest, Response},
};

reconnect! {
    /// Opens a connection anew each time that one has ended.
    ///
    /// It sleeps between attempts as its [`Backoff`] says. It never resends messages.
    ///
    /// ```no_run
    /// use framewise::{Config, blocking::Reconnect};
    ///
    /// # fn follow() -> Result<(), framewise::Error> {
    /// let mut reconnect = Reconnect::new("wss://example.com/prices", Config::default())?;
    /// loop {
    ///     let (mut websocket, _response) = reconnect.connect()?;
    ///     websocket.send("subscribe")?;
    ///     while let Ok(Some(message)) = websocket.read() {
    ///         println!("{message:?}");
    ///     }
    /// }
    /// # }
    /// ```
    ;
    Clock, sleep
}
