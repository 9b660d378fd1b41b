//! Measures masking beside a copy.
//!
//! `memcpy` copies as many octets to another buffer: the ceiling for what reads and writes each
//! octet once, though at 64 MiB it touches twice the memory. `apply` is [`mask::apply`] in place on
//! octets at a multiple of 64, `unaligned` the same on octets one further, as behind a header.
//! Every iteration has the same buffer, so up to 16 KiB it lies in the first cache.
//!
//! Left out: reading the octets from a socket, and turning the key ([`mask::rotate`]), which is done
//! once for each piece.
//!
//! ```sh
//! cargo bench --manifest-path benches/criterion/Cargo.toml --bench mask
//! ```

mod wire;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use framewise::mask;

const SIZES: [usize; 7] = [5, 16, 125, 1 << 10, 16 << 10, 1 << 20, 64 << 20];

criterion_group! {
    name = benches;
    config = wire::criterion();
    targets = masking
}
criterion_main!(benches);

fn masking(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("mask");
    for size in SIZES {
        wire::of_messages(&mut group, 1, size);
        let source = vec![7; size];
        let mut octets = vec![0; size + 65];
        let start = octets.as_ptr().align_offset(64);

        group.bench_function(BenchmarkId::new("memcpy", size), |bencher| {
            let octets = &mut octets[start..][..size];
            bencher.iter(|| black_box(&mut *octets).copy_from_slice(black_box(&source)));
        });
        for (name, start) in [("apply", start), ("unaligned", start + 1)] {
            group.bench_function(BenchmarkId::new(name, size), |bencher| {
                let octets = &mut octets[start..][..size];
                bencher.iter(|| mask::apply(black_box(&mut *octets), black_box(wire::KEY)));
            });
        }
    }
}
