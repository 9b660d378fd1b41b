//! Measures the validation of text beside the validators of others.
//!
//! `whole` is the time for a client to receive a text message that lies whole in one read: header,
//! limits and UTF-8, nothing copied, nothing unmasked. `split` is the same message in 16 reads of
//! equal length, which cut headers and code points anywhere: pieces are validated as they come and
//! copied together. `std` is `core::str::from_utf8` of the payload, `simdutf8` that crate's (with
//! vector instructions found at run time when the feature `std` is on), which is what framewise
//! calls. The texts are ASCII (1 octet for each code point), Korean (3, and a space now and then),
//! emoji (4) and a mixture of all.
//!
//! Left out: masking (see the benches `mask` and `connection`), and invalid text, which is refused
//! at the piece that it comes with.
//!
//! ```sh
//! cargo bench --manifest-path benches/criterion/Cargo.toml --bench utf8
//! ```

mod wire;

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use framewise::{Role, frame::Opcode};

const SIZES: [usize; 4] = [64, 1 << 10, 64 << 10, 1 << 20];
const READS: usize = 16;
const TEXTS: [(&str, &str); 4] = [
    ("ASCII", "The quick brown fox jumps over the lazy dog. "),
    ("Korean", "동해물과 백두산이 마르고 닳도록 하느님이 보우하사 "),
    ("emoji", "🦀🔌🧦📦🚀🐢🎈🧩"),
    ("mixed", "Grüße aus Köln, 안녕하세요 from 東京! 🦀🚀 café № 7 — "),
];

criterion_group! {
    name = benches;
    config = wire::criterion();
    targets = validation
}
criterion_main!(benches);

fn validation(criterion: &mut Criterion) {
    for (title, sample) in TEXTS {
        let mut group = criterion.benchmark_group(format!("utf8, {title}"));
        for size in SIZES {
            let text = text(sample, size);
            let mut octets = wire::message(Role::Client, Opcode::Text, text.as_bytes(), text.len());
            wire::of_messages(&mut group, 1, size);

            let len = octets.len();
            let mut connection = wire::connection(Role::Client);
            for (title, read) in [("whole", len), ("split", len.div_ceil(READS))] {
                group.bench_function(BenchmarkId::new(title, size), |bencher| {
                    bencher.iter(|| {
                        assert_eq!(wire::receive(&mut connection, &mut octets, read), 1);
                    });
                });
            }
            group.bench_function(BenchmarkId::new("std", size), |bencher| {
                bencher.iter(|| black_box(str::from_utf8(black_box(text.as_bytes()))).is_ok());
            });
            group.bench_function(BenchmarkId::new("simdutf8", size), |bencher| {
                bencher.iter(|| {
                    black_box(simdutf8::basic::from_utf8(black_box(text.as_bytes()))).is_ok()
                });
            });
        }
    }
}

/// A text of `size` octets: the sample again and again, and full stops where a letter is too long.
fn text(sample: &str, size: usize) -> String {
    let mut text = String::with_capacity(size);
    text.extend(sample.chars().cycle().scan(0, |len, letter| {
        *len += letter.len_utf8();
        (*len <= size).then_some(letter)
    }));
    text.extend(std::iter::repeat_n('.', size - text.len()));
    text
}
