//! `hoshu appliance import`.

use std::path::PathBuf;

use super::super::error::problems;
use super::super::out::counted;
use super::super::{Context, Doors, Ended, Need, person, write_new};
use crate::model::name::{CustomerName, SeatName};
use crate::model::outside::encode_line;
use crate::model::word::Word as _;
use crate::service::import::{self, Asked, Doubt, From, Imported, Note};
use crate::service::refusal::Refusal;
use crate::yaml::{Problem, Severity};

/// Notes that are shown without --all; ten times as many doubts.
const SHOWN: usize = 40;
/// Places of one doubt that are named.
const PLACES: usize = 6;

/// A list of another tool.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Source {
    /// The file; with --from cm the name of the CM's seat, which is asked.
    file: Option<PathBuf>,
    /// What it is: csv, xlsx, oxidized (router.db), nornir (hosts.yaml), netbox (CSV of devices), cm (asked live).
    #[arg(long, value_parser = kinds(), value_name = "KIND")]
    from: String,
    /// A mapping of your own over the built-in one: headers, names, words.
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// The customer of rows that name none.
    #[arg(long, value_name = "NAME")]
    customer: Option<CustomerName>,
}

fn kinds() -> Vec<clap::builder::PossibleValue> {
    From::words().into_iter().map(clap::builder::PossibleValue::new).collect()
}

impl Source {
    fn from(&self) -> Result<From, Refusal> {
        self.from.parse().map_err(|_| Refusal::Argument(format!("{:?} is no kind of file", self.from)))
    }

    /// The seat of the CM, when one is asked.
    fn cm(&self) -> Result<Option<SeatName>, Refusal> {
        if self.from()? != From::Cm {
            return Ok(None);
        }
        let name = self.file.as_ref().and_then(|file| file.to_str());
        let name = name.ok_or_else(|| Refusal::Argument("no seat of a CM is named".to_owned()))?;
        let seat = name.parse().map_err(|_| Refusal::Argument(format!("{name:?} cannot be the name of a seat")))?;
        Ok(Some(seat))
    }

    /// What is asked for, written into a folder of an inventory when one is given.
    pub(in crate::cli) fn asked(self, into: Option<PathBuf>) -> Result<Asked, Refusal> {
        let from = self.from()?;
        let file = self.file.ok_or_else(|| Refusal::Argument("no file is named".to_owned()))?;
        Ok(Asked { file, from, mapping: self.mapping, customer: self.customer, into })
    }
}

/// Show what an inventory of another tool would become here.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    source: Source,
    /// Write the files below this folder of an inventory; none of them may exist.
    #[arg(long, value_name = "DIR")]
    write: Option<PathBuf>,
    /// Write without what is doubtful.
    #[arg(long, requires = "write")]
    leave_out: bool,
    /// Show every note.
    #[arg(long)]
    all: bool,
    /// Print the built-in mapping for this kind of file, with its comments, to begin one of your own.
    #[arg(long, conflicts_with_all = ["file", "write"])]
    show_mapping: bool,
}

fn doubt_line(doubt: &Doubt) -> String {
    let places: Vec<String> = doubt.at.iter().take(PLACES).map(ToString::to_string).collect();
    let more = doubt.at.len().saturating_sub(PLACES);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let place = if places.is_empty() { String::new() } else { format!("{}{more}: ", places.join(", ")) };
    let found = doubt.found.as_ref().map_or_else(String::new, |found| {
        let short: String = found.as_data().chars().take(80).collect();
        format!("{} ", encode_line(&short))
    });
    let column = doubt.column.map_or_else(String::new, |column| format!(" ({column})"));
    format!("{place}{found}{}{column}", doubt.message)
}

/// Says the notes and doubts of a list.
pub(in crate::cli) fn say_list(context: &Context<'_, impl Doors>, notes: &[Note], doubts: &[Doubt], all: bool) {
    let out = context.out;
    for note in notes.iter().take(if all { usize::MAX } else { SHOWN }) {
        let place = note.at.as_ref().map_or_else(String::new, |at| format!("{at}: "));
        out.talk(&format!("note: {place}{}", note.message));
    }
    if !all && notes.len() > SHOWN {
        out.talk(&format!("note: and {} more (--all)", notes.len() - SHOWN));
    }
    for doubt in doubts.iter().take(if all { usize::MAX } else { 10 * SHOWN }) {
        out.talk(&format!("doubt: {}", doubt_line(doubt)));
        if let Some(hint) = &doubt.hint {
            out.talk(&format!("  hint: {}", encode_line(hint)));
        }
    }
    if !all && doubts.len() > 10 * SHOWN {
        out.talk(&format!("doubt: and {} more (--all)", doubts.len() - 10 * SHOWN));
    }
}

fn say(context: &Context<'_, impl Doors>, imported: &Imported, all: bool) {
    let out = context.out;
    say_list(context, &imported.notes, &imported.doubts, all);
    if imported.notes_left_out > 0 {
        out.talk(&format!("note: and {} more, which are not kept", imported.notes_left_out));
    }
    let (wrong, warnings): (Vec<Problem>, Vec<Problem>) =
        imported.problems.iter().cloned().partition(|problem| problem.severity == Severity::Error);
    problems(out, &wrong);
    if !warnings.is_empty() {
        out.talk(&format!("hoshu check will have {} about what is written", counted(warnings.len(), "warning")));
    }
    out.talk(&format!(
        "{}: {}, {} in {}, {}, {} left out",
        encode_line(&imported.file),
        counted(imported.rows, "row"),
        counted(imported.seats, "seat"),
        counted(imported.files.len(), "file"),
        counted(imported.doubts.len(), "doubt"),
        counted(imported.left_out.len(), "row"),
    ));
}

/// Looks, shows, and writes when told to.
pub(super) async fn run(context: &Context<'_, impl Doors>, args: Args) -> Result<Ended, Refusal> {
    if args.show_mapping {
        context.out.data(import::built_in(args.source.from()?).trim_end());
        return Ok(Ended::Done);
    }
    let imported = match args.source.cm()? {
        Some(_) if args.write.is_some() => {
            let why =
                "the file of the customer is there already: add the seats that are shown by hand, without --write";
            return Err(Refusal::Argument(why.to_owned()));
        }
        Some(seat) => {
            let env = context.env(Need::Host).await?;
            import::from_cm(&env, &person(), &seat, args.source.mapping).await?
        }
        None => import::look(&args.source.asked(args.write.clone())?)?,
    };
    if context.out.json {
        context.out.json(&imported);
    } else if args.write.is_none() {
        for file in &imported.files {
            context.out.data(&format!("--- {}\n{}", file.name, file.text.trim_end()));
        }
    }
    if !context.out.json {
        say(context, &imported, args.all);
    }
    if let Some(dir) = args.write {
        for (path, file) in import::to_write(&imported, &dir, args.leave_out)? {
            if let Some(folder) = path.parent() {
                let failed =
                    |error: std::io::Error| Refusal::Folder { path: folder.to_owned(), why: error.to_string() };
                std::fs::create_dir_all(folder).map_err(failed)?;
            }
            write_new(&path, file.text.as_bytes())?;
            context.out.talk(&format!("written: {}", path.display()));
        }
        context.out.talk("next: hoshu check");
    }
    Ok(if imported.doubts.is_empty() { Ended::Done } else { Ended::Attention })
}
