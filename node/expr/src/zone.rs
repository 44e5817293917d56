use chrono::{DateTime, FixedOffset, LocalResult, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};

use crate::failure::Failure;
use crate::time::shortened;

/// A time zone: a fixed offset, or one with a name and rules.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Zone {
    Fixed(FixedOffset),
    Named(chrono_tz::Tz),
}

impl Zone {
    pub const UTC: Self = Self::Named(chrono_tz::UTC);

    /// Reads a name such as `Europe/Berlin`, or an offset such as `+01:00`.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        if let Some(offset) = fixed_offset(text) {
            return Ok(Self::Fixed(offset));
        }
        text.parse().map(Self::Named).map_err(|_| {
            Failure::new(
                "invalid_timezone",
                format!("`{}` is not a time zone such as Europe/Berlin or +01:00", shortened(text)),
            )
        })
    }

    pub fn offset_at(self, moment: &DateTime<Utc>) -> FixedOffset {
        match self {
            Self::Fixed(offset) => offset,
            Self::Named(zone) => zone.offset_from_utc_datetime(&moment.naive_utc()).fix(),
        }
    }

    /// The first moment at which clocks of the zone show the time; `None` if they skip it.
    pub fn moment(self, local: &NaiveDateTime) -> Option<DateTime<Utc>> {
        let found = match self {
            Self::Fixed(offset) => offset.from_local_datetime(local).map(|moment| moment.with_timezone(&Utc)),
            Self::Named(zone) => zone.from_local_datetime(local).map(|moment| moment.with_timezone(&Utc)),
        };
        match found {
            LocalResult::Single(moment) | LocalResult::Ambiguous(moment, _) => Some(moment),
            LocalResult::None => None,
        }
    }

    /// The first moment at or after the local time that clocks of the zone show; they may skip some hours at once.
    pub fn moment_from(self, local: &NaiveDateTime) -> Option<DateTime<Utc>> {
        let step = TimeDelta::minutes(15);
        std::iter::successors(Some(*local), |local| local.checked_add_signed(step))
            .take(4 * 25)
            .find_map(|local| self.moment(&local))
    }
}

fn fixed_offset(zone: &str) -> Option<FixedOffset> {
    let (sign, rest) = match zone.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, zone.strip_prefix('+').unwrap_or(zone)),
    };
    let (hours, minutes) = rest.split_once(':')?;
    let digits = |text: &str| {
        (text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit()))
            .then(|| text.parse::<i32>().ok())
            .flatten()
    };
    let (hours, minutes) = (digits(hours)?, digits(minutes)?);
    if hours > 23 || minutes > 59 {
        return None;
    }
    FixedOffset::east_opt(sign * (hours * 3600 + minutes * 60))
}
