//! Turns in opening connections to an address (RFC 6455 §4.1).

use alloc::{
    boxed::Box,
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
    task::Wake,
};
use core::{
    fmt,
    future::poll_fn,
    net::{IpAddr, SocketAddr},
    pin::pin,
    task::{Context, Poll, Waker},
};
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    thread::{self, Thread},
};

/// Lets clients take turns: at most one of those that share a gate opens a connection to an
/// address at a time.
///
/// RFC 6455 §4.1 item 2 asks clients for this, so that a script in a browser cannot flood a server
/// with handshakes. A library cannot know which connections of a program belong together. So the
/// program makes a gate and passes it to those clients that take turns. Without a gate nobody
/// waits. Clones share the gate.
///
/// Turns come in the order in which clients began to wait, for each [`Destination`] on its own.
/// The end of a turn wakes one client only. A turn costs O(log n) for n waiting clients. Waiting
/// has no time limit: hold turns for a limited time.
///
/// ```
/// use framewise::client::ConnectGate;
///
/// let gate = ConnectGate::new();
/// let address: std::net::SocketAddr = "192.0.2.1:80".parse().unwrap();
/// let turn = gate.enter_blocking(address);
/// // Open a connection and do the opening handshake. Then the next client may begin:
/// drop(turn);
/// ```
#[derive(Clone, Default)]
pub struct ConnectGate {
    queues: Arc<Mutex<BTreeMap<Destination, Queue>>>,
}

/// The right to open a connection to a [`Destination`]. Dropping it gives the turn to the next.
///
/// ```
/// use framewise::client::{ConnectGate, Turn};
///
/// # async fn run() {
/// let gate = ConnectGate::new();
/// let turn: Turn = gate.enter(("example.com", 443)).await;
/// # }
/// ```
#[derive(Debug)]
#[must_use = "the turn ends when this is dropped"]
pub struct Turn {
    gate: ConnectGate,
    destination: Destination,
}

/// The key of a [`ConnectGate`]: an IP address and a port, or the name of a host and a port.
///
/// Use a name if a proxy resolves it, and the address is unknown. Each name then counts as a distinct
/// host (RFC 6455 §4.1 item 2). Case does not matter in a name, and a name that is a
/// literal address is that address. An IPv4 address mapped to IPv6 equals the IPv4 address.
///
/// ```
/// use framewise::client::Destination;
///
/// assert_eq!(Destination::from(("Example.COM", 80)), ("example.com", 80).into());
/// let address: std::net::SocketAddr = "[::1]:80".parse().unwrap();
/// assert_eq!(Destination::from(("[::1]", 80)), address.into());
/// ```
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Destination {
    host: Host,
    port: u16,
}

#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
enum Host {
    Address(IpAddr),
    Name(Box<str>),
}

/// The clients of a destination. There is a queue while a client has the turn.
#[derive(Debug, Default)]
struct Queue {
    /// The ticket that has the turn. Set when a turn passes on; 0 is that of the first client.
    turn: u64,
    /// The last ticket that was given out.
    last: u64,
    waiting: BTreeMap<u64, Waker>,
}

/// A client that waits for its turn, or has it and does not know yet.
#[derive(Debug)]
struct Waiter<'gate> {
    gate: &'gate ConnectGate,
    destination: &'gate Destination,
    /// Set while the client is in the queue, cleared when it takes its turn.
    ticket: Option<u64>,
}

impl ConnectGate {
    /// Makes a gate, at which nobody waits.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits for the turn to open a connection to `destination`.
    ///
    /// A client joins the queue when the future is first polled. Dropping the future leaves the
    /// queue. It needs no particular runtime.
    pub async fn enter(&self, destination: impl Into<Destination>) -> Turn {
        let destination = destination.into();
        let mut waiter = Waiter { gate: self, destination: &destination, ticket: None };
        poll_fn(|cx| waiter.poll(cx)).await;
        drop(waiter);
        Turn { gate: self.clone(), destination }
    }

    /// Waits like [`enter`](Self::enter) and blocks the thread.
    pub fn enter_blocking(&self, destination: impl Into<Destination>) -> Turn {
        struct Unpark(Thread);

        impl Wake for Unpark {
            fn wake(self: Arc<Self>) {
                self.0.unpark();
            }
        }

        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut entering = pin!(self.enter(destination));
        loop {
            match entering.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(turn) => return turn,
                Poll::Pending => thread::park(),
            }
        }
    }

    /// Ends a turn. The next in the queue has it from here on.
    fn pass(&self, destination: &Destination) {
        let mut queues = self.lock();
        let next = queues.get_mut(destination).and_then(|queue| {
            let (ticket, waker) = queue.waiting.pop_first()?;
            queue.turn = ticket;
            Some(waker)
        });
        let Some(waker) = next else {
            let ended = queues.remove(destination);
            drop(queues);
            return drop(ended);
        };
        drop(queues);
        waker.wake();
    }

    /// Never call code of others under this lock, such as a waker's: it may use the gate.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Destination, Queue>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiter<'_> {
    fn poll(&mut self, cx: &Context<'_>) -> Poll<()> {
        // Cloned before, and dropped after, the lock.
        let waker = cx.waker().clone();
        let mut queues = self.gate.lock();
        let queue = match queues.entry(self.destination.clone()) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                entry.insert(Queue::default());
                return Poll::Ready(());
            }
        };
        if self.ticket == Some(queue.turn) {
            self.ticket = None;
            return Poll::Ready(());
        }
        let ticket = *self.ticket.get_or_insert_with(|| {
            queue.last += 1;
            queue.last
        });
        let replaced = queue.waiting.insert(ticket, waker);
        drop(queues);
        drop(replaced);
        Poll::Pending
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let Some(ticket) = self.ticket else { return };
        let mut queues = self.gate.lock();
        let left = queues.get_mut(self.destination).and_then(|queue| queue.waiting.remove(&ticket));
        drop(queues);
        if left.is_none() {
            // The turn has come already.
            self.gate.pass(self.destination);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.gate.pass(&self.destination);
    }
}

impl fmt::Debug for ConnectGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let queues = self.lock();
        let waiting = queues.values().map(|queue| queue.waiting.len()).sum::<usize>();
        let busy = queues.len();
        drop(queues);
        f.debug_struct("ConnectGate").field("busy", &busy).field("waiting", &waiting).finish()
    }
}

impl From<SocketAddr> for Destination {
    fn from(address: SocketAddr) -> Self {
        Self { host: Host::Address(address.ip().to_canonical()), port: address.port() }
    }
}

impl From<(&str, u16)> for Destination {
    fn from((name, port): (&str, u16)) -> Self {
        let literal = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
        match literal.unwrap_or(name).parse::<IpAddr>() {
            Ok(address) => SocketAddr::new(address, port).into(),
            Err(_) => Self { host: Host::Name(name.to_ascii_lowercase().into()), port },
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::{format, vec::Vec};
    use core::{
        mem,
        pin::Pin,
        sync::atomic::{AtomicUsize, Ordering},
    };
    use std::sync::mpsc;

    use super::*;

    /// Counts how often it was woken.
    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// A client that enters.
    struct Client<'gate> {
        wakes: Arc<Wakes>,
        entering: Pin<Box<dyn Future<Output = Turn> + Send + 'gate>>,
    }

    impl<'gate> Client<'gate> {
        fn new(gate: &'gate ConnectGate, destination: impl Into<Destination>) -> Self {
            let entering = Box::pin(gate.enter(destination.into()));
            Self { wakes: Arc::default(), entering }
        }

        fn poll(&mut self) -> Option<Turn> {
            let waker = Waker::from(Arc::clone(&self.wakes));
            match self.entering.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(turn) => Some(turn),
                Poll::Pending => None,
            }
        }

        fn wakes(&self) -> usize {
            self.wakes.0.load(Ordering::SeqCst)
        }
    }

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn clients(gate: &ConnectGate, count: usize) -> Vec<Client<'_>> {
        let mut clients: Vec<_> =
            (0..count).map(|_| Client::new(gate, address("192.0.2.1:80"))).collect();
        assert!(clients.iter_mut().all(|client| client.poll().is_none()), "all wait");
        clients
    }

    // 6455-4.1-06, 6455-4.1-07, 6455-4.1-08
    #[test]
    fn turns_come_in_order() {
        let gate = ConnectGate::new();
        let mut turn = gate.enter_blocking(address("192.0.2.1:80"));
        let mut clients = clients(&gate, 3);
        for place in 0..3 {
            drop(turn);
            assert_eq!(clients[place].wakes(), 1);
            for later in &mut clients[place + 1..] {
                assert!(later.poll().is_none());
                assert_eq!(later.wakes(), 0);
            }
            turn = clients[place].poll().expect("its turn");
        }
        // One that comes between the end of a turn and the next poll does not jump the queue.
        let mut next = self::clients(&gate, 1).pop().unwrap();
        drop(turn);
        let mut late = self::clients(&gate, 1).pop().unwrap();
        drop(next.poll().expect("its turn"));
        drop(late.poll().expect("its turn"));
        assert!(gate.lock().is_empty(), "nothing is kept");
    }

    #[test]
    fn three_thousand_are_woken_once_each() {
        const CLIENTS: usize = 3_000;

        let gate = ConnectGate::new();
        let first = gate.enter_blocking(address("192.0.2.1:80"));
        let mut clients = clients(&gate, CLIENTS);
        assert_eq!(format!("{gate:?}"), "ConnectGate { busy: 1, waiting: 3000 }");
        drop(first);
        let mut polls = 0;
        while let Some(place) = clients.iter().position(|client| client.wakes() > 0) {
            polls += 1;
            drop(clients.swap_remove(place).poll().expect("it was woken for its turn"));
            let awake = clients.iter().filter(|client| client.wakes() > 0).count();
            assert!(awake <= 1, "{awake} are woken");
        }
        assert_eq!((polls, clients.len()), (CLIENTS, 0));
        assert_eq!(format!("{gate:?}"), "ConnectGate { busy: 0, waiting: 0 }");
    }

    // 6455-4.1-06, R59: before the first poll, in the queue, and with a turn that it does not know of
    #[test]
    fn a_client_can_give_up_anywhere() {
        let gate = ConnectGate::new();
        drop(Client::new(&gate, address("192.0.2.1:80")));
        assert!(gate.lock().is_empty());
        let turn = gate.enter_blocking(address("192.0.2.1:80"));
        let mut waiting = clients(&gate, 6);
        waiting.truncate(5); // the last
        drop(waiting.remove(2)); // one in the middle
        drop(waiting.remove(0)); // the next
        assert_eq!(gate.lock().values().next().unwrap().waiting.len(), 3);
        drop(turn);
        assert_eq!(waiting[0].wakes(), 1);
        drop(waiting.remove(0)); // one that has its turn
        assert_eq!(waiting[0].wakes(), 1, "the turn went on");
        let turn = waiting[0].poll().expect("its turn");
        drop(waiting.remove(0)); // one that has taken its turn
        assert_eq!(waiting[0].wakes(), 0);
        drop(turn);
        drop(waiting.remove(0)); // the only one, which has its turn
        assert!(gate.lock().is_empty());
    }

    #[test]
    fn the_latest_task_is_woken() {
        let gate = ConnectGate::new();
        let turn = gate.enter_blocking(address("192.0.2.1:80"));
        let mut client = clients(&gate, 1).pop().unwrap();
        let before = mem::take(&mut client.wakes);
        assert!(client.poll().is_none());
        drop(turn);
        assert_eq!((before.0.load(Ordering::SeqCst), client.wakes()), (0, 1));
    }

    // A waker that is woken or dropped may run a task, which may use the gate.
    #[test]
    fn a_waker_may_use_the_gate() {
        struct Enters(ConnectGate);

        impl Enters {
            fn enter(&self) {
                drop(self.0.enter_blocking(address("192.0.2.9:80")));
            }
        }

        impl Wake for Enters {
            fn wake(self: Arc<Self>) {
                self.enter();
            }
        }

        impl Drop for Enters {
            fn drop(&mut self) {
                self.enter();
            }
        }

        let gate = ConnectGate::new();
        let turn = gate.enter_blocking(address("192.0.2.1:80"));
        let (mut one, mut other) = {
            let mut clients = clients(&gate, 2);
            (clients.remove(0), clients.remove(0))
        };
        for client in [&mut one, &mut other] {
            for _ in 0..2 {
                let waker = Waker::from(Arc::new(Enters(gate.clone())));
                let mut cx = Context::from_waker(&waker);
                assert!(client.entering.as_mut().poll(&mut cx).is_pending());
            }
        }
        drop(other);
        drop(turn);
        assert!(one.poll().is_some());
        assert!(gate.lock().is_empty());
    }

    // 6455-4.1-06, 6455-4.1-07: erratum 3473, per address and port
    #[test]
    fn other_addresses_and_other_gates_do_not_wait() {
        let gate = ConnectGate::new();
        let first = gate.enter_blocking(address("192.0.2.1:80"));
        let others = ["192.0.2.1:81", "192.0.2.2:80", "[2001:db8::1]:80"];
        let others = others.map(|other| gate.enter_blocking(address(other)));
        let apart = ConnectGate::new().enter_blocking(address("192.0.2.1:80"));
        let mut shared = gate.clone();
        assert!(Client::new(&shared, address("192.0.2.1:80")).poll().is_none());
        assert!(Client::new(&shared, address("[::ffff:192.0.2.1]:80")).poll().is_none());
        drop((others, apart, first));
        assert!(gate.lock().is_empty());
        shared = ConnectGate::new();
        assert!(Client::new(&shared, address("192.0.2.1:80")).poll().is_some());
    }

    // 6455-4.1-09: each name is a host of its own, even if a proxy finds the same address for two
    #[test]
    fn where_a_proxy_resolves_names_they_take_turns() {
        let gate = ConnectGate::new();
        let turn = gate.enter_blocking(("one.example", 80));
        assert!(Client::new(&gate, ("ONE.example", 80)).poll().is_none());
        for other in [("two.example", 80), ("one.example", 81), ("one.example.", 80)] {
            assert!(Client::new(&gate, other).poll().is_some(), "{other:?}");
        }
        drop(turn);
        let turn = gate.enter_blocking(address("192.0.2.1:80"));
        assert!(Client::new(&gate, ("192.0.2.1", 80)).poll().is_none());
        drop(turn);
    }

    // 6455-4.1-07
    #[test]
    fn threads_take_turns() {
        const THREADS: usize = 8;
        const TURNS: usize = 50;

        let (gate, inside) = (ConnectGate::new(), AtomicUsize::new(0));
        let (done, ended) = mpsc::channel();
        thread::scope(|scope| {
            for _ in 0..THREADS {
                let (gate, inside, done) = (gate.clone(), &inside, done.clone());
                scope.spawn(move || {
                    for _ in 0..TURNS {
                        let turn = gate.enter_blocking(address("192.0.2.1:80"));
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        thread::yield_now();
                        inside.fetch_sub(1, Ordering::SeqCst);
                        drop(turn);
                        done.send(()).unwrap();
                    }
                });
            }
        });
        drop(done);
        assert_eq!(ended.iter().count(), THREADS * TURNS);
        assert!(gate.lock().is_empty());
    }
}
