//! Tables of what the servers have used.

use std::time::Duration;

use crate::{process::Target, sample::Sample, server::Family};

/// Prints a table with a row for each of the targets.
pub(crate) fn print(targets: &[Target], samples: &[Vec<Sample>]) {
    let cpu: Vec<Spread> = samples.iter().map(|samples| Spread::of(samples, cpu_nanos)).collect();
    let references = references(targets, &cpu);
    let with_percentiles = samples.iter().flatten().any(|sample| sample.percentiles.is_some());

    print!("| server | CPU, ns |");
    for (title, _) in &references {
        print!(" {title} |");
    }
    print!(" per second |");
    if with_percentiles {
        print!(" p50, µs | p99, µs | p99.9, µs |");
    }
    let columns = 2 + references.len() + if with_percentiles { 3 } else { 0 };
    println!("\n|---|{}", "---:|".repeat(columns));
    for ((target, samples), cpu) in targets.iter().zip(samples).zip(&cpu) {
        print!("| {} | {:.0} ({:.0} to {:.0}) |", target.name, cpu.median, cpu.min, cpu.max);
        for (_, reference) in &references {
            print!(" {:.2} |", cpu.median / reference);
        }
        print!(" {:.0} |", Spread::of(samples, per_second).median);
        if with_percentiles {
            for index in 0..3 {
                let micros = |sample: &Sample| {
                    sample.percentiles.map_or(f64::NAN, |times| nanos(times[index]) / 1e3)
                };
                print!(" {:.1} |", Spread::of(samples, micros).median);
            }
        }
        println!();
    }
}

/// What each target is compared with: a title and the CPU time.
fn references(targets: &[Target], cpu: &[Spread]) -> Vec<(String, f64)> {
    let of = |family| {
        let all = targets.iter().zip(cpu).filter(move |(target, _)| target.family == family);
        all.map(|(target, cpu)| (format!("of {}", target.name), cpu.median))
    };
    let best = of(Family::Peer).map(|(_, cpu)| cpu).min_by(f64::total_cmp);
    let best = best.map(|cpu| ("of the best peer".into(), cpu));
    of(Family::Raw).chain(best).chain(of(Family::External)).collect()
}

/// The median of the rounds, and how far they are apart.
struct Spread {
    min: f64,
    median: f64,
    max: f64,
}

impl Spread {
    fn of(samples: &[Sample], value: impl Fn(&Sample) -> f64) -> Self {
        let mut values: Vec<f64> = samples.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
        Self { min: at(0), median: at(values.len() / 2), max: at(values.len().saturating_sub(1)) }
    }
}

fn cpu_nanos(sample: &Sample) -> f64 {
    nanos(sample.cpu) / sample.count as f64
}

fn per_second(sample: &Sample) -> f64 {
    sample.count as f64 / sample.elapsed.as_secs_f64()
}

fn nanos(duration: Duration) -> f64 {
    duration.as_nanos() as f64
}
