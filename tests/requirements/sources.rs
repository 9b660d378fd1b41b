//! The tests in the sources, and the rows that their comments name.
//!
//! The sources are as rustfmt leaves them: an attribute and the head of a function have a line of
//! their own, and what is in a module is indented.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// A function that is a test.
pub(crate) struct Test {
    pub(crate) place: String,
    pub(crate) ids: BTreeSet<String>,
    pub(crate) is_ignored: bool,
}

#[derive(Default)]
pub(crate) struct Sources {
    /// By their paths.
    pub(crate) tests: BTreeMap<String, Test>,
    /// How many attributes say that something is a test.
    pub(crate) attributes: usize,
    /// The rows that comments name elsewhere, and where.
    pub(crate) mentions: Vec<(String, String)>,
}

impl Sources {
    /// Reads all that is compiled: the library, and each binary of the tests.
    pub(crate) fn read(root: &Path) -> Self {
        let mut sources = Self::default();
        sources.file(root, &root.join("src/lib.rs"), "framewise");
        let entries = fs::read_dir(root.join("tests")).expect("tests");
        for entry in entries.map(|entry| entry.expect("an entry").path()) {
            let name = entry.file_stem().expect("a name").to_string_lossy().into_owned();
            let main = entry.join("main.rs");
            if main.is_file() {
                sources.file(root, &main, &name);
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                sources.file(root, &entry, &name);
            }
        }
        sources
    }

    /// Reads a file and the modules that it has in other files.
    fn file(&mut self, root: &Path, file: &Path, module: &str) {
        let text =
            fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let name = file.strip_prefix(root).unwrap_or(file).display().to_string();
        // The modules that are open, with their indentation.
        let mut open: Vec<(usize, String)> = Vec::new();
        // The comment and the attributes above what comes next.
        let (mut comment, mut is_test, mut is_ignored) = (BTreeSet::new(), false, false);
        for (number, line) in text.lines().enumerate() {
            let place = format!("{name}:{}", number + 1);
            let indent = line.len() - line.trim_start().len();
            let line = line.trim();
            if let Some(text) = comment_of(line) {
                let ids = self.ids(text);
                self.mentions.extend(ids.iter().map(|id| (id.clone(), place.clone())));
                if line.starts_with("//") {
                    comment.extend(ids);
                    continue;
                }
            }
            if line.starts_with("#[") || line.starts_with("#![") {
                let this = line == "#[test]" || line.starts_with("#[tokio::test");
                self.attributes += usize::from(this);
                is_test |= this;
                is_ignored |= line.starts_with("#[ignore");
                continue;
            }
            if line.starts_with('}') && open.last().is_some_and(|(opened, _)| *opened == indent) {
                open.pop();
            }
            if let Some(item) = named(line, "mod ") {
                if line.ends_with('{') {
                    open.push((indent, item.to_owned()));
                } else if let Some(file) = file_of(file, item) {
                    self.file(root, &file, &format!("{module}::{item}"));
                }
            }
            // The macro that makes tests of the suite has one attribute for all of them.
            let in_suite = line.ends_with("<B: Binding>() {");
            self.attributes += usize::from(in_suite);
            self.attributes -= usize::from(line == "fn $test() {");
            is_test = (is_test || in_suite) && line != "fn $test() {";
            if is_test && let Some(function) = named(line, "fn ") {
                let modules: String =
                    open.iter().map(|(_, module)| format!("::{module}")).collect();
                let path = format!("{module}{modules}::{function}");
                let mut ids = std::mem::take(&mut comment);
                ids.extend(by_name(function));
                let twice = self.tests.insert(path.clone(), Test { place, ids, is_ignored });
                assert!(twice.is_none(), "two tests have the path {path}");
            }
            // Parameters of an attribute, or of its reason, go on in the next line.
            if !(is_test && matches!(line.chars().last(), Some(',' | ']') | None))
                || line.is_empty()
            {
                (comment, is_test, is_ignored) = (BTreeSet::new(), false, false);
            }
        }
    }

    /// Returns the ids of rows in a text: `6455-5.1-04`, `R27`.
    #[allow(clippy::unused_self, reason = "as the others are called")]
    pub(crate) fn ids(&self, text: &str) -> Vec<String> {
        let words = text.split(|c: char| !c.is_ascii_alphanumeric() && !"-.".contains(c));
        words
            .map(|word| word.trim_matches(['-', '.']))
            .filter(|word| is_requirement(word) || is_regression(word))
            .map(str::to_owned)
            .collect()
    }
}

/// Returns the text of a comment on a line.
fn comment_of(line: &str) -> Option<&str> {
    line.find("//").map(|place| &line[place..])
}

/// Returns the name of an item whose keyword is on a line, perhaps behind other keywords.
fn named<'a>(line: &'a str, keyword: &str) -> Option<&'a str> {
    let mut rest = line;
    loop {
        if let Some(name) = rest.strip_prefix(keyword) {
            let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            return Some(&name[..end.unwrap_or(name.len())]);
        }
        let (word, behind) = rest.split_once(' ')?;
        if !["async", "pub", "pub(crate)", "pub(super)"].contains(&word) {
            return None;
        }
        rest = behind;
    }
}

/// Returns where a module is that a file only names.
fn file_of(file: &Path, module: &str) -> Option<PathBuf> {
    let stem = file.file_stem()?.to_string_lossy().into_owned();
    let mut directory = file.parent()?.to_path_buf();
    if !["lib", "main", "mod"].contains(&&*stem) {
        directory.push(stem);
    }
    let candidates =
        [directory.join(format!("{module}.rs")), directory.join(module).join("mod.rs")];
    candidates.into_iter().find(|file| file.is_file())
}

/// Returns the regression that a test is named after.
fn by_name(function: &str) -> Option<String> {
    let number = function.strip_prefix('r')?.split('_').next()?;
    let id = format!("R{number}");
    is_regression(&id).then_some(id)
}

fn is_regression(word: &str) -> bool {
    word.len() == 3
        && word.starts_with('R')
        && word[1..].bytes().all(|octet| octet.is_ascii_digit())
}

fn is_requirement(word: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
    if let Some(number) = word.strip_prefix("IANA-close-codes-") {
        return digits(number);
    }
    let mut parts = word.split('-');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(standard), Some(section), Some(number), None) => {
            standard.len() == 4
                && digits(standard)
                && section.split('.').all(digits)
                && digits(number)
        }
        _ => false,
    }
}
