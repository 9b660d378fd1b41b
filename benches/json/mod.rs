//! What the benches compress: one generator, so that their figures are of the same octets.

/// Returns JSON of this size each: records with numbers, names and words, none like another.
pub(crate) fn messages(size: usize, count: usize) -> Vec<String> {
    const WORDS: [&str; 16] = [
        "open", "close", "pending", "error", "retry", "north", "south", "east", "west", "alpha",
        "beta", "gamma", "delta", "market", "limit", "stop",
    ];
    let mut seed = 1_u64;
    let mut random = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize
    };
    (0..count)
        .map(|_| {
            let mut text = String::from("[");
            while text.len() < size {
                text += &format!(
                    r#"{{"id":{},"price":{}.{:02},"state":"{}","tag":"{}-{}","ok":{}}},"#,
                    random() % 1_000_000,
                    random() % 1000,
                    random() % 100,
                    WORDS[random() % 16],
                    WORDS[random() % 16],
                    random() % 100,
                    random() % 2 == 0,
                );
            }
            text.truncate(size);
            text
        })
        .collect()
}
