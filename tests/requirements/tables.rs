//! The tables and their rows.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use super::sources::Sources;

pub(crate) const FILES: [&str; 6] =
    ["rfc6455.txt", "rfc7692.txt", "rfc8441.txt", "http.txt", "others.txt", "regressions.txt"];

const EXCUSE: &str = "not for this crate: ";
const RULED_OUT: &str = "ruled out: ";
const CHOICE: &str = "chosen: ";

/// A file: headings and rows.
pub(crate) struct Table {
    pub(crate) path: PathBuf,
    pub(crate) rows: Vec<Row>,
    /// Titles of standards and sections, by the number of the row that follows.
    pub(crate) headings: Vec<(usize, String)>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Regression,
    Requirement,
}

#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) kind: Kind,
    pub(crate) id: String,
    pub(crate) level: String,
    pub(crate) who: String,
    pub(crate) source: String,
    pub(crate) statement: String,
    pub(crate) tests: Vec<String>,
    pub(crate) excuse: Option<String>,
    pub(crate) ruled_out: Option<String>,
    pub(crate) choice: Option<String>,
}

impl Table {
    pub(crate) fn all(root: &Path) -> Vec<Self> {
        let directory = root.join("tests/requirements");
        FILES.iter().map(|name| Self::read(directory.join(name))).collect()
    }

    fn read(path: PathBuf) -> Self {
        let text =
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut table = Self { path, rows: Vec::new(), headings: Vec::new() };
        for (number, line) in text.lines().enumerate() {
            let place = || format!("{}:{}: {line}", table.path.display(), number + 1);
            if line.is_empty() {
                continue;
            }
            if line.starts_with('#') {
                table.headings.push((table.rows.len(), line.to_owned()));
                continue;
            }
            let Some(line) = line.strip_prefix("    ") else {
                let row = Row::read(line).unwrap_or_else(|| panic!("no row: {}", place()));
                table.rows.push(row);
                continue;
            };
            let row = table.rows.last_mut().expect("a row comes first");
            let (field, value) = if let Some(reason) = line.strip_prefix(EXCUSE) {
                (&mut row.excuse, reason)
            } else if let Some(how) = line.strip_prefix(RULED_OUT) {
                (&mut row.ruled_out, how)
            } else if let Some(choice) = line.strip_prefix(CHOICE) {
                (&mut row.choice, choice)
            } else {
                let is_path = |c: char| c.is_ascii_alphanumeric() || "_:".contains(c);
                assert!(line.chars().all(is_path), "neither a test nor a word: {}", line);
                row.tests.push(line.to_owned());
                continue;
            };
            assert!(field.is_none(), "said twice of {}: {line}", row.id);
            *field = Some(value.to_owned());
        }
        table
    }

    /// Lists what the sources say.
    pub(crate) fn take_over(&mut self, sources: &Sources) {
        for row in &mut self.rows {
            let tests = sources.tests.iter().filter(|(_, test)| test.ids.contains(&row.id));
            row.tests = tests.map(|(path, _)| path.clone()).collect();
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut headings = self.headings.iter().peekable();
        let mut first = true;
        for (number, row) in self.rows.iter().enumerate() {
            while let Some((_, heading)) = headings.next_if(|(before, _)| *before == number) {
                if !first {
                    writeln!(f)?;
                }
                first = false;
                writeln!(f, "{heading}")?;
                if headings.peek().is_none_or(|(before, _)| *before != number) {
                    writeln!(f)?;
                }
            }
            match row.kind {
                Kind::Requirement => {
                    writeln!(f, "{}\t{}\t{}\t{}", row.id, row.level, row.who, row.statement)?;
                }
                Kind::Regression => writeln!(f, "{}\t{}\t{}", row.id, row.source, row.statement)?,
            }
            for test in &row.tests {
                writeln!(f, "    {test}")?;
            }
            let words = [(EXCUSE, &row.excuse), (RULED_OUT, &row.ruled_out), (CHOICE, &row.choice)];
            for (begin, text) in words {
                if let Some(text) = text {
                    writeln!(f, "    {begin}{text}")?;
                }
            }
        }
        Ok(())
    }
}

impl Row {
    fn read(line: &str) -> Option<Self> {
        let fields: Vec<String> = line.split('\t').map(str::to_owned).collect();
        let mut row = Self {
            kind: Kind::Requirement,
            id: String::new(),
            level: String::new(),
            who: String::new(),
            source: String::new(),
            statement: String::new(),
            tests: Vec::new(),
            excuse: None,
            ruled_out: None,
            choice: None,
        };
        match <[String; 4]>::try_from(fields) {
            Ok([id, level, who, statement]) => {
                (row.id, row.level, row.who, row.statement) = (id, level, who, statement);
            }
            Err(fields) => {
                let [id, source, statement] = <[String; 3]>::try_from(fields).ok()?;
                row.kind = Kind::Regression;
                (row.id, row.source, row.statement) = (id, source, statement);
            }
        }
        Some(row)
    }

    /// Returns the first part of the id: `6455`, `IANA`, `R`.
    pub(crate) fn standard(&self) -> &str {
        match self.kind {
            Kind::Regression => "R",
            Kind::Requirement => self.id.split('-').next().unwrap_or_default(),
        }
    }

    /// Returns the middle part of the id: `5.5.1`, `close-codes`.
    pub(crate) fn section(&self) -> &str {
        match self.kind {
            Kind::Regression => "",
            Kind::Requirement => {
                let (section, _) = self.id.rsplit_once('-').unwrap_or_default();
                section.split_once('-').unwrap_or_default().1
            }
        }
    }

    /// Returns the last part of the id.
    pub(crate) fn number(&self) -> usize {
        let digits = match self.kind {
            Kind::Regression => &self.id[1..],
            Kind::Requirement => self.id.rsplit_once('-').unwrap_or_default().1,
        };
        digits.parse().unwrap_or_else(|_| panic!("{} has no number", self.id))
    }
}

/// Returns what a section is ordered by: 5.10 comes behind 5.9.
pub(crate) fn order(section: &str) -> Vec<u32> {
    section.split('.').map(|part| part.parse().unwrap_or(u32::MAX)).collect()
}
