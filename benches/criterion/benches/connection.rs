//! Measures messages in memory: bytes in and events out, messages in and bytes out.
//!
//! - `receive`: frames to events, one message for each read (`whole`) or 64 (`batched`; the time is
//!   for all of them). Text is JSON, binary has the same octets.
//! - `receive in pieces`: a message that spans reads, or comes in fragments that lie in one read,
//!   and is put together.
//! - `send`: messages to the octets of frames, which are taken from the output after each (`one`) or
//!   after 64 (`batched`). They are lent and so copied; `shared` are those of an `Arc`, which a
//!   server queues without a copy from 4 KiB on.
//! - `echo`: 1 or 16 messages go from a client to a server and back, through two machines and two
//!   reads, each of them a copy as a socket would make it.
//!
//! A server's input is unmasked in place, so it is restored by a copy before each iteration; what
//! that copy takes is the row `restore`. A client's needs none, and a client's output is masked in
//! the copy that is made anyway.
//!
//! Every iteration has the same octets in the same place, so they lie in the cache that they fit
//! in. Left out: sockets, system calls, timers, compression (see the bench `deflate`).
//!
//! ```sh
//! cargo bench --manifest-path benches/criterion/Cargo.toml --bench connection
//! ```

#[path = "../../json/mod.rs"]
mod json;
mod wire;

use std::{hint::black_box, sync::Arc};

use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, criterion_group, criterion_main, measurement::WallTime,
};
use framewise::{Connection, Event, Input, Payload, Role, frame::Opcode};

const SIZES: [usize; 6] = [5, 125, 1 << 10, 16 << 10, 1 << 20, 64 << 20];
const ROLES: [Role; 2] = [Role::Client, Role::Server];
const OPCODES: [Opcode; 2] = [Opcode::Text, Opcode::Binary];
/// How many messages are in a batch, and how long they are at most.
const COUNT: usize = 64;
const MAX_BATCHED: usize = 1 << 10;

criterion_group! {
    name = benches;
    config = wire::criterion();
    targets = receive, receive_in_pieces, send, echo
}
criterion_main!(benches);

fn receive(criterion: &mut Criterion) {
    for (role, opcode) in roles_and_opcodes() {
        let mut group = criterion.benchmark_group(format!("receive, {role:?}, {opcode:?}"));
        for size in SIZES {
            let message = wire::message(role, opcode, json(size).as_bytes(), size);
            receive_row(&mut group, role, "whole", (1, size), &message, message.len());
            if size <= MAX_BATCHED {
                let messages = message.repeat(COUNT);
                receive_row(&mut group, role, "batched", (COUNT, size), &messages, messages.len());
            }
        }
    }
}

fn receive_in_pieces(criterion: &mut Criterion) {
    let cases = [
        // Title, size, fragments of at most, reads of at most.
        ("octet by octet", 64, 64, 1),
        ("reads of 4 KiB", 16 << 10, 16 << 10, 4 << 10),
        ("reads of 64 KiB", 1 << 20, 1 << 20, 64 << 10),
        ("fragments of 64", 1 << 20, 64, usize::MAX),
        ("fragments of 1 KiB", 1 << 20, 1 << 10, usize::MAX),
        ("reads of 64 KiB", 64 << 20, 64 << 20, 64 << 10),
    ];
    for (role, opcode) in roles_and_opcodes() {
        let name = format!("receive in pieces, {role:?}, {opcode:?}");
        let mut group = criterion.benchmark_group(name);
        for (title, size, fragment, read) in cases {
            let message = wire::message(role, opcode, json(size).as_bytes(), fragment);
            receive_row(&mut group, role, title, (1, size), &message, read);
        }
    }
}

/// Measures how long a machine takes to receive messages, and for a server what the copy takes that
/// restores them. `messages` are their number and size.
fn receive_row(
    group: &mut BenchmarkGroup<'_, WallTime>,
    role: Role,
    title: &str,
    messages: (usize, usize),
    octets: &[u8],
    read: usize,
) {
    let (count, size) = messages;
    wire::of_messages(group, count, size);
    let mut connection = wire::connection(role);
    let mut input = octets.to_vec();
    group.bench_function(BenchmarkId::new(title, size), |bencher| {
        bencher.iter(|| {
            if role == Role::Server {
                input.copy_from_slice(octets);
            }
            assert_eq!(wire::receive(&mut connection, &mut input, read), count);
        });
    });
    if role == Role::Server {
        group.bench_function(BenchmarkId::new(format!("restore, {title}"), size), |bencher| {
            bencher.iter(|| black_box(&mut input).copy_from_slice(black_box(octets)));
        });
    }
}

fn send(criterion: &mut Criterion) {
    for (role, opcode) in roles_and_opcodes() {
        let mut group = criterion.benchmark_group(format!("send, {role:?}, {opcode:?}"));
        for size in SIZES {
            let text = json(size);
            let message = || match opcode {
                Opcode::Text => Payload::from(&*text),
                _ => Payload::from(text.as_bytes()),
            };
            send_row(&mut group, role, "one", (1, size), message);
            if size <= MAX_BATCHED {
                send_row(&mut group, role, "batched", (COUNT, size), message);
            }
            if size > MAX_BATCHED && opcode == Opcode::Binary {
                let shared: Arc<[u8]> = Arc::from(text.as_bytes());
                send_row(&mut group, role, "shared", (1, size), || Arc::clone(&shared).into());
            }
        }
    }
}

/// Measures how long a machine takes to send messages, all before their octets are taken.
fn send_row<'a>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    role: Role,
    title: &str,
    messages: (usize, usize),
    message: impl Fn() -> Payload<'a>,
) {
    let (count, size) = messages;
    wire::of_messages(group, count, size);
    let mut connection = wire::connection(role);
    group.bench_function(BenchmarkId::new(title, size), |bencher| {
        bencher.iter(|| {
            for _ in 0..count {
                connection.send(black_box(message())).expect("open");
            }
            wire::drain(&mut connection);
        });
    });
}

fn echo(criterion: &mut Criterion) {
    for opcode in OPCODES {
        let mut group = criterion.benchmark_group(format!("echo, {opcode:?}"));
        for count in [1, 16] {
            for size in [32, 1 << 10, 16 << 10, 1 << 20] {
                let text = json(size);
                wire::of_messages(&mut group, count, size);
                let (mut client, mut server) =
                    (wire::connection(Role::Client), wire::connection(Role::Server));
                let (mut request, mut response) = (Vec::new(), Vec::new());
                group.bench_function(BenchmarkId::new(format!("{count}"), size), |bencher| {
                    bencher.iter(|| {
                        for _ in 0..count {
                            match opcode {
                                Opcode::Text => client.send_text(&*text),
                                _ => client.send_binary(text.as_bytes()),
                            }
                            .expect("open");
                        }
                        read(&mut client, &mut request);
                        send_back(&mut server, &mut request);
                        read(&mut server, &mut response);
                        let len = response.len();
                        assert_eq!(wire::receive(&mut client, &mut response, len), count);
                    });
                });
            }
        }
    }
}

/// Has a machine send back all messages.
fn send_back(connection: &mut Connection, octets: &mut [u8]) {
    let mut input = Input::new(octets);
    while let Some(event) = connection.receive(&mut input).expect("valid") {
        match event {
            Event::Binary(payload) => connection.send_binary(payload),
            Event::Text(text) => connection.send_text(text),
            _ => unreachable!("only messages are sent"),
        }
        .expect("open");
    }
}

/// Moves what a machine wants written to where its peer reads it.
fn read(connection: &mut Connection, buf: &mut Vec<u8>) {
    buf.clear();
    connection.output().chunks().for_each(|chunk| buf.extend_from_slice(chunk));
    connection.output().advance(buf.len());
}

fn roles_and_opcodes() -> impl Iterator<Item = (Role, Opcode)> {
    ROLES.into_iter().flat_map(|role| OPCODES.map(|opcode| (role, opcode)))
}

fn json(size: usize) -> String {
    json::messages(size, 1).remove(0)
}
