//! The manual's page on conformance, made from the tables.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
};

use super::tables::{Kind, Row, Table};

pub(crate) fn path(root: &Path) -> PathBuf {
    root.join("src/manual/conformance.rs")
}

const BEGIN: [&str; 2] = [
    "Which requirement of the standards is shown by which test.",
    "RFC 6455 and the standards that it rests on were taken apart into single requirements. Each \
    is a row of a table in `tests/requirements`, with the tests that show it, or the reason why \
    there is nothing here to show. A test there fails when a row has neither, when a test that is \
    listed is gone, and when the comment above a test names other rows than those that list it. It \
    also makes this page.",
];

/// Two counts: the rows that tests show, and the others.
#[derive(Clone, Copy, Default)]
struct Count {
    shown: usize,
    excused: usize,
}

impl Count {
    fn add(&mut self, row: &Row) {
        match row.excuse {
            None => self.shown += 1,
            Some(_) => self.excused += 1,
        }
    }
}

/// What is counted of a standard.
struct Standard {
    title: String,
    count: Count,
    sections: Vec<(String, Count)>,
}

/// Writes the whole file.
pub(crate) fn write(tables: &[Table]) -> String {
    let standards = standards(tables);
    let mut page = String::new();
    for paragraph in BEGIN {
        wrapped(&mut page, "", "", paragraph);
        page.push('\n');
    }
    let mut total = Count::default();
    page += "| standard | shown by tests | not for this crate |\n|---|---|---|\n";
    for Standard { title, count, .. } in &standards {
        line(&mut page, title, *count);
        total.shown += count.shown;
        total.excused += count.excused;
    }
    line(&mut page, "all", total);

    page += "\n# Choices\n\nWhere the standards leave something open, or disagree:\n\n";
    for (row, choice) in rows(tables).filter_map(|row| Some((row, row.choice.as_ref()?))) {
        let text = format!("**{}** {}. *Chosen:* {choice}", row.id, row.statement);
        item(&mut page, &text);
    }

    page += "\n# Not for this crate\n\n";
    let mut reasons: Vec<(&str, Vec<&Row>)> = Vec::new();
    for (row, reason) in rows(tables).filter_map(|row| Some((row, row.excuse.as_ref()?))) {
        match reasons.iter_mut().find(|(known, _)| known == reason) {
            Some((_, rows)) => rows.push(row),
            None => reasons.push((reason, vec![row])),
        }
    }
    for (reason, rows) in reasons {
        let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        item(&mut page, &format!("{}: {}.", ids.join(", "), reason));
    }

    page += "\n# Bugs of other libraries\n\n";
    let bugs = rows_of(tables, Kind::Regression);
    let (all, ruled_out) = (bugs.clone().count(), bugs.filter(|row| row.ruled_out.is_some()));
    let ruled_out: Vec<&Row> = ruled_out.collect();
    let text = format!(
        "{all} bugs that other libraries had are rows as well: each has a test that would fail on \
        it, or cannot be written here ({} of them):",
        ruled_out.len()
    );
    wrapped(&mut page, "", "", &text);
    page += "\n";
    for row in ruled_out {
        let how = row.ruled_out.as_deref().unwrap_or_default();
        item(&mut page, &format!("{} ({}). {}.", row.statement, row.source, capitalised(how)));
    }

    page += "\n# Section by section\n";
    for Standard { title, sections, .. } in &standards {
        write!(page, "\n## {title}\n\n").expect("a string");
        page += "| section | shown by tests | not for this crate |\n|---|---|---|\n";
        for (title, count) in sections {
            line(&mut page, title, *count);
        }
    }
    page.lines().map(|line| format!("//! {line}").trim_end().to_owned() + "\n").collect()
}

fn rows(tables: &[Table]) -> impl Iterator<Item = &Row> + Clone {
    rows_of(tables, Kind::Requirement)
}

fn rows_of(tables: &[Table], kind: Kind) -> impl Iterator<Item = &Row> + Clone {
    tables.iter().flat_map(|table| &table.rows).filter(move |row| row.kind == kind)
}

/// Counts the rows under each heading, which must be that of their section.
fn standards(tables: &[Table]) -> Vec<Standard> {
    let mut standards: Vec<Standard> = Vec::new();
    for table in tables {
        let mut headings = table.headings.iter().peekable();
        for (number, row) in table.rows.iter().enumerate() {
            while let Some((_, heading)) = headings.next_if(|(before, _)| *before == number) {
                if let Some(title) = heading.strip_prefix("## ") {
                    let standard = standards.last_mut().expect("a standard comes first");
                    standard.sections.push((title.to_owned(), Count::default()));
                } else if let Some(title) = heading.strip_prefix("# ") {
                    standards.push(Standard {
                        title: title.to_owned(),
                        count: Count::default(),
                        sections: Vec::new(),
                    });
                }
            }
            if row.kind == Kind::Regression {
                continue;
            }
            let standard = standards.last_mut().expect("a heading comes first");
            standard.count.add(row);
            let (title, count) = standard.sections.last_mut().expect("a heading comes first");
            count.add(row);
            let found = title.split(' ').next().unwrap_or_default();
            assert_eq!(found, row.section(), "the section of {}", row.id);
            let (_, rest) = standard.title.split_once([' ', ':']).expect("a name and a title");
            let number = rest.split(':').next().unwrap_or_default();
            assert!(row.standard() == "IANA" || number == row.standard(), "{}", row.id);
        }
    }
    standards.retain(|standard| !standard.sections.is_empty());
    standards
}

fn line(page: &mut String, title: &str, count: Count) {
    writeln!(page, "| {title} | {} | {} |", count.shown, count.excused).expect("a string");
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// Appends an item of a list.
fn item(page: &mut String, text: &str) {
    wrapped(page, "- ", "  ", text);
}

/// Appends a text in lines that are short enough. What Markdown could take for a link or a tag is
/// made plain.
fn wrapped(page: &mut String, first: &str, next: &str, text: &str) {
    const WIDTH: usize = 100 - "//! ".len();

    let text = text.replace('[', "\\[").replace(']', "\\]").replace('<', "\\<");
    let mut line = first.to_owned();
    let mut is_empty = true;
    for word in text.split(' ') {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            *page += &line;
            page.push('\n');
            line = next.to_owned();
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line += word;
        is_empty = false;
    }
    *page += &line;
    page.push('\n');
}
