//! The files of the repository, and Rust text without its comments, strings and tests.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// One file under `src/`.
pub(super) struct Source {
    /// Its path from the root of the repository.
    pub(super) path: String,
    /// Its text.
    pub(super) text: String,
    /// Its text with comments, strings and test modules blanked; line for line as it was.
    pub(super) code: String,
    /// It is compiled for tests alone.
    pub(super) test: bool,
}

impl Source {
    /// The folder under `src/` in which it lies; empty for `lib.rs` and `main.rs`.
    pub(super) fn folder(&self) -> &str {
        self.path.strip_prefix("src/").and_then(|rest| rest.split_once('/')).map_or("", |(folder, _)| folder)
    }

    /// The names of the modules around it, from the root of the crate.
    pub(super) fn depth(&self) -> usize {
        let inside = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        inside.split('/').filter(|part| !matches!(*part, "mod" | "lib" | "main")).count()
    }
}

/// The root of the repository.
pub(super) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of the repository that is kept, as paths from its root.
pub(super) fn files() -> Vec<String> {
    fn walk(folder: &Path, root: &Path, found: &mut Vec<String>) {
        let entries = std::fs::read_dir(folder).expect("a readable folder");
        for entry in entries.map(|entry| entry.expect("a readable entry")) {
            let path = entry.path();
            let name = path.strip_prefix(root).expect("a path below the root").to_string_lossy().replace('\\', "/");
            if matches!(name.as_str(), "target" | ".git" | ".hoshu") {
                continue;
            }
            if entry.file_type().expect("a file type").is_dir() {
                walk(&path, root, found);
            } else {
                found.push(name);
            }
        }
    }
    let (root, mut found) = (root(), Vec::new());
    walk(&root, &root, &mut found);
    found.sort();
    found
}

/// The text of a file, when it is text.
pub(super) fn text(path: &str) -> Option<String> {
    String::from_utf8(std::fs::read(root().join(path)).expect("a readable file")).ok()
}

/// Every Rust file under `src/`.
pub(super) fn sources() -> Vec<Source> {
    let is_rust = |path: &str| Path::new(path).extension().is_some_and(|extension| extension == "rs");
    let paths: Vec<String> = files().into_iter().filter(|path| path.starts_with("src/") && is_rust(path)).collect();
    let read = |path: &String| text(path).expect("Rust files are UTF-8");
    let stripped: Vec<(String, String)> = paths.iter().map(|path| (path.clone(), strip(&read(path)))).collect();
    let tests: BTreeSet<String> = stripped.iter().flat_map(|(path, code)| test_files(path, code)).collect();
    stripped
        .into_iter()
        .map(|(path, code)| Source {
            text: read(&path),
            code: without_tests(&code),
            test: tests.iter().any(|test| path == format!("{test}.rs") || path.starts_with(&format!("{test}/"))),
            path,
        })
        .collect()
}

const TEST: &str = "#[cfg(test)]";

/// The files, without `.rs`, that `#[cfg(test)] mod name;` names.
fn test_files(path: &str, code: &str) -> Vec<String> {
    let folder = path.trim_end_matches(".rs").trim_end_matches("/mod").trim_end_matches("/lib");
    let after = code.split(TEST).skip(1).filter_map(|rest| rest.trim_start().strip_prefix("mod "));
    after
        .filter_map(|rest| rest.split_once(';'))
        .filter(|(name, _)| is_name(name))
        .map(|(name, _)| format!("{folder}/{name}"))
        .collect()
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_word)
}

/// Whether a letter may stand in a name.
pub(super) fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// The place after the brace that closes the one at `open`.
pub(super) fn close(code: &[char], open: usize) -> usize {
    let mut depth = 0_usize;
    for (at, letter) in code.iter().enumerate().skip(open) {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    code.len()
}

/// Blanks what `#[cfg(test)]` stands before, up to its closing brace or semicolon.
fn without_tests(code: &str) -> String {
    let mut letters: Vec<char> = code.chars().collect();
    let mark: Vec<char> = TEST.chars().collect();
    let mut at = 0;
    while at + mark.len() <= letters.len() {
        if letters[at..at + mark.len()] != mark[..] {
            at += 1;
            continue;
        }
        let ends = (at..letters.len()).find(|place| matches!(letters[*place], '{' | ';')).unwrap_or(letters.len() - 1);
        let end = if letters[ends] == '{' { close(&letters, ends) } else { ends + 1 };
        blank(&mut letters[at..end]);
        at = end;
    }
    letters.into_iter().collect()
}

fn blank(letters: &mut [char]) {
    letters.iter_mut().filter(|letter| **letter != '\n').for_each(|letter| *letter = ' ');
}

/// Rust text with comments and the contents of strings and characters blanked.
pub(super) fn strip(text: &str) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    let mut at = 0;
    while at < letters.len() {
        let end = skip(&letters, at);
        if end > at {
            blank(&mut letters[at..end]);
            at = end;
        } else {
            at += 1;
        }
    }
    letters.into_iter().collect()
}

/// The end of the comment, string or character that begins at a place; the place itself when none does.
fn skip(letters: &[char], at: usize) -> usize {
    let starts =
        |place: usize, text: &str| text.chars().enumerate().all(|(n, letter)| letters.get(place + n) == Some(&letter));
    let find =
        |from: usize, text: &str| (from..letters.len()).find(|place| starts(*place, text)).unwrap_or(letters.len());
    if starts(at, "//") {
        return find(at, "\n");
    }
    if starts(at, "/*") {
        return (find(at + 2, "*/") + 2).min(letters.len());
    }
    let in_word = at > 0 && is_word(letters[at - 1]);
    if let Some(raw) = ["r", "br"].iter().find(|prefix| !in_word && starts(at, prefix)).map(|prefix| at + prefix.len())
    {
        let hashes = letters[raw..].iter().take_while(|letter| **letter == '#').count();
        if letters.get(raw + hashes) == Some(&'"') {
            let end = format!("\"{}", "#".repeat(hashes));
            return (find(raw + hashes + 1, &end) + end.len()).min(letters.len());
        }
    }
    match letters[at] {
        '"' => quoted(letters, at, '"'),
        '\'' if letters.get(at + 1) == Some(&'\\') || letters.get(at + 2) == Some(&'\'') => quoted(letters, at, '\''),
        _ => at,
    }
}

fn quoted(letters: &[char], at: usize, quote: char) -> usize {
    let mut place = at + 1;
    while place < letters.len() && letters[place] != quote {
        place += if letters[place] == '\\' { 2 } else { 1 };
    }
    (place + 1).min(letters.len())
}

#[test]
fn comments_strings_and_tests_are_blanked_and_nothing_else() {
    let text = "a(\"x // \\\" y\", 'z', '\\'', r#\"q \" \"#); // c\nfn f<'a>(b: &'a str) {} /* d\n */ e!();\n";
    let code = strip(text);
    assert_eq!(code.lines().count(), text.lines().count());
    assert_eq!(code.split_whitespace().collect::<Vec<_>>().join(" "), "a( , , , ); fn f<'a>(b: &'a str) {} e!();");
    let tests = "use a;\n#[cfg(test)]\nmod tests {\n fn b() { c!() }\n}\nfn d() {}\n#[cfg(test)]\nmod e;\n";
    assert_eq!(without_tests(tests).split_whitespace().collect::<Vec<_>>().join(" "), "use a; fn d() {}");
    assert_eq!(test_files("src/x/y.rs", tests), ["src/x/y/e"]);
    assert_eq!(test_files("src/x/mod.rs", tests), ["src/x/e"]);
}
