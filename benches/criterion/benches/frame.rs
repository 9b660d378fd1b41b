//! Measures frames without messages: their headers, and how they are found in a stream.
//!
//! `decode header` and `encode header` are [`FrameHeader`]'s pure functions on one header of each
//! form, in the first cache. `decoder` is the time for [`Decoder`] to take 64 frames apart, one after
//! another in one read (`whole`), in reads of 7 octets, which cut headers everywhere, or octet by
//! octet. A server's frames are unmasked in place, so they are restored by a copy before
//! each iteration; what that copy takes is the row `restore`. A client's need none.
//!
//! Left out: limits, UTF-8, putting messages together and events (see the bench `connection`).
//!
//! ```sh
//! cargo bench --manifest-path benches/criterion/Cargo.toml --bench frame
//! ```

mod wire;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use framewise::{
    Input, Role,
    frame::{Decoder, FrameHeader, Opcode},
};

/// Payloads whose length takes the first, the second and the third form.
const LENGTHS: [u64; 3] = [125, 1 << 10, 1 << 20];
const COUNT: usize = 64;

criterion_group! {
    name = benches;
    config = wire::criterion();
    targets = decode_header, encode_header, decoder
}
criterion_main!(benches);

fn decode_header(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decode header");
    for (title, header) in headers() {
        let mut buf = [0; FrameHeader::MAX_LEN];
        let octets = header.encode(&mut buf);
        group.bench_function(title, |bencher| {
            bencher.iter(|| black_box(FrameHeader::decode(black_box(octets))));
        });
    }
}

fn encode_header(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("encode header");
    for (title, header) in headers() {
        let mut buf = [0; FrameHeader::MAX_LEN];
        group.bench_function(title, |bencher| {
            bencher.iter(|| {
                black_box(black_box(header).encode(&mut buf));
            });
        });
    }
}

fn decoder(criterion: &mut Criterion) {
    for role in [Role::Client, Role::Server] {
        let mut group = criterion.benchmark_group(format!("decoder, {role:?}"));
        for size in [5, 125, 1 << 10] {
            let frame = wire::message(role, Opcode::Binary, &vec![7; size], size);
            let octets = frame.repeat(COUNT);
            let mut read = octets.clone();
            wire::of_messages(&mut group, COUNT, size);

            if role == Role::Server {
                group.bench_function(BenchmarkId::new("restore", size), |bencher| {
                    bencher.iter(|| black_box(&mut read).copy_from_slice(black_box(&octets)));
                });
            }
            for (title, len) in [("whole", octets.len()), ("reads of 7", 7), ("octet by octet", 1)]
            {
                if size > 125 && len < octets.len() {
                    continue; // It is the headers that are cut.
                }
                let mut decoder = Decoder::new(role);
                group.bench_function(BenchmarkId::new(title, size), |bencher| {
                    bencher.iter(|| {
                        if role == Role::Server {
                            read.copy_from_slice(&octets);
                        }
                        assert_eq!(decode(&mut decoder, &mut read, len), COUNT);
                    });
                });
            }
        }
    }
}

/// Takes frames apart that come in reads of `len` octets; returns how many there were.
fn decode(decoder: &mut Decoder, octets: &mut [u8], len: usize) -> usize {
    let mut count = 0;
    for read in octets.chunks_mut(len) {
        let mut input = Input::new(read);
        while let Some(chunk) = decoder.decode(&mut input).expect("valid") {
            count += usize::from(chunk.last);
            black_box(chunk);
        }
    }
    count
}

/// One header of each form.
fn headers() -> impl Iterator<Item = (String, FrameHeader)> {
    let keys = [("unmasked", None), ("masked", Some(wire::KEY))];
    keys.into_iter().flat_map(|(title, masking_key)| {
        LENGTHS.map(|payload_len| {
            let opcode = Opcode::Binary;
            let header = FrameHeader { opcode, fin: true, rsv1: false, masking_key, payload_len };
            (format!("{title}/{payload_len}"), header)
        })
    })
}
