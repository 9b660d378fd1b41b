//! What the tests of the kinds share.

use std::{future::Future, time::Duration};

use framewise::{Config, Connection};

use crate::support::{SEED, config};

/// All timers are off.
pub(crate) fn untimed() -> Config {
    config(|config| {
        (config.handshake_timeout, config.close_timeout, config.close_limit) = (None, None, None);
        (config.ping_interval, config.pong_timeout) = (None, None);
        (config.idle_timeout, config.message_timeout) = (None, None);
    })
}

pub(crate) fn untimed_server() -> Connection {
    Connection::server(untimed())
}

pub(crate) fn untimed_client() -> Connection {
    Connection::client(untimed(), SEED)
}

/// Waits for a future, but not for ever.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(600), future).await.expect("it hangs")
}

/// Runs a future on two threads, and fails when it hangs.
pub(crate) fn on_threads<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    crate::support::within(|| {
        let builder = &mut tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(2).enable_all().build().unwrap().block_on(future)
    })
}
