//! Which folder of `src` uses which: each only those below it, so that there is no circle.
//!
//! Imports are followed through re-exports to the file that defines a name: `crate::Role` is
//! `src/role.rs`, not `src/lib.rs`. Tests and documentation are left out.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The floors from the lowest to the highest, as in `ARCHITECTURE.md`. What stands on the same floor
/// does not use one another, but for the files of the ground.
const FLOORS: [&[&str]; 15] = [
    &[
        "bytes", "copy", "error", "input", "json", "output", "role", "setters", "sync", "time",
        "token", "utf8",
    ],
    &["extension", "frame"],
    &["deflate"],
    &["config"],
    &["message"],
    &["connection"],
    &["handshake"],
    &["http", "tls"],
    &["driver"],
    &["client"],
    &["adapter"],
    &["polled"],
    &["blocking", "tokio"],
    &["hyper"],
    &["axum"],
];

/// No circle.
const NONE: [&[&str]; 0] = [];

/// Where a name leads to.
type ModulePath = Vec<String>;

/// A file of `src`, as far as it matters here.
#[derive(Default)]
struct Module {
    /// Names that the file defines.
    defines: BTreeSet<String>,
    /// Names that the file imports or re-exports, and what they stand for.
    imports: BTreeMap<String, ModulePath>,
    /// All paths that the file names.
    paths: BTreeSet<ModulePath>,
}

struct Crate {
    modules: BTreeMap<ModulePath, Module>,
}

impl Crate {
    fn read(root: &Path) -> Self {
        let mut files = Vec::new();
        collect(root, &mut files);
        let mut modules = BTreeMap::new();
        for file in files {
            let path = module_path(file.strip_prefix(root).expect("inside"));
            let text = fs::read_to_string(&file).expect("a readable file");
            modules.insert(path.clone(), Module::parse(&code_of(&text), &path));
        }
        Self { modules }
    }

    /// Returns the module that defines what `path` leads to, `None` for another crate's.
    fn resolve(&self, path: &[String], depth: usize) -> Option<ModulePath> {
        assert!(depth < 32, "imports in a circle: {path:?}");
        let mut module = ModulePath::new();
        for (index, name) in path.iter().enumerate() {
            let mut child = module.clone();
            child.push(name.clone());
            if self.modules.contains_key(&child) {
                module = child;
                continue;
            }
            let Module { defines, imports, .. } = &self.modules[&module];
            if let Some(target) = imports.get(name) {
                let mut target = target.clone();
                target.extend_from_slice(&path[index + 1..]);
                return self.resolve(&target, depth + 1);
            }
            let of_crate = defines.contains(name) || index > 0;
            return of_crate.then_some(module);
        }
        Some(module)
    }

    /// Returns which module uses which others.
    fn edges(&self) -> BTreeMap<&ModulePath, BTreeSet<ModulePath>> {
        let is_shown = |path: &ModulePath| !path.is_empty() && path[0] != "manual";
        self.modules
            .iter()
            .filter(|(path, _)| is_shown(path))
            .map(|(path, module)| {
                let used = module.paths.iter().filter_map(|used| self.resolve(used, 0));
                (path, used.filter(|used| is_shown(used) && used != path).collect())
            })
            .collect()
    }
}

impl Module {
    fn parse(code: &str, path: &[String]) -> Self {
        let mut module = Self::default();
        let words = words(code);
        let mut at = 0;
        while at < words.len() {
            match words[at] {
                "use" => {
                    let end =
                        at + words[at..].iter().position(|word| *word == ";").expect("its end");
                    module.import(&words[at + 1..end], &mut Vec::new(), path);
                    at = end;
                }
                "struct" | "enum" | "fn" | "trait" | "const" | "static" | "type" | "mod" => {
                    if let Some(name) = words.get(at + 1) {
                        module.defines.insert((*name).to_owned());
                    }
                }
                "crate" | "super" | "self" if words.get(at + 1) == Some(&"::") => {
                    let mut found = vec![words[at]];
                    while words.get(at + 1) == Some(&"::") && is_name(words.get(at + 2)) {
                        found.push(words[at + 2]);
                        at += 2;
                    }
                    module.paths.extend(absolute(&found, path));
                }
                _ => {}
            }
            at += 1;
        }
        module
    }

    /// Takes a tree of imports: `a::{b, c as d}`.
    fn import<'w>(&mut self, words: &[&'w str], front: &mut Vec<&'w str>, path: &[String]) {
        let depth = front.len();
        let mut at = 0;
        while at < words.len() {
            match words[at] {
                "::" => {}
                "{" => {
                    let end = closing(words, at);
                    let mut from = at + 1;
                    for to in commas(words, at + 1, end) {
                        self.import(&words[from..to], &mut front.clone(), path);
                        from = to + 1;
                    }
                    front.truncate(depth);
                    return;
                }
                "as" => {
                    self.name(words[at + 1], front, path);
                    front.truncate(depth);
                    return;
                }
                "*" => panic!("{path:?} imports everything of {front:?}"),
                word => front.push(word),
            }
            at += 1;
        }
        if front.len() > depth || front.last() == Some(&"self") {
            if front.last() == Some(&"self") && front.len() > 1 {
                front.pop();
            }
            let name = front[front.len() - 1];
            self.name(name, front, path);
        }
        front.truncate(depth);
    }

    fn name(&mut self, name: &str, target: &[&str], path: &[String]) {
        if let Some(target) = absolute(target, path) {
            self.imports.insert(name.to_owned(), target.clone());
            self.paths.insert(target);
        }
    }
}

/// Returns the path from the root of the crate, `None` if it leads to another crate.
fn absolute(path: &[&str], module: &[String]) -> Option<ModulePath> {
    let mut names = path.iter();
    let mut absolute = match *names.next()? {
        "crate" | "$crate" => Vec::new(),
        "self" => module.to_vec(),
        "super" => module[..module.len() - 1].to_vec(),
        // A module beside the code that names it, or another crate.
        first => {
            let mut child = module.to_vec();
            child.push(first.to_owned());
            let file = child.join("/");
            let src = src();
            let is_module =
                src.join(format!("{file}.rs")).is_file() || src.join(file).join("mod.rs").is_file();
            return is_module.then(|| {
                child.extend(path[1..].iter().map(|name| (*name).to_owned()));
                child
            });
        }
    };
    for name in names {
        match *name {
            "super" => drop(absolute.pop()),
            name => absolute.push(name.to_owned()),
        }
    }
    Some(absolute)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            // Tests in files of their own.
            if path.file_stem().is_none_or(|stem| stem != "tests") {
                files.push(path);
            }
        }
    }
}

fn module_path(file: &Path) -> ModulePath {
    let mut path: ModulePath = file
        .with_extension("")
        .iter()
        .map(|name| name.to_str().expect("UTF-8").to_owned())
        .collect();
    if matches!(path.last().map(String::as_str), Some("mod" | "lib")) {
        path.pop();
    }
    path
}

/// Returns the code without comments, the contents of strings, and tests.
fn code_of(text: &str) -> String {
    let mut code = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let trimmed = line.trim_start();
        if trimmed.starts_with("//") {
            continue;
        }
        if trimmed.starts_with("#[cfg(")
            && trimmed.contains("test")
            && !trimmed.contains("not(test")
        {
            // What follows is a test: up to the end of its block, as rustfmt indents it.
            let indent = line.len() - trimmed.len();
            let end = format!("{}}}", " ".repeat(indent));
            let item = lines.by_ref().find(|line| !line.trim_start().starts_with("#["));
            if item.is_some_and(|item| item.ends_with('{')) {
                lines.by_ref().find(|line| *line == end);
            }
            continue;
        }
        let mut in_string = false;
        let mut escaped = false;
        for (index, character) in line.char_indices() {
            if !in_string && line[index..].starts_with("//") {
                break;
            }
            if character == '"' && !escaped && !line[..index].ends_with('\'') {
                in_string = !in_string;
            } else if !in_string {
                code.push(character);
            }
            escaped = character == '\\' && !escaped;
        }
        code.push('\n');
    }
    code
}

/// Cuts code into names and signs.
fn words(code: &str) -> Vec<&str> {
    let is_of_name = |character: char| character.is_alphanumeric() || character == '_';
    let mut words = Vec::new();
    let mut rest = code.trim_start();
    while let Some(first) = rest.chars().next() {
        let len = if is_of_name(first) {
            rest.find(|character| !is_of_name(character)).unwrap_or(rest.len())
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        let (word, behind) = rest.split_at(len);
        words.push(word);
        rest = behind.trim_start();
    }
    words
}

fn is_name(word: Option<&&str>) -> bool {
    word.and_then(|word| word.chars().next())
        .is_some_and(|first| first.is_alphabetic() || first == '_')
}

/// Returns where the block that begins at `open` ends.
fn closing(words: &[&str], open: usize) -> usize {
    let mut depth = 0;
    for (index, word) in words.iter().enumerate().skip(open) {
        match *word {
            "{" => depth += 1,
            "}" if depth == 1 => return index,
            "}" => depth -= 1,
            _ => {}
        }
    }
    panic!("a block without end: {words:?}");
}

/// Returns the ends of the elements of a list.
fn commas(words: &[&str], from: usize, to: usize) -> Vec<usize> {
    let mut depth = 0;
    let mut ends = Vec::new();
    for (index, word) in words.iter().enumerate().take(to).skip(from) {
        match *word {
            "{" => depth += 1,
            "}" => depth -= 1,
            "," if depth == 0 => ends.push(index),
            _ => {}
        }
    }
    ends.push(to);
    ends
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn floor_of(path: &[String]) -> usize {
    let floor = FLOORS.iter().position(|floor| floor.contains(&path[0].as_str()));
    floor.unwrap_or_else(|| panic!("{} stands on no floor", path[0]))
}

/// Returns the groups of modules that use one another, in a circle.
fn circles(edges: &BTreeMap<&ModulePath, BTreeSet<ModulePath>>) -> Vec<Vec<String>> {
    let reach = |from: &ModulePath| {
        let mut seen = BTreeSet::new();
        let mut next = vec![from.clone()];
        while let Some(path) = next.pop() {
            for used in edges.get(&path).into_iter().flatten() {
                if seen.insert(used.clone()) {
                    next.push(used.clone());
                }
            }
        }
        seen
    };
    let reached: BTreeMap<_, _> = edges.keys().map(|path| (*path, reach(path))).collect();
    let mut circles: BTreeSet<Vec<String>> = BTreeSet::new();
    for (path, seen) in &reached {
        if seen.contains(*path) {
            let circle = seen.iter().filter(|other| reached[other].contains(*path));
            circles.insert(circle.map(|path| path.join("::")).collect());
        }
    }
    circles.into_iter().collect()
}

#[test]
fn each_folder_uses_only_those_below_it() {
    let framewise = Crate::read(&src());
    let edges = framewise.edges();
    let mut wrong = Vec::new();
    for (path, used) in &edges {
        for used in used {
            let (above, below) = (floor_of(path), floor_of(used));
            let at_home = path[0] == used[0] || (above == 0 && below == 0);
            if !at_home && above <= below {
                wrong.push(format!("{} uses {}", path.join("::"), used.join("::")));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_folders_use_one_another_in_a_circle() {
    let framewise = Crate::read(&src());
    let mut folders: BTreeMap<ModulePath, BTreeSet<ModulePath>> = BTreeMap::new();
    for (path, used) in framewise.edges() {
        let others = used.into_iter().map(|used| used[..1].to_vec());
        let folder = path[..1].to_vec();
        folders.entry(folder.clone()).or_default().extend(others.filter(|other| *other != folder));
    }
    assert_eq!(circles(&folders.iter().map(|(path, used)| (path, used.clone())).collect()), NONE);
}

#[test]
fn imports_are_found_and_followed() {
    let framewise = Crate::read(&src());
    let edges = framewise.edges();
    let path = |path: &str| path.split("::").map(str::to_owned).collect::<ModulePath>();
    assert!(edges.len() > 70, "{} files", edges.len());
    // By way of `lib.rs` and `frame/mod.rs`.
    assert!(edges[&path("connection::sender::control")].contains(&path("frame::close")));
    assert!(edges[&path("connection::sender")].contains(&path("role")));
    assert!(edges[&path("tokio")].contains(&path("driver::whole")));
    assert!(edges[&path("frame::decoder")].contains(&path("frame::mask")));
    // A circle is seen.
    let (a, b) = (path("a"), path("b"));
    let circle =
        BTreeMap::from([(&a, BTreeSet::from([b.clone()])), (&b, BTreeSet::from([a.clone()]))]);
    assert_eq!(circles(&circle), [["a", "b"]]);
    // What is a comment, a string or a test is no code.
    let code = code_of(
        "use a::b; // use c;\nlet x = \"use d;\";\n#[cfg(test)]\nmod tests {\n    use e;\n}\nfn f() {}",
    );
    assert_eq!(words(&code).join(" "), "use a :: b ; let x = ; fn f ( ) { }");
}
