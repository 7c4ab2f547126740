//! Holds the house: layers, homes of crates, sizes, what a good repository has, and what must not stand in it.

#![cfg(test)]

mod source;

use std::collections::BTreeSet;

use source::{Source, close, files, is_word, sources, text};

/// What each folder may see of the others; `lib.rs` and `main.rs` see all.
const SEES: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("yaml", &["model"]),
    ("sheet", &["model"]),
    ("inventory", &["model", "yaml", "sheet"]),
    ("readout", &["model", "yaml"]),
    ("decide", &["model", "yaml"]),
    ("outbound", &["model", "yaml", "inventory", "readout"]),
    ("store", &["model", "yaml", "inventory", "readout"]),
    ("depot", &["model", "yaml", "inventory", "readout", "outbound"]),
    ("secret", &["model", "yaml", "inventory", "readout", "outbound"]),
    ("access", &["model", "yaml", "inventory", "readout"]),
    ("intake", &["model"]),
    (
        "engine",
        &[
            "model",
            "yaml",
            "inventory",
            "readout",
            "decide",
            "outbound",
            "store",
            "depot",
            "secret",
            "access",
            "intake",
        ],
    ),
    (
        "service",
        &[
            "model",
            "yaml",
            "sheet",
            "inventory",
            "readout",
            "decide",
            "outbound",
            "store",
            "depot",
            "secret",
            "access",
            "intake",
            "engine",
        ],
    ),
    // The lab shares no layout with readout: what reads and what prints must not have one head.
    ("lab", &["model", "yaml", "inventory", "decide", "store", "depot", "secret", "access", "engine", "service"]),
    // What the command line does for a person goes through service alone.
    ("cli", &["model", "yaml", "service", "lab"]),
];

/// Files that may see more: the lab and the folders made for it act on no appliance and for no customer.
const SEES_MORE: &[(&str, &[&str])] =
    &[("src/cli/lab.rs", &["inventory", "engine"]), ("src/cli/init.rs", &["inventory", "engine"])];

/// Folders below L3: no runtime, no network, no files, no clock.
const PURE: &[&str] = &["model", "yaml", "sheet", "inventory", "readout", "decide"];

/// What stands for an effect in a folder that has none: the head of a path, and what may not follow it.
const EFFECTS: &[(&str, &[&str])] = &[
    ("std::", &["fs", "process", "thread"]),
    ("std::net::", &["TcpStream", "TcpListener", "UdpSocket", "ToSocketAddrs"]),
    ("tokio::", &[]),
    ("getrandom::", &[]),
    ("SystemTime::", &["now"]),
    ("Instant::", &["now"]),
    ("Utc::", &["now"]),
    ("Local::", &["now"]),
];

/// Where each crate lives: folders, or files at the root of `src/`.
const HOMES: &[(&str, &[&str])] = &[
    ("russh", &["access", "intake", "lab"]),
    ("md5", &["intake"]),
    ("p256", &["intake"]),
    ("tokio_socks", &["access"]),
    ("reqwest", &["outbound"]),
    ("rustls", &["outbound"]),
    ("hyper", &["outbound", "lab"]),
    ("hyper_util", &["outbound", "lab"]),
    ("tokio_rustls", &["outbound", "lab"]),
    ("openssl", &["outbound"]),
    ("tokio_openssl", &["outbound"]),
    ("rcgen", &["lab"]),
    ("rustls_native_certs", &["outbound"]),
    ("async_snmp", &["access", "lab"]),
    ("diesel", &["store"]),
    ("diesel_migrations", &["store"]),
    ("libsqlite3_sys", &["store"]),
    ("granit_parser", &["yaml"]),
    ("serde_yaml", &["readout"]),
    ("age", &["depot"]),
    ("blake3", &["depot"]),
    ("zstd", &["depot", "store"]),
    ("similar", &["decide"]),
    ("annotate_snippets", &["yaml"]),
    ("calamine", &["sheet"]),
    ("zip", &["sheet"]),
    ("csv", &["sheet"]),
    ("encoding_rs", &["sheet"]),
    ("rust_xlsxwriter", &["sheet"]),
    ("comfy_table", &["cli"]),
    ("indicatif", &["cli"]),
    ("clap", &["cli", "main.rs"]),
    ("anyhow", &["cli", "main.rs"]),
    ("mimalloc", &["main.rs"]),
];

/// Who may read which clock: beginnings of paths.
const CLOCKS: &[(&str, &[&str])] = &[
    ("SystemTime::now", &["src/engine/clock.rs", "src/lab/", "src/cli/demo"]),
    ("Utc::now", &["src/engine/clock.rs", "src/lab/", "src/cli/demo"]),
    ("Local::now", &["src/engine/clock.rs"]),
    (
        "Instant::now",
        &[
            "src/engine/clock.rs",
            "src/access/",
            "src/intake/",
            "src/lab/",
            "src/cli/demo",
            // Limits of waiting and of caching, on the monotonic clock.
            "src/outbound/child.rs",
            "src/secret/mod.rs",
            "src/store/lock.rs",
            "src/store/writer.rs",
        ],
    ),
];

/// The only printer.
const PRINTER: &str = "src/cli/out.rs";
const LINES_MAX: usize = 800;
const FUNCTION_LINES_MAX: usize = 120;
/// Functions that may be longer, as `path: name`, for a reason that stands beside them.
const LONG_FUNCTIONS: &[&str] = &[];

/// What a good repository has at its root.
const KEPT: &[&str] =
    &["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "LICENSE-MIT", "LICENSE-APACHE", "deny.toml", "test", ".ci/run"];

/// Fails with every fault at once, each on a line of its own.
fn hold(faults: impl IntoIterator<Item = String>) {
    let faults: BTreeSet<String> = faults.into_iter().collect();
    assert!(faults.is_empty(), "\n{}\n", faults.into_iter().collect::<Vec<_>>().join("\n"));
}

/// The places in a text where `path` stands as a path or name of its own, not as a part of a longer one.
fn uses(code: &str, path: &str) -> Vec<usize> {
    let alone = |at: &usize| {
        let before = code[..*at].chars().next_back();
        let after = code[at + path.len()..].chars().next();
        !before.is_some_and(|letter| is_word(letter) || matches!(letter, ':' | '.' | '\''))
            && !after.is_some_and(is_word)
    };
    code.match_indices(path).map(|(at, _)| at).filter(alone).collect()
}

fn line_of(code: &str, at: usize) -> usize {
    code[..at].matches('\n').count() + 1
}

/// Whether a crate is used: its name at the head of a path or alone in a `use`.
fn uses_crate(code: &str, name: &str) -> Vec<usize> {
    let heads = |at: &usize| {
        let (before, after) = (code[..*at].trim_end(), &code[at + name.len()..]);
        after.starts_with("::") || (before.ends_with("use") && after.trim_start().starts_with([';', 'a']))
    };
    uses(code, name).into_iter().filter(heads).collect()
}

/// The modules at the root of the crate that a file names, with the line: through `crate::…` or a climb of `super::`.
fn roots_named(code: &str, depth: usize) -> Vec<(usize, String)> {
    let climb = "super::".repeat(depth.max(1));
    ["crate::", "hoshu::", climb.as_str()].into_iter().flat_map(|head| named_after(code, head)).collect()
}

/// The names that follow the head of a path, one or several in braces, with the line.
fn named_after(code: &str, head: &str) -> Vec<(usize, String)> {
    let word = |name: &str| name.trim_start().chars().take_while(|letter| is_word(*letter)).collect::<String>();
    let begins = |at: &usize| !code[..*at].chars().next_back().is_some_and(|letter| is_word(letter) || letter == ':');
    let found = code.match_indices(head).map(|(at, _)| at).filter(begins);
    found
        .flat_map(|at| {
            let rest = &code[at + head.len()..];
            let names = rest.strip_prefix('{').map_or_else(|| vec![rest], branches);
            names.into_iter().map(move |name| (line_of(code, at), word(name)))
        })
        .collect()
}

/// The parts of an import in braces, up to its closing brace.
fn branches(group: &str) -> Vec<&str> {
    let (mut depth, mut from, mut parts) = (0_usize, 0, Vec::new());
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => {
                parts.push(&group[from..at]);
                break;
            }
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&group[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts
}

fn folders() -> BTreeSet<String> {
    sources().iter().map(Source::folder).filter(|folder| !folder.is_empty()).map(str::to_owned).collect()
}

#[test]
fn layers_hold() {
    let folders = folders();
    let unknown = folders.iter().filter(|folder| !SEES.iter().any(|(known, _)| known == folder));
    let unknown = unknown.map(|folder| format!("src/{folder}: no layer is given to this folder")).collect::<Vec<_>>();
    let mut faults = unknown;
    for source in sources() {
        let Some((_, seen)) = SEES.iter().find(|(folder, _)| *folder == source.folder()) else { continue };
        let more = SEES_MORE.iter().find(|(path, _)| *path == source.path).map_or(&[][..], |(_, more)| *more);
        for (line, name) in roots_named(&source.code, source.depth()) {
            let seen = |name: &str| seen.contains(&name) || more.contains(&name);
            if folders.contains(&name) && name != source.folder() && !seen(&name) {
                faults.push(format!("{}:{line}: {} may not see {name}", source.path, source.folder()));
            }
        }
    }
    hold(faults);
}

#[test]
fn the_lab_has_no_text_of_readout() {
    let faults = sources().into_iter().filter(|source| source.folder() == "lab" && source.text.contains("readout/"));
    hold(faults.map(|source| format!("{}: names a file of readout", source.path)));
}

#[test]
fn crates_stay_at_home() {
    let mut faults = Vec::new();
    for source in sources() {
        let place = if source.folder().is_empty() { &source.path["src/".len()..] } else { source.folder() };
        for (name, homes) in HOMES.iter().filter(|(_, homes)| !homes.contains(&place)) {
            for at in uses_crate(&source.code, name) {
                let line = line_of(&source.code, at);
                faults.push(format!("{}:{line}: {name} lives in {}", source.path, homes.join(", ")));
            }
        }
    }
    hold(faults);
}

#[test]
fn what_decides_has_no_effects() {
    let mut faults = Vec::new();
    for source in sources().iter().filter(|source| PURE.contains(&source.folder()) && !source.test) {
        if source.path.ends_with("/load.rs") {
            continue;
        }
        for (head, names) in EFFECTS {
            let named = named_after(&source.code, head).into_iter();
            let named = named.filter(|(_, name)| names.is_empty() || names.contains(&name.as_str()));
            faults.extend(named.map(|(line, name)| format!("{}:{line}: {head}{name} in a pure folder", source.path)));
        }
    }
    hold(faults);
}

#[test]
fn clocks_are_read_in_few_places() {
    let mut faults = Vec::new();
    for source in sources().iter().filter(|source| !source.test) {
        for (clock, _) in CLOCKS.iter().filter(|(_, places)| !places.iter().any(|place| source.path.starts_with(place)))
        {
            let reads = source.code.match_indices(clock).map(|(at, _)| line_of(&source.code, at));
            faults.extend(reads.map(|line| format!("{}:{line}: {clock} outside its places", source.path)));
        }
    }
    hold(faults);
}

#[test]
fn one_file_prints() {
    let mut faults = Vec::new();
    for source in sources().iter().filter(|source| source.path != PRINTER && !source.test) {
        for name in ["println!", "eprintln!", "print!", "eprint!", "dbg!"] {
            let prints = uses(&source.code, name).into_iter().map(|at| line_of(&source.code, at));
            faults.extend(prints.map(|line| format!("{}:{line}: {name} outside {PRINTER}", source.path)));
        }
    }
    hold(faults);
}

#[test]
fn nothing_is_left_unfinished_or_silenced() {
    // In two parts each, so that this file does not name what it looks for.
    let words = [
        ("FIX", "ME"),
        ("XX", "X"),
        ("TO", "DO"),
        ("HA", "CK"),
        ("to", "do!("),
        ("unimple", "mented!("),
        ("#[al", "low"),
    ];
    let words = words.map(|(head, tail)| format!("{head}{tail}"));
    let mut faults = Vec::new();
    for path in files().into_iter().filter(|path| path.starts_with("src/") || path.starts_with("tests/")) {
        for (number, line) in text(&path).unwrap_or_default().lines().enumerate() {
            let found = words.iter().filter(|word| {
                line.match_indices(word.as_str()).any(|(at, _)| !line[..at].chars().next_back().is_some_and(is_word))
            });
            faults.extend(found.map(|word| format!("{path}:{}: {word}", number + 1)));
        }
    }
    hold(faults);
}

#[test]
fn files_and_functions_stay_short() {
    let mut faults = Vec::new();
    for source in sources() {
        let lines = source.text.lines().count();
        if lines > LINES_MAX {
            faults.push(format!("{}: {lines} lines, {LINES_MAX} at most", source.path));
        }
        for (line, name, lines) in functions(&source.code) {
            if lines > FUNCTION_LINES_MAX && !LONG_FUNCTIONS.contains(&format!("{}: {name}", source.path).as_str()) {
                faults.push(format!("{}:{line}: {name} has {lines} lines, {FUNCTION_LINES_MAX} at most", source.path));
            }
        }
    }
    hold(faults);
}

/// Every function with a body: line, name, lines.
fn functions(code: &str) -> Vec<(usize, String, usize)> {
    let letters: Vec<char> = code.chars().collect();
    let mut found = Vec::new();
    for at in 0..letters.len().saturating_sub(3) {
        let begins = letters[at..at + 3] == ['f', 'n', ' '] && (at == 0 || !is_word(letters[at - 1]));
        let Some(end) =
            begins.then(|| (at..letters.len()).find(|place| matches!(letters[*place], '{' | ';'))).flatten()
        else {
            continue;
        };
        let name: String = letters[at + 3..].iter().take_while(|letter| is_word(**letter)).collect();
        if letters[end] == '{' && !name.is_empty() {
            let lines = |range: &[char]| range.iter().filter(|letter| **letter == '\n').count();
            found.push((lines(&letters[..at]) + 1, name, lines(&letters[at..close(&letters, end)]) + 1));
        }
    }
    found
}

#[test]
fn the_repository_has_what_a_good_one_has() {
    let found: BTreeSet<String> = files().into_iter().collect();
    hold(KEPT.iter().filter(|path| !found.contains(**path)).map(|path| format!("{path} is absent")));
}

#[test]
fn links_in_documents_lead_somewhere() {
    let found: BTreeSet<String> = files().into_iter().collect();
    let leads = |path: &str| found.contains(path) || found.iter().any(|file| file.starts_with(&format!("{path}/")));
    let mut faults = Vec::new();
    for page in found.iter().filter(|path| path.to_ascii_lowercase().ends_with(".md") && !path.starts_with("tests/")) {
        let folder = page.rsplit_once('/').map_or("", |(folder, _)| folder);
        for link in links(&text(page).unwrap_or_default()) {
            let target = resolve(folder, &link);
            if !leads(&target) {
                faults.push(format!("{page}: {link} leads nowhere"));
            }
        }
    }
    hold(faults);
}

/// The targets of links in a page that lie in the repository, without fragments.
fn links(page: &str) -> Vec<String> {
    let targets = page.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
    let inside = targets
        .filter(|target| !target.contains("://") && !target.starts_with(['#', '<']) && !target.starts_with("mailto:"));
    inside
        .filter_map(|target| target.split('#').next())
        .filter(|target| !target.is_empty())
        .map(str::to_owned)
        .collect()
}

fn resolve(folder: &str, link: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[test]
fn nothing_speaks_of_the_machine_it_was_built_on() {
    // In two parts each, so that this file does not name what it looks for.
    let words = [
        ("/wo", "rk/"),
        ("/fa", "rm/"),
        ("/tmp/", "wt"),
        ("/ro", "ot/"),
        ("bash_", "jobs"),
        (".lib", "rary/"),
        ("fa", "rm-studio"),
        ("fa", "rm-bench"),
        ("sha", "red/design"),
        ("sha", "red/facts"),
        ("sha", "red/style"),
    ]
    .map(|(head, tail)| format!("{head}{tail}"));
    let mut faults = Vec::new();
    for path in files() {
        for (number, line) in text(&path).unwrap_or_default().lines().enumerate() {
            let found = words.iter().filter(|word| line.contains(word.as_str()));
            faults.extend(found.map(|word| format!("{path}:{}: {word}", number + 1)));
        }
    }
    let lock = text("Cargo.lock").unwrap_or_default();
    let strange = |line: &&str| {
        line.starts_with("source = ") && *line != "source = \"registry+https://github.com/rust-lang/crates.io-index\""
    };
    faults.extend(lock.lines().filter(strange).map(|line| format!("Cargo.lock: {line}")));
    faults.extend(
        files().into_iter().filter(|path| path.starts_with(".cargo/")).map(|path| format!("{path}: names a registry")),
    );
    hold(faults);
}

#[test]
fn the_finders_find() {
    let code = "use crate::{model::a, store::{b, c}, lab};\nfn f() { crate::cli::run(); super::super::depot::x(); hoshu::yaml::y() }";
    let named: Vec<String> = roots_named(code, 2).into_iter().map(|(_, name)| name).collect();
    assert_eq!(named, ["model", "store", "lab", "cli", "yaml", "depot"]);
    assert_eq!(uses_crate("use age;\nage::x(); a.age; crate::age::y(); use russh::z; page::w()", "age").len(), 2);
    let named: Vec<String> =
        named_after("std::fs::x(); y::std::a; use std::{io, fs};", "std::").into_iter().map(|(_, name)| name).collect();
    assert_eq!(named, ["fs", "io", "fs"]);
    assert_eq!(uses("println!(a); eprintln!(b); x.println!(c)", "println!").len(), 1);
    assert_eq!(functions("trait T { fn a(); }\nfn b() {\n {}\n}\n"), [(2, "b".to_owned(), 3)]);
    assert_eq!(links("[a](b/c.md#d) [e](https://f) [g](#h) ![i](j.png \"k\")"), ["b/c.md", "j.png"]);
    assert_eq!(resolve("docs/x", "../y/./z.md"), "docs/y/z.md");
}
