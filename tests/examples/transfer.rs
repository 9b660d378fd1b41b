//! The example that streams both ways.

use crate::support::run;

// K12: more goes both ways at once than either end holds
#[test]
fn a_message_goes_both_ways_in_bounded_memory() {
    let finished = run("transfer", &["48"]);
    assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""));
    assert!(finished.stdout.starts_with("48 MiB each way in "), "{}", finished.stdout);
    let peak = finished.stdout.lines().find_map(|line| line.strip_prefix("at most "));
    if let Some(peak) = peak.and_then(|line| line.split(' ').next()) {
        assert!(peak.parse::<u32>().unwrap() < 32 << 10, "{peak} kB");
    }
}

#[test]
fn a_size_that_is_none_is_refused() {
    for size in ["0", "-1", "many", "1000001"] {
        let finished = run("transfer", &[size]);
        assert_eq!((finished.code, finished.stdout.as_str()), (Some(2), ""), "{size}");
    }
}
