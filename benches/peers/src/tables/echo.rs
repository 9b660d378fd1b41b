//! Two ends of a connection in one thread: a client sends messages, a server sends them back.
//!
//! What one end has written is handed to the other without a copy.

use crate::{
    contest::{Contestant, Kind, Report},
    peers::{PEERS, RECEIVERS},
    wire::Wire,
    workload::{self, Content, Message, Role, Setup},
};

use super::size_name;

/// How many messages are under way.
const COUNT: usize = 16;

pub(super) fn run(report: &mut Report) {
    for size in [32, 1 << 10, 16 << 10] {
        let title = format!("echo, {}, {COUNT} at once", size_name(size));
        report.compare(&title, COUNT, "memcpy", || contestants(size));
    }
}

fn contestants(size: usize) -> Vec<Contestant> {
    let messages = workload::messages(Content::Binary, size, COUNT);
    let mut contestants = Vec::new();
    for peer in PEERS.iter().chain(&RECEIVERS) {
        let wires = Role::BOTH.map(|_| Wire::default());
        let [Some(mut server), Some(mut client)] =
            [0, 1].map(|end| (peer.open)(Setup::plain(Role::BOTH[end]), wires[end].clone()))
        else {
            continue;
        };
        let messages = messages.clone();
        let mut round = move |check: bool| {
            let [at_server, at_client] = &wires;
            client.prepare(&messages);
            client.send(&messages, COUNT);
            at_server.pour(at_client);
            server.echo(COUNT);
            at_client.pour(at_server);
            if !check {
                return client.drain(COUNT);
            }
            let mut expected = messages.iter();
            client.receive_each(COUNT, &mut |payload| {
                assert!(expected.next().is_some_and(|message| payload == message.bytes));
            });
        };
        round(true);
        contestants.push(Contestant::new(peer.name, Kind::of(peer.own), move || round(false)));
    }
    contestants.push(copying(messages));
    contestants
}

/// The two writes and two reads of each message, and nothing else.
fn copying(messages: Vec<Message>) -> Contestant {
    let wires = Role::BOTH.map(|_| Wire::default());
    let mut buffer = vec![0; 64 << 10];
    Contestant::new("(memcpy)", Kind::Floor, move || {
        for (from, to) in [(0, 1), (1, 0)] {
            messages.iter().for_each(|message| wires[from].write_all(&message.bytes));
            wires[to].pour(&wires[from]);
            while wires[to].read(&mut buffer) != 0 {}
        }
    })
}
