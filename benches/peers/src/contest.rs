//! Contests between those who do the same work: how they are timed, and their tables.

use std::time::{Duration, Instant};

use cpu_time::ThreadTime;

/// How long a table takes, and how many rounds it has at least.
const TIME: Duration = Duration::from_millis(900);
const ROUNDS: usize = 7;

/// How long somebody works at a stretch, at least: long enough for the clock.
const STRETCH: Duration = Duration::from_micros(400);

/// Somebody who does a workload, a batch of messages at a time.
pub(crate) struct Contestant {
    name: String,
    kind: Kind,
    work: Box<dyn Work>,
    times: Vec<f64>,
}

/// What somebody does, again and again.
pub(crate) trait Work {
    /// Whether there is something to prepare for each batch.
    fn prepares(&self) -> bool {
        false
    }

    /// Prepares a batch; nobody looks at the clock.
    fn prepare(&mut self) {}

    /// Does a batch.
    fn batch(&mut self);
}

/// Whom a row is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// What is left without any WebSocket.
    Floor,
    Other,
    Own,
    /// A part of the floor.
    Part,
}

/// The tables that are wanted, and what to remember of them.
pub(crate) struct Report {
    filter: String,
    only: Option<String>,
    cells: Vec<Cell>,
}

/// A table in one line.
struct Cell {
    title: String,
    framewise: f64,
    best: (String, f64),
    other: Option<(String, f64)>,
    floor: Option<f64>,
}

impl<F: FnMut()> Work for F {
    fn batch(&mut self) {
        self();
    }
}

impl Contestant {
    pub(crate) fn new(name: &str, kind: Kind, work: impl Work + 'static) -> Self {
        Self { name: name.into(), kind, work: Box::new(work), times: Vec::new() }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn median(&self) -> f64 {
        self.times[self.times.len() / 2]
    }

    pub(crate) fn min(&self) -> f64 {
        self.times[0]
    }

    /// Does `repeats` batches; returns the nanoseconds of one.
    fn work(&mut self, repeats: usize) -> f64 {
        let mut time = Duration::ZERO;
        if self.work.prepares() {
            for _ in 0..repeats {
                self.work.prepare();
                let start = ThreadTime::now();
                self.work.batch();
                time += start.elapsed();
            }
        } else {
            let start = ThreadTime::now();
            for _ in 0..repeats {
                self.work.batch();
            }
            time = start.elapsed();
        }
        time.as_nanos() as f64 / repeats as f64
    }
}

impl Kind {
    pub(crate) fn of(own: bool) -> Self {
        if own { Self::Own } else { Self::Other }
    }
}

impl Report {
    /// Makes one of the tables with `filter` in their titles, and of one row only if that is named.
    pub(crate) fn new(filter: &str, only: Option<String>) -> Self {
        Self { filter: filter.into(), only, cells: Vec::new() }
    }

    /// Returns whether a table with this title is wanted.
    pub(crate) fn wants(&self, title: &str) -> bool {
        title.contains(&self.filter)
    }

    /// Measures those whom `contestants` makes, if the title is wanted, and prints the table.
    ///
    /// They do `count` messages in a batch. The last column is about what `floor` says.
    pub(crate) fn compare(
        &mut self,
        title: &str,
        count: usize,
        floor: &str,
        contestants: impl FnOnce() -> Vec<Contestant>,
    ) {
        if !self.wants(title) {
            return;
        }
        let mut contestants = contestants();
        if let Some(only) = &self.only {
            contestants.retain(|contestant| contestant.name == *only);
        }
        if contestants.is_empty() {
            return;
        }
        measure(&mut contestants, count);
        let best = |kind| {
            let of_kind = contestants.iter().filter(move |contestant| contestant.kind == kind);
            of_kind.min_by(|a, b| a.median().total_cmp(&b.median()))
        };
        let (other, least) = (best(Kind::Other), best(Kind::Floor));
        println!("## {title} ({} rounds)\n", contestants[0].times.len());
        println!("| | median ns | min ns | to the best peer | to {floor} |");
        println!("|---|---:|---:|---:|---:|");
        for contestant in &contestants {
            let (median, min) = (contestant.median(), contestant.min());
            let ratio = |to: Option<&Contestant>| {
                to.map_or_else(|| String::from("–"), |to| format!("{:.2}", median / to.median()))
            };
            let (to_other, to_least) = (ratio(other), ratio(least));
            let (median, min) = (nanos(median), nanos(min));
            println!("| {} | {median} | {min} | {to_other} | {to_least} |", contestant.name);
        }
        println!();
        let named = |contestant: &Contestant| (contestant.name.clone(), contestant.median());
        if let Some(own) = contestants.iter().find(|contestant| contestant.kind == Kind::Own) {
            self.cells.push(Cell {
                title: title.into(),
                framewise: own.median(),
                best: best(Kind::Own).map(named).expect("there is one"),
                other: other.map(named),
                floor: least.map(Contestant::median),
            });
        }
    }

    /// Remembers a table that was printed elsewhere.
    pub(crate) fn remember(&mut self, title: &str, framewise: f64, other: Option<(String, f64)>) {
        let best = (String::from("framewise"), framewise);
        self.cells.push(Cell { title: title.into(), framewise, best, other, floor: None });
    }

    /// Prints a line for each of the tables.
    pub(crate) fn print_summary(&self) {
        if self.cells.len() < 2 {
            return;
        }
        println!("## summary\n");
        println!("Nanoseconds, medians; the ratios are those of framewise to the best other.\n");
        print!("| | framewise | its best | the best other ");
        println!("| framewise / other | best / other | other / floor |");
        println!("|---|---:|---|---|---:|---:|---:|");
        for cell in &self.cells {
            let (best, best_time) = &cell.best;
            let best = best.strip_prefix("framewise, ").unwrap_or("");
            print!("| {} | {} ", cell.title, nanos(cell.framewise));
            print!("| {} {best} ", nanos(*best_time));
            let Some((other, time)) = &cell.other else {
                println!("| – | – | – | – |");
                continue;
            };
            let (ratio, best_ratio) = (cell.framewise / time, best_time / time);
            let to_floor =
                cell.floor.map_or_else(|| "–".into(), |floor| format!("{:.2}", time / floor));
            println!("| {} {other} | {ratio:.2} | {best_ratio:.2} | {to_floor} |", nanos(*time));
        }
        println!();
    }
}

/// Has all of them do their batches, in rounds, and puts their times in order.
pub(crate) fn measure(contestants: &mut [Contestant], count: usize) {
    let mut repeats: Vec<usize> = Vec::new();
    for contestant in contestants.iter_mut() {
        contestant.work(1);
        let once = Duration::from_nanos(contestant.work(1) as u64).max(Duration::from_nanos(100));
        repeats.push(STRETCH.div_duration_f64(once).ceil().max(1.0) as usize);
    }
    let start = Instant::now();
    let mut round = 0;
    while round < ROUNDS || start.elapsed() < TIME {
        for turn in 0..contestants.len() {
            let index = (round + turn) % contestants.len();
            let nanos = contestants[index].work(repeats[index]);
            contestants[index].times.push(nanos / count as f64);
        }
        round += 1;
    }
    for contestant in contestants {
        contestant.times.sort_by(f64::total_cmp);
    }
}

/// Writes a time with the digits that mean something.
pub(crate) fn nanos(nanos: f64) -> String {
    match nanos {
        ..10.0 => format!("{nanos:.2}"),
        ..100.0 => format!("{nanos:.1}"),
        _ => format!("{nanos:.0}"),
    }
}
