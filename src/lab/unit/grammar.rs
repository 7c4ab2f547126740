//! Finds the command behind what was typed: abbreviations, hidden commands, and the three errors of the command line.
//!
//! Source: the engine is Tall Maple's; `% Unrecognized command` is seen on FireEye, the other two errors are
//! modelled after its relatives.

use super::commands::{COMMANDS, Command};
use super::shell::Shell;
use super::state::Unit;

/// What a line was found to be.
pub(super) enum Found<'a> {
    /// A command with the words that stand in its places.
    Command(&'static Command, Vec<&'a str>),
    /// The text of an error.
    Error(String),
}

fn visible(unit: &Unit, shell: &Shell) -> impl Iterator<Item = &'static Command> {
    let (role, mode, series) = (shell.role, shell.mode, unit);
    COMMANDS.iter().filter(move |command| role >= command.role && mode >= command.mode && (command.offered)(series))
}

/// `<name>` takes any one word, `<words>*` everything that follows.
fn is_place(word: &str) -> bool {
    word.starts_with('<')
}

fn takes_rest(word: &str) -> bool {
    word.ends_with('*')
}

/// The word of a command at a place, if it has one there.
fn word_at(command: &Command, at: usize) -> Option<&'static str> {
    let mut words = command.words.split(' ');
    words.nth(at).or_else(|| command.words.rsplit(' ').next().filter(|last| takes_rest(last)))
}

/// Keeps the commands that a typed word allows at its place: an exact word hides longer ones, a word hides a place.
fn narrow<'a>(commands: &[&'a Command], at: usize, typed: &str) -> Result<Vec<&'a Command>, Vec<&'static str>> {
    let matching = |test: &dyn Fn(&str) -> bool| {
        commands.iter().copied().filter(|command| word_at(command, at).is_some_and(test)).collect::<Vec<_>>()
    };
    let exact = matching(&|word| word == typed);
    if !exact.is_empty() {
        return Ok(exact);
    }
    let begun = matching(&|word| !is_place(word) && word.starts_with(typed));
    let mut words = begun.iter().filter_map(|command| word_at(command, at)).collect::<Vec<_>>();
    words.sort_unstable();
    words.dedup();
    match words.len() {
        0 => Ok(matching(&is_place)),
        1 => Ok(begun),
        _ => Err(words),
    }
}

/// The command that a line means in this shell.
pub(super) fn resolve<'a>(unit: &Unit, shell: &Shell, line: &'a str) -> Found<'a> {
    let typed = line.split_whitespace().collect::<Vec<_>>();
    let mut commands = visible(unit, shell).collect::<Vec<_>>();
    for (at, word) in typed.iter().enumerate() {
        commands = match narrow(&commands, at, word) {
            Ok(left) if left.is_empty() => {
                return Found::Error(format!("% Unrecognized command \"{word}\".\nType \"?\" for help.\n"));
            }
            Ok(left) => left,
            Err(_) => {
                return Found::Error(format!("% Ambiguous command \"{word}\".\nType \"{line}?\" for help.\n"));
            }
        };
    }
    let complete = |command: &&&Command| {
        let words = command.words.split(' ').count();
        words == typed.len() || (words <= typed.len() && command.words.ends_with('*'))
    };
    match commands.iter().find(complete) {
        Some(command) => {
            let first = command.words.split(' ').position(is_place).unwrap_or(typed.len());
            Found::Command(command, typed.into_iter().skip(first).collect())
        }
        None => Found::Error(format!("% Incomplete command.\nType \"{} ?\" for help.\n", line.trim())),
    }
}

/// The words that could come next, for a line that ends with a question mark.
pub(super) fn help(unit: &Unit, shell: &Shell, line: &str) -> String {
    let open = line.ends_with(' ') || line.is_empty();
    let mut typed = line.split_whitespace().collect::<Vec<_>>();
    let begun = if open { "" } else { typed.pop().unwrap_or("") };
    let mut commands = visible(unit, shell).collect::<Vec<_>>();
    for (at, word) in typed.iter().enumerate() {
        commands = narrow(&commands, at, word).unwrap_or_default();
    }
    let mut words = commands
        .iter()
        .filter_map(|command| word_at(command, typed.len()))
        .filter(|word| word.starts_with(begun))
        .collect::<Vec<_>>();
    words.sort_unstable();
    words.dedup();
    words.into_iter().flat_map(|word| [word, "\n"]).collect()
}
