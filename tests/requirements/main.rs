//! Which test shows which requirement.
//!
//! The tables in this directory have a row for each requirement of the standards (`rfc6455.txt`,
//! `rfc7692.txt`, `rfc8441.txt`, `http.txt`, `others.txt`) and for each bug of other libraries that
//! this one must not have (`regressions.txt`). A row is a line of fields, separated by tabs:
//!
//! - of a requirement: its id, which is the number of the standard, the section and a number; its
//!   level; who it binds; what it says;
//! - of a regression: its id; where it is told of; what must hold.
//!
//! The level is the key word of the standard. `TEXT` is a sentence without one and `ABNF` a rule of
//! the grammar: both bind as MUST does. `DERIVED` follows from other rows and is often got wrong,
//! `EXAMPLE` is one of the standard's, `POLICY` is what the standards leave open or disagree about.
//!
//! Indented lines follow a row:
//!
//! - the path of a test that shows it: the binary, the modules, the function; `framewise` is the
//!   binary of the unit tests;
//! - `not for this crate: ` and the reason, when there is nothing here that a test could show;
//! - `ruled out: ` and how, when a bug cannot be written at all;
//! - `chosen: ` and what this crate does where the standards leave a choice, and why.
//!
//! A test names its rows in the comment above it, so that who changes the one sees the other. Both
//! must agree. A test whose name starts with `r27_` names R27 by that.
//!
//! `UPDATE=1 cargo test --test requirements` takes over the tests of each row from the comments,
//! and writes the manual's page, `src/manual/conformance.rs`, from the tables.

mod page;
mod sources;
mod tables;

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
    sync::OnceLock,
};

use sources::Sources;
use tables::{Kind, Table};

/// How many rows each standard has.
const COUNTS: [(&str, usize); 14] = [
    ("1951", 15),
    ("3629", 13),
    ("3986", 3),
    ("4648", 5),
    ("6454", 2),
    ("6455", 425),
    ("7692", 146),
    ("7936", 2),
    ("8307", 1),
    ("8441", 16),
    ("9110", 35),
    ("9112", 48),
    ("9220", 4),
    ("IANA", 1),
];
const TOTAL: usize = 716;
const REGRESSIONS: usize = 61;

const LEVELS: [&str; 12] = [
    "ABNF",
    "DERIVED",
    "EXAMPLE",
    "MAY",
    "MUST",
    "MUST NOT",
    "OPTIONAL",
    "POLICY",
    "RECOMMENDED",
    "SHOULD",
    "SHOULD NOT",
    "TEXT",
];

/// What is compared: the tables and the sources.
struct Project {
    tables: Vec<Table>,
    sources: Sources,
}

/// Reads the project, once. `None` where its sources are not: where the binary was copied to.
fn project() -> Option<&'static Project> {
    static PROJECT: OnceLock<Option<Project>> = OnceLock::new();

    let project = PROJECT.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        if !root.join("tests/requirements").is_dir() || !root.join("src/lib.rs").is_file() {
            return None;
        }
        let sources = Sources::read(root);
        let mut tables = Table::all(root);
        if is_update() {
            for table in &mut tables {
                table.take_over(&sources);
                fs::write(&table.path, table.to_string()).expect("the table can be written");
            }
            fs::write(page::path(root), page::write(&tables)).expect("the page can be written");
        }
        Some(Project { tables, sources })
    });
    if project.is_none() {
        eprintln!("skipped: the sources of the crate are not there");
    }
    project.as_ref()
}

fn is_update() -> bool {
    env::var_os("UPDATE").is_some_and(|value| value == "1")
}

impl Project {
    fn rows(&self) -> impl Iterator<Item = &tables::Row> {
        self.tables.iter().flat_map(|table| &table.rows)
    }
}

/// Fails with all that is wrong, not only the first of it.
#[track_caller]
fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} things are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_row_is_there_once_and_in_order() {
    let Some(project) = project() else { return };
    let mut wrong = Vec::new();
    let (mut counts, mut regressions) = (BTreeMap::<&str, usize>::new(), 0);
    let mut seen = BTreeSet::new();
    for table in &project.tables {
        let mut before: Option<&tables::Row> = None;
        for row in &table.rows {
            if !seen.insert(&row.id) {
                wrong.push(format!("{} is there twice", row.id));
            }
            match row.kind {
                Kind::Regression => regressions += 1,
                Kind::Requirement => *counts.entry(row.standard()).or_default() += 1,
            }
            // The first of a section has the number 1, each of the others the next number.
            let expected = match before {
                Some(before) if before.section() == row.section() => before.number() + 1,
                _ => 1,
            };
            if row.number() != expected {
                wrong.push(format!("{} should have the number {expected:02}", row.id));
            }
            if let Some(before) = before
                && before.standard() == row.standard()
                && tables::order(before.section()) > tables::order(row.section())
            {
                wrong.push(format!("{} stands behind {}", row.id, before.id));
            }
            before = Some(row);
        }
    }
    none(&wrong);
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), COUNTS);
    assert_eq!(COUNTS.iter().map(|count| count.1).sum::<usize>(), TOTAL);
    assert_eq!(regressions, REGRESSIONS);
}

#[test]
fn every_row_has_tests_or_a_reason() {
    let Some(project) = project() else { return };
    let mut wrong = Vec::new();
    for row in project.rows() {
        let id = &row.id;
        match row.kind {
            Kind::Requirement => {
                if row.tests.is_empty() == row.excuse.is_none() {
                    wrong.push(format!("{id} needs either tests or a reason why it has none"));
                }
                if !LEVELS.contains(&&*row.level) {
                    wrong.push(format!("{id} has the level {:?}", row.level));
                }
                if !["adapter", "both", "client", "server"].contains(&&*row.who) {
                    wrong.push(format!("{id} binds {:?}", row.who));
                }
                if row.ruled_out.is_some() {
                    wrong.push(format!("{id} is no bug that could be ruled out"));
                }
                if row.level == "POLICY" && row.choice.is_none() {
                    wrong.push(format!("{id} leaves a choice: what is chosen, and why?"));
                }
            }
            Kind::Regression => {
                if row.tests.is_empty() && row.ruled_out.is_none() && row.excuse.is_none() {
                    wrong.push(format!("{id} needs a test, or a word on what rules it out"));
                }
            }
        }
        if row.statement.is_empty() {
            wrong.push(format!("{id} says nothing"));
        }
    }
    none(&wrong);
}

#[test]
fn every_test_that_is_listed_exists_and_names_the_row() {
    let Some(project) = project() else { return };
    let mut wrong = Vec::new();
    for row in project.rows() {
        if !row.tests.is_sorted() {
            wrong.push(format!("the tests of {} are not in order", row.id));
        }
        for (place, path) in row.tests.iter().enumerate() {
            if row.tests[..place].contains(path) {
                wrong.push(format!("{} lists {path} twice", row.id));
            }
            match project.sources.tests.get(path) {
                None => wrong.push(format!("{} lists {path}, which is no test", row.id)),
                Some(test) if !test.ids.contains(&row.id) => {
                    wrong.push(format!(
                        "{} lists {path}, which does not name it ({})",
                        row.id, test.place
                    ));
                }
                Some(test) if test.is_ignored => {
                    wrong.push(format!("{} lists {path}, which is ignored", row.id));
                }
                Some(_) => {}
            }
        }
    }
    none(&wrong);
}

#[test]
fn every_row_that_a_test_names_lists_the_test() {
    let Some(project) = project() else { return };
    let rows: BTreeMap<&str, &tables::Row> =
        project.rows().map(|row| (row.id.as_str(), row)).collect();
    let mut wrong = Vec::new();
    for (path, test) in &project.sources.tests {
        for id in &test.ids {
            match rows.get(id.as_str()) {
                None => wrong.push(format!("{path} names {id}, which is no row ({})", test.place)),
                Some(row) if !row.tests.contains(path) => {
                    wrong.push(format!("{path} names {id}, which does not list it"));
                }
                Some(_) => {}
            }
        }
    }
    // Comments elsewhere must not name what is not there, either.
    for (id, place) in &project.sources.mentions {
        if !rows.contains_key(id.as_str()) {
            wrong.push(format!("{id} is no row ({place})"));
        }
    }
    none(&wrong);
}

// What reads the sources must not overlook a test.
#[test]
fn every_test_of_the_project_is_found() {
    let Some(project) = project() else { return };
    let sources = &project.sources;
    assert_eq!(sources.tests.len(), sources.attributes, "each `#[test]` is that of a function");
    assert!(sources.tests.len() > 400, "{} tests", sources.tests.len());
    for path in [
        "adapters::cancel::connecting_can_be_dropped",
        "framewise::frame::mask::tests::agrees_with_the_formula_at_every_offset_and_cut",
        "memory::deflate::a_bomb_costs_no_more_than_the_limit",
        "protocol::framing::fragmented_or_not",
        "protocol::framing::length_with_the_top_bit_is_not_encoded",
        "protocol::invariance::raw_octets_in_any_cuts",
        "requirements::every_test_of_the_project_is_found",
    ] {
        let exists = !path.ends_with("fragmented_or_not");
        assert_eq!(sources.tests.contains_key(path), exists, "{path}");
    }
    assert_eq!(
        sources.ids("// 6455-5.1-04, IANA-close-codes-01: R27 (3 x R4)"),
        ["6455-5.1-04", "IANA-close-codes-01", "R27"]
    );
}

#[test]
fn the_page_of_the_manual_is_made_from_the_tables() {
    let Some(project) = project() else { return };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = fs::read_to_string(page::path(root)).unwrap_or_default().replace('\r', "");
    let expected = page::write(&project.tables);
    assert!(
        found == expected,
        "src/manual/conformance.rs is not what the tables say: run\n\
        UPDATE=1 cargo test --test requirements"
    );
}

// The decision table of the driver names the tests that show each decision.
#[test]
fn every_test_that_the_manual_names_exists() {
    let Some(project) = project() else { return };
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/manual/faults.rs");
    let page = fs::read_to_string(page).expect("a page");
    let (mut wrong, mut names) = (Vec::new(), 0);
    for (number, line) in page.lines().enumerate() {
        // The last cell of a row; the first two are prose.
        let cells: Vec<&str> = line.trim_end_matches(" |").split(" | ").collect();
        let Some(cell) = cells.get(2..).and_then(<[_]>::last) else { continue };
        if ["test", "---"].iter().any(|head| cell.ends_with(head)) {
            continue;
        }
        let tests: Vec<&str> = cell.split('`').skip(1).step_by(2).collect();
        if tests.is_empty() {
            wrong.push(format!("line {} names no test", number + 1));
        }
        for path in tests {
            names += 1;
            match project.sources.tests.get(path) {
                None => wrong.push(format!("line {}: {path} is no test", number + 1)),
                Some(test) if test.is_ignored => {
                    wrong.push(format!("line {}: {path} is ignored", number + 1));
                }
                Some(_) => {}
            }
        }
    }
    none(&wrong);
    assert!(names > 60, "{names} names");
}

// R25, R50, R52, R61: what cannot be written in safe Rust is not written here
#[test]
fn unsafe_code_is_forbidden() {
    let Some(_) = project() else { return };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = fs::read_to_string(root.join("Cargo.toml")).expect("a manifest");
    let lints = manifest.split("[lints.rust]").nth(1).expect("lints");
    let lints = lints.split("\n[").next().expect("the section");
    // `forbid` cannot be taken back by any attribute.
    assert!(lints.lines().any(|line| line.trim() == "unsafe_code = \"forbid\""), "{lints}");
}

// 6455-5.5.1-07: a reason may be anything, with commands for a terminal in it
#[test]
fn no_example_shows_a_reason() {
    let Some(_) = project() else { return };
    for path in examples() {
        let text = fs::read_to_string(&path).expect("a source");
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            // The reason phrase of a response is another one, and a method.
            let line = line.replace(".reason()", "");
            assert!(!line.contains(".reason"), "{}: {line}", path.display());
            // What is called `frame` is a `CloseFrame` there.
            assert!(!line.contains("{frame"), "{}: {line}", path.display());
        }
    }
}

// 6455-10.2-01; R45: whoever copies an example has the check
#[test]
fn every_server_of_the_examples_checks_the_origin() {
    let Some(_) = project() else { return };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = examples();
    files.push(root.join("README.md"));
    let mut servers = 0;
    for file in &files {
        let text = fs::read_to_string(file).expect("text");
        if text.contains("Acceptance::new()") {
            servers += 1;
            assert!(text.contains("check_origin("), "{}", file.display());
        }
    }
    assert!(servers >= 4, "{servers} servers");
}

/// Returns the sources of the examples.
fn examples() -> Vec<PathBuf> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("examples") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                // Nobody copies tests.
                if !path.ends_with("target") && !path.ends_with("tests") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources.push(path);
            }
        }
    }
    sources
}
