//! One connection in the state CONNECTING for each address (RFC 6455 §4.1).

use alloc::{collections::BTreeMap, sync::Arc, task::Wake, vec::Vec};
use core::{
    net::SocketAddr,
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};
use std::{
    sync::{Mutex, PoisonError},
    thread::{self, Thread},
    time::Instant,
};

/// The right to open a connection to an address, until it is dropped.
#[derive(Debug)]
pub(crate) struct Connecting {
    address: SocketAddr,
}

/// The addresses to which a connection is being opened, and who else wants to.
static ADDRESSES: Mutex<BTreeMap<SocketAddr, Vec<Waker>>> = Mutex::new(BTreeMap::new());

impl Connecting {
    /// Waits for the right to open a connection to `address`.
    pub(crate) async fn to(address: SocketAddr) -> Self {
        core::future::poll_fn(|cx| {
            let mut addresses = ADDRESSES.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(waiting) = addresses.get_mut(&address) {
                if !waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
                    waiting.push(cx.waker().clone());
                }
                return Poll::Pending;
            }
            addresses.insert(address, Vec::new());
            Poll::Ready(Self { address })
        })
        .await
    }

    /// The same for a thread, which waits so long at most.
    pub(crate) fn to_blocking(address: SocketAddr, patience: Option<Duration>) -> Option<Self> {
        struct Unpark(Thread);

        impl Wake for Unpark {
            fn wake(self: Arc<Self>) {
                self.0.unpark();
            }
        }

        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut entered = pin!(Self::to(address));
        let began = Instant::now();
        loop {
            if let Poll::Ready(connecting) = entered.as_mut().poll(&mut Context::from_waker(&waker))
            {
                return Some(connecting);
            }
            match patience {
                Some(patience) => thread::park_timeout(patience.checked_sub(began.elapsed())?),
                None => thread::park(),
            }
        }
    }
}

impl Drop for Connecting {
    fn drop(&mut self) {
        let waiting = ADDRESSES
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.address)
            .unwrap_or_default();
        // All of them: one that has lost interest in the meantime must not keep the others waiting.
        waiting.into_iter().for_each(Waker::wake);
    }
}
