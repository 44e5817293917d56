use chrono_tz::{TZ_VARIANTS, Tz};

use crate::check::suggest;
use crate::codes;
use crate::raw::{RawCatchUp, RawOverlap, RawSettings};
use crate::schedule::{CatchUp, Cron, Overlap, Schedule, Ticks};
use crate::sink::Sink;
use crate::yaml::Map;

/// Keys that say something about the schedule.
const BESIDE: [&str; 3] = ["timezone", "overlap", "catch_up"];

/// Checks the expression and the time zone, also when other fields of the workflow are faulty.
pub(super) fn check(map: &Map, sink: &mut Sink) {
    let text = |key: &str| {
        let entry = map.entry(key)?;
        let scalar = entry.value.scalar().filter(|scalar| !scalar.is_unknown())?;
        Some((entry.value.mark, scalar.text()?))
    };
    if let Some((mark, expression)) = text("schedule")
        && let Err(reason) = expression.parse::<Cron>()
    {
        let message = format!("`workflow.schedule`: {reason}");
        let help = Some("for example \"0 3 * * *\" for three o'clock every day".to_owned());
        sink.error(mark, codes::SCHEDULE, message, help);
    }
    if let Some((mark, name)) = text("timezone")
        && name.parse::<Tz>().is_err()
    {
        let near = suggest(name, TZ_VARIANTS.iter().map(|zone| zone.name()));
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "use a name such as `Europe/Berlin` or `UTC`".to_owned(),
        };
        let message = format!("`workflow.timezone`: `{name}` is not a time zone of the IANA database");
        sink.error(mark, codes::SCHEDULE, message, Some(help));
    }
    let is_given = |key: &str| map.entry(key).filter(|entry| !entry.value.is_null());
    if is_given("schedule").is_none() {
        for entry in BESIDE.into_iter().filter_map(is_given) {
            let message = format!("`workflow.{}` says nothing without a `schedule`", entry.key.text);
            let help = Some("add a `schedule`, or remove it".to_owned());
            sink.error(entry.key.mark, codes::SCHEDULE, message, help);
        }
    }
}

/// The schedule; `None` when there is none, or it was reported by [`check`].
pub(super) fn read(raw: &RawSettings) -> Option<Schedule> {
    let cron = raw.schedule.as_deref()?.parse().ok()?;
    let zone = raw.timezone.as_deref().unwrap_or("UTC").parse().ok()?;
    Some(Schedule {
        ticks: Ticks::new(cron, zone),
        overlap: match raw.overlap.unwrap_or_default() {
            RawOverlap::Skip => Overlap::Skip,
            RawOverlap::Queue => Overlap::Queue,
            RawOverlap::Replace => Overlap::Replace,
        },
        catch_up: match raw.catch_up.unwrap_or_default() {
            RawCatchUp::None => CatchUp::None,
            RawCatchUp::Last => CatchUp::Last,
            RawCatchUp::All => CatchUp::All,
        },
    })
}
