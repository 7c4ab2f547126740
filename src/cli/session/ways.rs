//! `hoshu session open|ways`: attended ways.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use crate::cli::out::{Cell, Tone, counted};
use crate::cli::terminal::Terminal;
use crate::cli::{Context, Doors, Ended, Need, parse_duration, person};
use crate::model::name::SeatName;
use crate::service::refusal::Refusal;
use crate::service::session::{self, Closed, OPEN_MAX};
use crate::service::{Env, Stop};

/// How often another command that holds the store is waited for, each time as long as `--wait` says.
const HOST_TRIES: u32 = 30;

/// How long a way may be open.
pub(super) fn parse_open(text: &str) -> Result<Duration, String> {
    let time = parse_duration(text)?;
    let fits = !time.is_zero() && time <= OPEN_MAX;
    if fits { Ok(time) } else { Err("a way is open for a second at least and for 12 hours at most".to_owned()) }
}

/// The world once more. A one-time password was used up for it: whoever works in the store meanwhile is waited for.
async fn patient_env<D: Doors>(context: &Context<'_, D>) -> Result<Env, Refusal> {
    for _ in 0..HOST_TRIES {
        match context.env(Need::Host).await {
            Err(Refusal::Busy(error)) if !context.stop.is_asked() => {
                context.out.talk(&format!("waiting: {error}"));
            }
            env => return env,
        }
    }
    context.env(Need::Host).await
}

/// A terminal that is closed asks to stop as well: the way is closed, and that is written down.
fn stop_with_terminal(stop: &Stop) {
    let stop = stop.clone();
    tokio::spawn(async move {
        if let Ok(mut hangup) = signal(SignalKind::hangup()) {
            hangup.recv().await;
            stop.ask();
        }
    });
}

/// Opens a way and holds it open.
pub(super) async fn open(context: &Context<'_, impl Doors>, gateway: &str, time: Duration) -> Result<Ended, Refusal> {
    stop_with_terminal(&context.stop);
    let actor = person();
    let (plan, way, zone) = {
        let env = context.env(Need::Host).await?;
        let plan = session::plan(&env, &actor, gateway).await?;
        let way = plan.way().clone();
        (plan, way, env.settings.zone)
    };
    // A way is opened by a person, who takes a while, and stays open for long: nobody is kept from the store meanwhile.
    context.doors.leave();
    let entered = session::enter(plan, &Terminal::new(context.out, context.stop.clone())).await;
    let open = {
        let env = patient_env(context).await?;
        let until = env.clock.now().plus_ms(i64::try_from(time.as_millis()).unwrap_or(i64::MAX));
        session::opened(&env, &actor, &entered, until).await?;
        session::open(entered, &actor, way.clone(), until)
    };
    context.doors.leave();
    let open = match open {
        Err(_) if context.stop.is_asked() => return Ok(Ended::Stopped),
        open => open?,
    };
    let shown = &open.shown;
    if context.out.json {
        context.out.json(shown);
    } else {
        let seats: Vec<&str> = shown.seats.iter().map(SeatName::as_str).collect();
        context.out.data(&format!("{way} is open until {} through {}", shown.until.show(zone), shown.hop));
        context.out.data(&format!("behind it: {}", seats.join(", ")));
        let on = format!("customer={},gateway={}", way.customer, way.gateway);
        context
            .out
            .talk(&format!("Keep this running. In another terminal: hoshu poll --on {on}; Ctrl-C closes the way."));
    }
    let held = session::hold(open, &context.stop).await;
    let why = held.as_ref().copied().unwrap_or(Closed::ByBastion);
    let env = context.env(Need::Host).await?;
    session::closed(&env, &actor, &way, why).await?;
    let words = match held? {
        Closed::TimeOver => "its time is over",
        Closed::Asked => "as asked",
        Closed::ByBastion => "the bastion ended it",
    };
    context.out.talk(&format!("{way} is closed: {words}"));
    Ok(if why == Closed::ByBastion { Ended::Attention } else { Ended::Done })
}

/// The attended gateways, and which are open.
pub(super) async fn ways(context: &Context<'_, impl Doors>) -> Result<Ended, Refusal> {
    let env = context.env(Need::Read).await?;
    let list = session::list(&env, &person()).await;
    if context.out.json {
        context.out.json(&list);
        return Ok(Ended::Done);
    }
    let zone = env.settings.zone;
    let row = |one: &session::Attended| -> Vec<Cell> {
        let state = match &one.open {
            Some(_) => Cell::toned("open", Tone::Good),
            None => Cell::toned("closed", Tone::Care),
        };
        let cells = one.open.as_ref().map_or_else(
            || [Cell::default(), Cell::default(), Cell::default()],
            |open| {
                [
                    open.since.show(zone).into(),
                    open.until.show(zone).into(),
                    format!("{} ({})", open.by, open.pid).into(),
                ]
            },
        );
        let [since, until, by] = cells;
        vec![one.way.to_string().into(), state, since, until, by, one.seats.join(", ").into()]
    };
    context.out.table(&["gateway", "state", "since", "until", "by", "seats"], list.gateways.iter().map(row).collect());
    let open = list.gateways.iter().filter(|one| one.open.is_some()).count();
    context.out.talk(&format!("{}: {open} open", counted(list.gateways.len(), "attended gateway")));
    Ok(Ended::Done)
}
