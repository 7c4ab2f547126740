//! `hoshu session`: sessions of persons, their transcripts, and the ways that persons open.

mod ways;

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::sleep;

use super::out::{Cell, Out, Tone, counted};
use super::{Context, Doors, Ended, Need, parse_duration, person, write_new};
use crate::model::id::TranscriptId;
use crate::model::time::show_duration;
use crate::service::refusal::Refusal;
use crate::service::transcript::{self, Listed, PlayedLine, Replay, Standing};

/// The longest silence that a replay keeps.
const SILENCE_MS: i64 = 2_000;

/// Sessions of persons at appliances and their transcripts, and attended ways.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Open the way of an attended gateway and hold it open: polls and backups in other terminals go through it
    Open {
        /// The gateway: customer/gateway, or its own name where no other customer has one of that name.
        gateway: String,
        /// Close it after this time, 12 hours at most.
        #[arg(long, value_parser = ways::parse_open, default_value = "30m", value_name = "TIME")]
        r#for: Duration,
    },
    /// List the attended gateways, which are open, and until when
    Ways,
    /// List the sessions that left a transcript, or should have
    List {
        /// Which seats; all when absent.
        #[arg(long, value_name = "SELECTOR")]
        on: Vec<String>,
        /// How far back.
        #[arg(long, default_value = "7d", value_parser = parse_duration, value_name = "TIME")]
        back: Duration,
    },
    /// Show a session again, every known secret masked
    Replay {
        /// The transcript.
        transcript: TranscriptId,
        /// So many times as fast.
        #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
        speed: u32,
        /// All lines at once, each with its time.
        #[arg(long)]
        plain: bool,
        /// Write it into a new file instead, as a recording in asciicast version 2.
        #[arg(long, value_name = "FILE", conflicts_with_all = ["plain", "speed"])]
        export: Option<PathBuf>,
    },
    /// Remove transcripts that are older than they are kept
    Prune {
        /// Show what would be done, and change nothing.
        #[arg(long)]
        dry_run: bool,
    },
}

fn row(one: &Listed, zone: chrono_tz::Tz) -> Vec<Cell> {
    let tone = match one.standing {
        Standing::Kept | Standing::UnderWay => Tone::Plain,
        Standing::Full | Standing::NotEnded => Tone::Care,
        Standing::Cut => Tone::Bad,
    };
    let (length, lines, end) = one.ended.as_ref().map_or_else(Default::default, |ended| {
        let lines = match ended.denied {
            0 => ended.commands.to_string(),
            denied => format!("{}, {denied} not sent", ended.commands),
        };
        let end = if ended.detail.is_empty() {
            ended.outcome.to_string()
        } else {
            format!("{}: {}", ended.outcome, ended.detail)
        };
        (show_duration(ended.at.ms_since(one.begun.at).max(0)), lines, end)
    });
    vec![
        one.id.to_string().into(),
        one.begun.seat.to_string().into(),
        one.begun.customer.to_string().into(),
        one.begun.kind.as_str().into(),
        one.begun.who.clone().into(),
        one.begun.at.show(zone).into(),
        length.into(),
        lines.into(),
        Cell::toned(one.standing.as_str(), tone),
        end.into(),
    ]
}

fn clock(ms: i64) -> String {
    let seconds = ms / 1000;
    format!("{:02}:{:02}:{:02}.{}", seconds / 3600, seconds / 60 % 60, seconds % 60, ms % 1000 / 100)
}

fn show_line(out: Out, line: &PlayedLine, head: &str) {
    let text = line.text.for_terminal();
    if line.remark {
        out.toned(&format!("{head}-- {text}"), Tone::Care);
    } else {
        out.data(format!("{head}{text}").trim_end());
    }
}

/// Shows the lines at their pace, or all at once with their times.
async fn play(context: &Context<'_, impl Doors>, replay: &Replay, speed: u32, plain: bool) -> Ended {
    let mut before = 0;
    for line in &replay.lines {
        if context.stop.is_asked() {
            return Ended::Stopped;
        }
        if plain {
            show_line(context.out, line, &format!("{} ", clock(line.ms)));
            continue;
        }
        let pause = (line.ms - before).clamp(0, SILENCE_MS) / i64::from(speed);
        before = line.ms;
        sleep(Duration::from_millis(pause.unsigned_abs())).await;
        show_line(context.out, line, "");
    }
    Ended::Done
}

fn say(out: Out, replay: &Replay, zone: chrono_tz::Tz) {
    let begun = &replay.session.begun;
    out.talk(&format!(
        "{}: {} on {} of {}, from {}",
        replay.session.id,
        begun.who,
        begun.seat,
        begun.customer,
        begun.at.show(zone)
    ));
    if replay.session.standing == Standing::Full {
        out.talk("the transcript is full before the session's end");
    }
    if replay.strange > 0 {
        out.talk(&format!("{} of the recording could not be read", counted(replay.strange, "line")));
    }
}

/// Does what the verb says.
pub async fn run(context: &Context<'_, impl Doors>, verb: Verb) -> Result<Ended, Refusal> {
    match verb {
        Verb::Open { gateway, r#for } => ways::open(context, &gateway, r#for).await,
        Verb::Ways => ways::ways(context).await,
        Verb::List { on, back } => {
            let env = context.env(Need::Read).await?;
            let back = i64::try_from(back.as_millis()).unwrap_or(i64::MAX);
            let answer = transcript::list(&env, &person(), &on, back).await?;
            if context.out.json {
                context.out.json(&answer);
            } else {
                let head =
                    ["session", "seat", "customer", "kind", "who", "began", "length", "lines", "transcript", "end"];
                let rows = answer.sessions.iter().map(|one| row(one, env.settings.zone)).collect();
                context.out.table(&head, rows);
            }
            Ok(Ended::Done)
        }
        Verb::Replay { transcript, export: Some(path), .. } => {
            let env = context.env(Need::Host).await?;
            let (replay, cast) = transcript::export(&env, &person(), transcript, &path).await?;
            write_new(&path, cast.as_bytes())?;
            say(context.out, &replay, env.settings.zone);
            context.out.talk(&format!(
                "{} in {}, every known secret masked",
                counted(replay.lines.len(), "line"),
                path.display()
            ));
            Ok(Ended::Done)
        }
        Verb::Replay { transcript, speed, plain, export: None } => {
            let env = context.env(Need::Host).await?;
            let replay = transcript::replay(&env, &person(), transcript).await?;
            let zone = env.settings.zone;
            // The store is free while somebody watches.
            drop(env);
            context.doors.leave();
            if context.out.json {
                context.out.json(&replay);
                return Ok(Ended::Done);
            }
            say(context.out, &replay, zone);
            Ok(play(context, &replay, speed, plain).await)
        }
        Verb::Prune { dry_run } => {
            let env = context.env(if dry_run { Need::Read } else { Need::Host }).await?;
            let pruned = transcript::prune(&env, &person(), dry_run).await?;
            if context.out.json {
                context.out.json(&pruned);
            } else {
                let what = if dry_run { "would be removed" } else { "removed" };
                context.out.data(&format!("{} {what}", counted(pruned.pruned, "transcript")));
            }
            Ok(Ended::Done)
        }
    }
}
