//! A table of what a connection holds.

use bytes::Bytes;

use crate::{
    heap,
    peers::{self, AnyEndpoint, Framewise, FramewiseConfig, PEERS},
    wire::Wire,
    workload::{self, Compression, Content, Message, Role, Setup},
};

const CONNECTIONS: usize = 64;
const MESSAGES: usize = 20;
const SIZE: usize = 1 << 10;

type Open = Box<dyn Fn(Setup, Wire) -> Option<Box<dyn AnyEndpoint>>>;

/// Prints the table.
pub(crate) fn run() {
    heap::start();
    let columns = [
        ("no compression", None),
        ("15 bits, takeover", Some((15, true))),
        ("15 bits, none", Some((15, false))),
        ("9 bits, takeover", Some((9, true))),
        ("9 bits, none", Some((9, false))),
    ];
    println!("## octets on the heap per connection: new / after {MESSAGES} messages each way\n");
    print!("|");
    for (title, _) in columns {
        print!(" | {title}");
    }
    println!(" |\n|---|{}", "---:|".repeat(columns.len()));
    for (name, open) in rows() {
        print!("| {name}");
        for (_, deflate) in columns {
            let deflate = deflate.map(|(bits, takeover)| Compression { takeover, bits, level: 6 });
            match held(&open, Setup { role: Role::Server, deflate }) {
                Some((new, used)) => print!(" | {new} / {used}"),
                None => print!(" | –"),
            }
        }
        println!(" |");
    }
    println!();
}

/// All peers as they come, and what some of them have to save memory.
fn rows() -> Vec<(String, Open)> {
    let mut rows: Vec<(String, Open)> =
        PEERS.into_iter().map(|peer| (peer.name.into(), Box::new(peer.open) as Open)).collect();
    let framewise = |config: FramewiseConfig| -> Open {
        Box::new(move |setup, wire| {
            setup.deflate?;
            Some(Box::new(<Framewise>::new(setup, config, wire)))
        })
    };
    for level in [5, 1] {
        let memory_level = level.try_into().expect("a level");
        let config = FramewiseConfig { memory_level, ..FramewiseConfig::default() };
        rows.push((format!("framewise, memory level {level}"), framewise(config)));
    }
    let config = FramewiseConfig { shared_compressor: true, ..FramewiseConfig::default() };
    rows.push(("framewise, shared compressor".into(), framewise(config)));
    rows.push(("yawc, pool".into(), Box::new(peers::open_yawc_with_pool)));
    rows
}

/// Returns what a connection holds at first and when it is idle again.
fn held(open: &Open, setup: Setup) -> Option<(isize, isize)> {
    let messages = workload::messages(Content::Text, SIZE, MESSAGES);
    let frames = Bytes::from(workload::frames(&messages, setup));
    // One that makes what is kept for all.
    let wire = Wire::default();
    exchange(&mut open(setup, wire.clone())?, &wire, &messages, &frames);

    let wires: Vec<Wire> = (0..CONNECTIONS).map(|_| Wire::default()).collect();
    let mut endpoints = Vec::with_capacity(CONNECTIONS);
    let before = heap::octets();
    for wire in &wires {
        let mut endpoint = open(setup, wire.clone())?;
        endpoint.wait();
        endpoints.push(endpoint);
    }
    let new = heap::octets() - before;
    for (endpoint, wire) in endpoints.iter_mut().zip(&wires) {
        exchange(endpoint, wire, &messages, &frames);
    }
    let used = heap::octets() - before;
    Some((new / CONNECTIONS as isize, used / CONNECTIONS as isize))
}

/// Receives the messages, sends them back, and waits.
fn exchange(
    endpoint: &mut Box<dyn AnyEndpoint>,
    wire: &Wire,
    messages: &[Message],
    frames: &Bytes,
) {
    wire.put(frames);
    let mut left = messages.iter();
    endpoint.receive_each(messages.len(), &mut |text| {
        assert!(left.next().is_some_and(|message| text == message.bytes));
    });
    endpoint.prepare(messages);
    endpoint.send(messages, 1);
    endpoint.wait();
    // What was written counts for the wire, which was there before.
    drop(wire.take());
    wire.put(&Bytes::new());
}
