//! Connectors over real sockets.

use alloc::vec::Vec;
use core::{net::SocketAddr, time::Duration};
use std::{io::ErrorKind, net::TcpListener};

use super::{AddressRace, ConnectGate, Connector, Opened};
use crate::{blocking::connect::open as open_blocking, tokio::connect::open};

/// An address where nobody listens.
fn closed() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    // It has no time driver.
    tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap().block_on(future)
}

#[test]
fn the_next_address_is_tried_and_needs_no_timer() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let connector = Connector::new().attempt_delay(None);
    let Opened { stream, turn, .. } =
        block_on(open(connector.race([closed(), address].to_vec(), None))).unwrap();
    assert_eq!(stream.peer_addr().unwrap(), address);
    assert!(turn.is_none());
    let addresses = [closed(), closed(), closed()].to_vec();
    let error = block_on(open(connector.race(addresses, None))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    let error = block_on(open(connector.race(Vec::new(), None))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

// An address whose turn does not come is like a dead one; both are given up for the other.
#[tokio::test(start_paused = true)]
async fn an_address_that_is_busy_does_not_hold_up_another_one() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (gate, busy) = (ConnectGate::new(), closed());
    let held = gate.enter(busy).await;
    let connector = Connector::new().gate(&gate);
    let opening = open(connector.race([busy, address].to_vec(), None));
    let Opened { stream, turn, .. } = opening.await.unwrap();
    assert_eq!(stream.peer_addr().unwrap(), address);
    assert_eq!(alloc::format!("{gate:?}"), "ConnectGate { busy: 2, waiting: 0 }");
    drop((turn, held));
    assert_eq!(alloc::format!("{gate:?}"), "ConnectGate { busy: 0, waiting: 0 }");
}

#[test]
fn a_thread_tries_the_next_address() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    for delay in [None, Some(AddressRace::ATTEMPT_DELAY)] {
        let connector = Connector::new().attempt_delay(delay);
        let Opened { stream, turn, .. } =
            open_blocking(connector.race([closed(), address].to_vec(), None)).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), address);
        assert!(turn.is_none());
        let addresses = [closed(), closed(), closed()].to_vec();
        let error =
            open_blocking(connector.race(addresses, Some(Duration::from_secs(100)))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
        let error = open_blocking(connector.race(Vec::new(), None)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
}

// An address whose turn does not come is like a dead one.
#[test]
fn a_busy_address_does_not_hold_up_a_thread() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let (gate, busy_address) = (ConnectGate::new(), busy.local_addr().unwrap());
    let held = gate.enter_blocking(busy_address);
    let connector = Connector::new().gate(&gate);
    let Opened { stream, turn, .. } =
        open_blocking(connector.race([busy_address, address].to_vec(), None)).unwrap();
    assert_eq!(stream.peer_addr().unwrap(), address);
    drop((held, turn));
    // The attempt that lost has its turn now, or had it, and opens nothing.
    drop(gate.enter_blocking(busy_address));
    busy.set_nonblocking(true).unwrap();
    assert_eq!(busy.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}
