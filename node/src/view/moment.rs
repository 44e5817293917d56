/// A moment in UTC, as `2026-11-22 22:30:01`, from milliseconds since 1970.
///
/// Days become a date by Howard Hinnant's `civil_from_days`: years begin in March, so that the leap day is the last.
pub(crate) fn moment(ms: u64) -> String {
    let seconds = ms / 1000;
    let days = seconds / 86_400 + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

#[cfg(test)]
mod tests {
    use super::moment;

    #[test]
    fn moments() {
        let cases = [
            (0, "1970-01-01 00:00:00"),
            (951_782_399_999, "2000-02-28 23:59:59"),
            (951_782_400_000, "2000-02-29 00:00:00"),
            (951_868_800_000, "2000-03-01 00:00:00"),
            (1_795_386_601_000, "2026-11-22 22:30:01"),
            (4_107_542_400_000, "2100-03-01 00:00:00"),
        ];
        for (ms, expected) in cases {
            assert_eq!(moment(ms), expected);
        }
        assert!(!moment(u64::MAX).is_empty());
    }
}
