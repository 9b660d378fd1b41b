//! One connection after another.

use alloc::sync::Arc;

use tokio::time::sleep;

use super::{ClientStream, WebSocket, connect::connect_with, io::Clock};
use crate::{
    adapter::{Error, Pace, random_u64, reconnect},
    client::{Backoff, Connector},
    config::Config,
    handshake::{ClientRequest, Response},
};

reconnect! {
    /// Opens a connection anew each time that one has ended.
    ///
    /// It waits between attempts as its [`Backoff`] says. It never resends messages.
    ///
    /// ```no_run
    /// use framewise::{Config, tokio::Reconnect};
    ///
    /// # async fn follow() -> Result<(), framewise::Error> {
    /// let mut reconnect = Reconnect::new("wss://example.com/prices", Config::default())?;
    /// loop {
    ///     let (mut websocket, _response) = reconnect.connect().await?;
    ///     websocket.send("subscribe").await?;
    ///     while let Ok(Some(message)) = websocket.read().await {
    ///         println!("{message:?}");
    ///     }
    /// }
    /// # }
    /// ```
    ///
    /// [`connect`](Self::connect) is cancel safe: a wait that was dropped goes on, and an attempt that
    /// was dropped counts as failed.
    ;
    Clock, sleep, async, await
}
