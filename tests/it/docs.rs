//! Holds the documents to the code: each word that the program says is explained, each command is mentioned.

#![cfg(test)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::CommandFactory as _;
use hoshu::decide::brake::{Denial, StopReason};
use hoshu::lab::Fault;
use hoshu::model::backup::Doubt;
use hoshu::model::reading::{Condition, Outcome};
use hoshu::model::word::Word;
use hoshu::service::refusal::Refusal;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The text of a page; empty when there is none, so that every word of it is reported as absent.
fn page(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_default()
}

/// Fails with every fault at once, each on a line of its own.
fn hold(faults: impl IntoIterator<Item = String>) {
    let faults: BTreeSet<String> = faults.into_iter().collect();
    assert!(faults.is_empty(), "\n{}\n", faults.into_iter().collect::<Vec<_>>().join("\n"));
}

/// The part of a page from one heading of the second level to the next.
fn part<'a>(page: &'a str, heading: &str) -> &'a str {
    let start = page.find(&format!("\n## {heading}\n")).map_or(page.len(), |at| at + 1);
    let rest = &page[start..];
    rest[..].find("\n## ").map_or(rest, |end| &rest[..end])
}

/// The rows of the tables of a part, by the word in code at the head of each row.
fn rows(part: &str) -> Vec<(&str, Vec<&str>)> {
    part.lines()
        .filter_map(|line| {
            let row: Vec<&str> = line.strip_prefix("| ")?.trim_end().trim_end_matches('|').split(" | ").collect();
            let word = row.first()?.trim().strip_prefix('`')?.strip_suffix('`')?;
            Some((word, row[1..].iter().map(|cell| cell.trim()).collect()))
        })
        .collect()
}

/// What a part of the catalogue says more or less than the words of a list.
fn catalogue_faults(page: &str, heading: &str, words: &[&str]) -> Vec<String> {
    let rows = rows(part(page, heading));
    let absent = words.iter().filter(|word| !rows.iter().any(|(known, _)| known == *word));
    let mut faults: Vec<String> =
        absent.map(|word| format!("docs/errors.md: {heading}: `{word}` has no row")).collect();
    for (word, cells) in &rows {
        if !words.contains(word) {
            faults.push(format!("docs/errors.md: {heading}: `{word}` is no word of the program"));
        }
        if cells.len() != 3 || cells.iter().any(|cell| cell.is_empty()) {
            faults.push(format!(
                "docs/errors.md: {heading}: `{word}` does not say what happened, what was expected and what to do"
            ));
        }
        if rows.iter().filter(|(other, _)| other == word).count() > 1 {
            faults.push(format!("docs/errors.md: {heading}: `{word}` stands twice"));
        }
    }
    faults
}

#[test]
fn every_word_has_a_row_in_the_catalogue() {
    let errors = page("docs/errors.md");
    let lists: [(&str, Vec<&str>); 6] = [
        ("Refusals", Refusal::CODES.to_vec()),
        ("Outcomes", Outcome::words()),
        ("Conditions", Condition::words()),
        ("Doubts", Doubt::words()),
        ("Denials", Denial::words()),
        ("Stop reasons", StopReason::words()),
    ];
    hold(lists.iter().flat_map(|(heading, words)| catalogue_faults(&errors, heading, words)));
}

#[test]
fn every_exit_code_of_the_help_has_a_row() {
    let help = hoshu::cli::Cli::command().get_after_help().expect("a text after the help").to_string();
    let codes: Vec<&str> = help
        .trim_start_matches("Exit codes:")
        .split(',')
        .filter_map(|part| part.split_whitespace().next())
        .filter(|word| word.chars().all(|letter| letter.is_ascii_digit()))
        .collect();
    assert!(codes.len() > 5, "{help}");
    let errors = page("docs/errors.md");
    let rows = rows(part(&errors, "Exit codes"));
    let absent = codes.iter().filter(|code| !rows.iter().any(|(known, _)| known == *code));
    hold(absent.map(|code| format!("docs/errors.md: exit code `{code}` has no row")));
}

/// Every command without subcommands, as a person types it.
fn commands(command: &clap::Command, typed: &str, found: &mut Vec<String>) {
    let shown = || command.get_subcommands().filter(|sub| sub.get_name() != "help" && !sub.is_hide_set());
    for sub in shown() {
        commands(sub, &format!("{typed} {}", sub.get_name()), found);
    }
    if shown().next().is_none() {
        found.push(typed.to_owned());
    }
}

/// Every page for those who use the program.
fn pages() -> Vec<String> {
    let docs = std::fs::read_dir(root().join("docs")).expect("the folder of the documents");
    let paths = docs.map(|entry| entry.expect("a readable entry").path());
    let is_page = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "md");
    let pages = paths.filter(is_page).chain([root().join("README.md")]);
    pages.map(|path| read(&path)).collect()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).expect("a readable page")
}

/// Whether a page names a command, and not only a longer word that begins like it.
fn names(page: &str, command: &str) -> bool {
    let ends = |at: usize| {
        !page[at + command.len()..].chars().next().is_some_and(|letter| letter.is_alphanumeric() || letter == '-')
    };
    page.match_indices(command).any(|(at, _)| ends(at))
}

#[test]
fn every_command_is_mentioned() {
    let mut typed = Vec::new();
    commands(&hoshu::cli::Cli::command(), "hoshu", &mut typed);
    assert!(typed.iter().any(|command| command == "hoshu backup take"), "{typed:?}");
    let pages = pages();
    let absent = typed.iter().filter(|command| !pages.iter().any(|page| names(page, command)));
    hold(absent.map(|command| format!("`{command}` stands in no page of docs/ and not in README.md")));
}

/// The commands that stand in the examples of a page, word by word, without comments and what follows a pipe.
fn examples(page: &str) -> Vec<Vec<&str>> {
    let code = page.lines().filter_map(|line| line.strip_prefix("    "));
    let typed = code.filter_map(|line| line.trim_start_matches("$ ").strip_prefix("hoshu "));
    typed
        .map(|line| line.split(['|', ';', '&', '>', '#']).next().unwrap_or_default().split_whitespace().collect())
        .collect()
}

/// What an example says that the command line does not know: a noun, a verb, or an option.
fn unknown_words(cli: &clap::Command, words: &[&str]) -> Vec<String> {
    let (mut command, mut faults) = (cli, Vec::new());
    for word in words.iter().filter(|word| !word.starts_with('-')) {
        match command.find_subcommand(word) {
            Some(sub) => command = sub,
            None if command.has_subcommands() && word.chars().all(|letter| letter.is_ascii_lowercase()) => {
                faults.push(format!("`{}` has no `{word}`", command.get_name()));
                break;
            }
            None => {}
        }
    }
    let known = |name: &str| {
        let mut options = command.get_arguments().chain(cli.get_arguments());
        options.any(|option| option.get_long() == Some(name)) || matches!(name, "help" | "version")
    };
    let options = words.iter().filter_map(|word| word.strip_prefix("--"));
    let unknown = options.filter(|name| !known(name.split('=').next().unwrap_or(name)));
    faults.extend(unknown.map(|name| format!("`{}` has no `--{name}`", command.get_name())));
    faults
}

#[test]
fn every_command_of_an_example_exists() {
    let cli = hoshu::cli::Cli::command();
    let pages = pages();
    let examples: Vec<_> = pages.iter().flat_map(|page| examples(page)).collect();
    assert!(examples.len() > 50, "{}", examples.len());
    hold(examples.iter().flat_map(|words| {
        let faults = unknown_words(&cli, words);
        faults.into_iter().map(move |fault| format!("hoshu {}: {fault}", words.join(" ")))
    }));
}

/// The anchor of a heading, as the pages are shown: small letters, digits, hyphens.
fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
    kept.map(|letter| if letter == ' ' { '-' } else { letter.to_ascii_lowercase() }).collect()
}

#[test]
fn every_link_to_a_heading_leads_to_one() {
    let folder = root().join("docs");
    let entries = std::fs::read_dir(&folder).expect("the folder of the documents");
    let paths = entries.map(|entry| entry.expect("a readable entry").path());
    let mut faults = Vec::new();
    for path in paths.filter(|path| path.extension().is_some_and(|extension| extension == "md")) {
        let text = read(&path);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let Some((target, fragment)) = link.split_once('#').filter(|_| !link.contains("://")) else { continue };
            let target = if target.is_empty() { path.clone() } else { folder.join(target) };
            let headings = std::fs::read_to_string(&target).unwrap_or_default();
            let found = headings.lines().filter(|line| line.starts_with('#'));
            if !found.map(|line| anchor(line.trim_start_matches('#').trim())).any(|known| known == fragment) {
                faults.push(format!("{}: {link} leads to no heading", path.display()));
            }
        }
    }
    hold(faults);
}

#[test]
fn every_fault_of_the_lab_is_explained() {
    let lab = page("docs/lab.md");
    let absent = Fault::words().into_iter().filter(|fault| !lab.contains(&format!("`{fault}`")));
    hold(absent.map(|fault| format!("docs/lab.md: `{fault}` is absent")));
}

#[test]
fn every_decision_stands_in_the_index() {
    let index = page("docs/decisions/README.md");
    let folder = std::fs::read_dir(root().join("docs/decisions")).expect("the folder of the decisions");
    let names = folder.map(|entry| entry.expect("a readable entry").file_name().to_string_lossy().into_owned());
    let records: Vec<String> = names.filter(|name| name != "README.md").collect();
    assert!(!records.is_empty());
    hold(records.iter().filter_map(|name| {
        let linked = index.contains(&format!("]({name})"));
        (!linked).then(|| format!("docs/decisions/README.md: {name} is absent"))
    }));
}

#[test]
fn every_folder_is_on_the_map() {
    let map = page("ARCHITECTURE.md");
    let entries = std::fs::read_dir(root().join("src")).expect("the sources").map(|entry| entry.expect("an entry"));
    let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let names: Vec<String> = folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    hold(names.iter().filter_map(|name| {
        let described = map.contains(&format!("\n### `src/{name}/`"));
        (!described).then(|| format!("ARCHITECTURE.md: src/{name}/ has no heading"))
    }));
}

#[test]
fn the_finders_find() {
    let text = "# a\n\n## One\n\n| word | what | expected | do |\n|---|---|---|---|\n| `a` | b | c | d |\n| `e` | f |\n\n## Two\n| `g` | h | i | j |\n";
    assert_eq!(rows(part(text, "One")), [("a", vec!["b", "c", "d"]), ("e", vec!["f"])]);
    assert_eq!(rows(part(text, "Three")), []);
    assert_eq!(catalogue_faults(text, "One", &["a", "x"]).len(), 3, "x is absent, e is unknown and short");
    assert_eq!(anchor("2. An account on each appliance"), "2-an-account-on-each-appliance");
    let example = examples("text\n    $ hoshu backup tke --on all --fast | tail\n");
    assert_eq!(example, [vec!["backup", "tke", "--on", "all", "--fast"]]);
    let cli = hoshu::cli::Cli::command();
    assert_eq!(unknown_words(&cli, &example[0]).len(), 3, "a verb, and what it would have known");
    assert_eq!(unknown_words(&cli, &["backup", "take", "--on", "all", "--fast"]), ["`take` has no `--fast`"]);
    assert!(names("`hoshu key init`", "hoshu key init") && !names("hoshu key initial", "hoshu key init"));
}

/// The tests that docs/security.md names are there.
#[test]
fn the_tests_of_the_controls_exist() {
    let page = page("docs/security.md");
    let names = page.split('`').skip(1).step_by(2);
    let mut found = 0;
    let absent = names.filter_map(|name| {
        let (file, name) = if let Some((file, name)) = name.rsplit_once(": ") {
            (file.to_owned(), name)
        } else {
            let (path, name) = name.rsplit_once("::").filter(|_| !name.contains(' '))?;
            (format!("tests/it/{}.rs", path.replace("::", "/")), name)
        };
        found += 1;
        let text = std::fs::read_to_string(root().join(&file)).unwrap_or_default();
        (!text.contains(&format!("fn {name}("))).then(|| format!("docs/security.md: {file} has no test {name}"))
    });
    hold(absent.collect::<Vec<_>>());
    assert!(found > 50, "{found} tests are named");
}
