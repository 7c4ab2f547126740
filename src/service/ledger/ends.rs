//! `hoshu ledger eol`: ends of support, of models and releases, as far as anybody wrote them down.

use chrono::{Months, NaiveDate};
use chrono_tz::Tz;
use serde::Serialize;

use super::{Export, Ledger, Value, assets, day, meant, model_seen, today};
use crate::engine::env::Env;
use crate::model::actor::Actor;
use crate::model::inventory::{EndOfLife, Seat};
use crate::model::name::{CustomerName, SeatName};
use crate::model::outside::Outside;
use crate::model::release::Release;
use crate::model::series::Series;
use crate::service::refusal::Refusal;
use crate::yaml::form::date;

/// Hardware support ends so long after the last day of sale (the maker's support policy for products); of a model whose
/// own day nobody wrote down, it is a guess.
const SUPPORT_AFTER_SALE: Months = Months::new(60);

crate::words! {
    /// What an end is the end of.
    pub enum Subject {
        /// The hardware.
        Model = "model",
        /// The software.
        Release = "release",
    }
}

crate::words! {
    /// How sure an end is.
    pub enum Sureness {
        /// Somebody who must know said it.
        Said = "said",
        /// A guess: as marked in the file, or counted from the end of sale.
        Guess = "guess",
        /// Nobody wrote anything down.
        Unknown = "unknown",
    }
}

/// An end of one seat's model or release.
#[derive(Debug, Clone, Serialize)]
pub struct End {
    /// The seat.
    pub seat: SeatName,
    /// Its customer.
    pub customer: CustomerName,
    /// The series.
    pub series: Series,
    /// Of what.
    pub subject: Subject,
    /// The model or release; of a release that was never seen, nothing.
    pub what: Option<Outside>,
    /// It was seen; else the files say it.
    pub seen: bool,
    /// The last day of sale.
    pub end_of_sale: Option<String>,
    /// The last day of support.
    pub end_of_support: Option<String>,
    /// Days until then; negative when it is over.
    pub days_left: Option<i64>,
    /// How sure that is.
    pub sureness: Sureness,
    /// Who says so.
    pub source: Option<String>,
}

/// Ends, the nearest first; what nobody knows comes before what is far away.
#[derive(Debug, Clone, Serialize)]
pub struct Ends {
    /// The day against which they were held.
    pub day: String,
    /// The ends.
    pub ends: Vec<End>,
}

/// What the files say of an end: last day of sale and of support, how sure, who says so.
fn said(end: Option<&EndOfLife>) -> (Option<String>, Option<String>, Sureness, Option<String>) {
    let Some(end) = end else { return (None, None, Sureness::Unknown, None) };
    let sale = end.end_of_sale.as_deref().and_then(date);
    let counted = sale.and_then(|sale| sale.checked_add_months(SUPPORT_AFTER_SALE)).map(|day| day.to_string());
    let sureness = if end.guess || end.end_of_support.is_none() { Sureness::Guess } else { Sureness::Said };
    let source = match &end.end_of_support {
        Some(_) => end.source.clone(),
        None => format!("{}; support counted as five years after the end of sale", end.source),
    };
    (end.end_of_sale.clone(), end.end_of_support.clone().or(counted), sureness, Some(source))
}

/// Ends of the seats that are meant, of models and releases that were met, else of those that the files name.
pub async fn ends(env: &Env, actor: &Actor, on: &[String]) -> Result<Ends, Refusal> {
    let (today, assets) = (today(env), assets(env, actor).await?);
    let mut ends = Vec::new();
    for seat in meant(env, actor, on).await? {
        let asset = assets.get(&seat.name);
        if !seat.virtual_machine {
            let model = model_seen(asset);
            let seen = model.is_some();
            let model = model.unwrap_or_else(|| Outside::from(seat.model.as_str()));
            let named =
                |end: &&EndOfLife| end.model.as_ref().is_some_and(|known| known.eq_ignore_ascii_case(model.as_data()));
            let end = env.inventory.ends.iter().find(named);
            ends.push(line(seat, today, Subject::Model, Some(model.clone()), seen, end));
        }
        let release = asset.and_then(|asset| asset.release.as_ref()).map(|(release, _)| release.clone());
        let parsed: Option<Release> = release.as_ref().and_then(|release| release.as_data().parse().ok());
        let within = |end: &&EndOfLife| {
            end.series == Some(seat.series)
                && end.release.as_ref().zip(parsed.as_ref()).is_some_and(|(end, release)| release.is_within(end))
        };
        // The entry that names most parts is meant.
        let parts = |end: &&EndOfLife| end.release.as_ref().map_or(0, |release| release.parts().len());
        let end = env.inventory.ends.iter().filter(within).max_by_key(parts);
        let seen = release.is_some();
        ends.push(line(seat, today, Subject::Release, release, seen, end));
    }
    ends.sort_by_key(|end| (end.days_left.unwrap_or(UNKNOWN_AS_DAYS), end.subject));
    Ok(Ends { day: today.to_string(), ends })
}

/// What nobody knows stands behind what ends within a year.
const UNKNOWN_AS_DAYS: i64 = 366;

fn line(
    seat: &Seat,
    today: NaiveDate,
    subject: Subject,
    what: Option<Outside>,
    seen: bool,
    end: Option<&EndOfLife>,
) -> End {
    let (end_of_sale, end_of_support, sureness, source) = said(end);
    let days_left = end_of_support.as_deref().and_then(date);
    End {
        seat: seat.name.clone(),
        customer: seat.customer.clone(),
        series: seat.series,
        subject,
        what,
        seen,
        end_of_sale,
        days_left: days_left.map(|end| end.signed_duration_since(today).num_days()),
        end_of_support,
        sureness,
        source,
    }
}

impl Ledger for Ends {
    fn table(&self, _: Tz) -> Export {
        let row = |one: &End| {
            vec![
                Value::text(one.seat.as_str()),
                Value::text(one.customer.as_str()),
                Value::text(one.series.as_str()),
                Value::text(one.subject.as_str()),
                one.what.clone().map_or_else(|| Value::text("not seen yet"), Value::Text),
                Value::text(if one.seen {
                    "seen"
                } else if one.what.is_some() {
                    "the files"
                } else {
                    ""
                }),
                day(one.end_of_sale.as_deref()),
                day(one.end_of_support.as_deref()),
                one.days_left.map_or(Value::Empty, Value::Number),
                Value::text(one.sureness.as_str()),
                one.source.clone().into(),
            ]
        };
        Export {
            name: "eol",
            head: &[
                "seat",
                "customer",
                "series",
                "of",
                "what",
                "by",
                "end of sale",
                "end of support",
                "days left",
                "sure",
                "who says so",
            ],
            rows: self.ends.iter().map(row).collect(),
        }
    }
}
