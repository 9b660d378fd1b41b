//! Measures permessage-deflate beside the DEFLATE library's own calls.
//!
//! Each pair of numbers is the time for 64 JSON messages that differ, in memory: `framewise` is a
//! client's `receive` of frames to events (or a server's `send` and the draining of its output),
//! `zlib-rs` the library alone, with the same calls on the same octets and one output buffer that is
//! used again. What is between them is everything else: frames, limits, UTF-8, the copy into the
//! message that is given away, its allocation. Left out: masking (see the bench `mask`), sockets.
//!
//! ```sh
//! cargo bench --manifest-path benches/criterion/Cargo.toml --bench deflate
//! ```

#[path = "../../json/mod.rs"]
mod json;

use std::{hint::black_box, sync::Arc, time::Duration};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use framewise::{
    Config, Connection, Event, Input,
    deflate::{AgreedParameters, DeflateConfig},
};
use zlib_rs::{Deflate, DeflateFlush, Inflate, InflateFlush};

const COUNT: usize = 64;
const SIZES: [usize; 2] = [1 << 10, 64 << 10];

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(30).measurement_time(Duration::from_secs(3));
    targets = receive, send
}
criterion_main!(benches);

fn receive(criterion: &mut Criterion) {
    for takeover in [true, false] {
        let mut group = criterion.benchmark_group(format!("receive, {}", title(takeover)));
        for size in SIZES {
            let messages = json::messages(size, COUNT);
            group.throughput(Throughput::Bytes((size * COUNT) as u64));

            let mut server = Connection::server(config());
            server.set_deflate(agreed(takeover));
            let mut frames: Vec<Vec<u8>> =
                messages.iter().map(|message| sent(&mut server, message)).collect();
            let mut client = Connection::client(config(), [7; 32]);
            client.set_deflate(agreed(takeover));
            group.bench_function(BenchmarkId::new("framewise", size), |bencher| {
                bencher.iter(|| {
                    for frame in &mut frames {
                        let mut input = Input::new(frame);
                        let event = client.receive(&mut input).expect("valid");
                        assert!(matches!(black_box(event), Some(Event::Text(_))));
                    }
                });
            });

            let payloads: Vec<&[u8]> = frames.iter().map(|frame| payload(frame)).collect();
            let mut inflate = Inflate::new(false, 15);
            let mut output = vec![0; 2 * size];
            group.bench_function(BenchmarkId::new("zlib-rs", size), |bencher| {
                bencher.iter(|| {
                    for payload in &payloads {
                        if !takeover {
                            inflate.reset(false);
                        }
                        let before = inflate.total_out();
                        inflate
                            .decompress(payload, &mut output, InflateFlush::NoFlush)
                            .expect("valid");
                        inflate
                            .decompress(b"\x00\x00\xff\xff\x00", &mut output, InflateFlush::Block)
                            .expect("valid");
                        assert_eq!(inflate.total_out() - before, size as u64);
                    }
                    black_box(&output);
                });
            });
        }
    }
}

fn send(criterion: &mut Criterion) {
    for takeover in [true, false] {
        let mut group = criterion.benchmark_group(format!("send, {}", title(takeover)));
        for size in SIZES {
            let messages = json::messages(size, COUNT);
            group.throughput(Throughput::Bytes((size * COUNT) as u64));

            let mut server = Connection::server(config());
            server.set_deflate(agreed(takeover));
            group.bench_function(BenchmarkId::new("framewise", size), |bencher| {
                bencher.iter(|| {
                    for message in &messages {
                        server.send_text(message).expect("open");
                        black_box(server.output().chunk());
                        let len = server.output().len();
                        server.output().advance(len);
                    }
                });
            });

            let mut deflate = Deflate::new(6, false, 15);
            let mut output = vec![0; 2 * size];
            group.bench_function(BenchmarkId::new("zlib-rs", size), |bencher| {
                bencher.iter(|| {
                    for message in &messages {
                        if !takeover {
                            deflate.reset();
                        }
                        deflate
                            .compress(message.as_bytes(), &mut output, DeflateFlush::SyncFlush)
                            .expect("valid");
                        black_box(&output);
                    }
                });
            });
        }
    }
}

fn title(takeover: bool) -> &'static str {
    if takeover { "context takeover" } else { "no context takeover" }
}

fn config() -> Arc<Config> {
    let mut config = Config::default();
    config.deflate = Some(DeflateConfig::default());
    Arc::new(config)
}

fn agreed(takeover: bool) -> AgreedParameters {
    let mut agreed = AgreedParameters::default();
    agreed.server_no_context_takeover = !takeover;
    agreed
}

/// Sends a message and returns its frame.
fn sent(connection: &mut Connection, message: &str) -> Vec<u8> {
    connection.send_text(message).expect("open");
    let frame = connection.output().chunks().collect::<Vec<_>>().concat();
    connection.output().advance(frame.len());
    frame
}

/// The payload of a server's frame.
fn payload(frame: &[u8]) -> &[u8] {
    match frame[1] {
        126 => &frame[4..],
        127 => &frame[10..],
        _ => &frame[2..],
    }
}
