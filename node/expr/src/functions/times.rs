use crate::functions::{Entry, Function};
use crate::time::Part;

pub(super) const TIMES: &[Entry] = &[
    Entry::global("timestamp", Function::ToTimestamp, (1, 1), "timestamp(string|int) -> timestamp")
        .means("Reads RFC 3339, or seconds since 1970.")
        .example("timestamp(0)", r#""1970-01-01T00:00:00Z""#),
    Entry::global("duration", Function::ToDuration, (1, 1), "duration(string) -> duration")
        .means("Reads numbers with the units `h m s ms us ns`.")
        .example("duration('1h30m')", r#""5400s""#),
    Entry::global("now", Function::Now, (0, 0), "now() -> timestamp")
        .means("The time at which the batch is processed, the same for all of its records.")
        .example("now() > timestamp('2024-01-01T00:00:00Z')", "true"),
    Entry::within(
        "timestamp",
        "parse",
        Function::ParseTime,
        (2, 3),
        "timestamp.parse(string, string[, string]) -> timestamp",
    )
    .means(
        "Reads a time by a pattern of `strftime`; without an offset in the text it is in the \
         time zone, or else in UTC.",
    )
    .example(
        "timestamp.parse('29.02.2024 12:30', '%d.%m.%Y %H:%M', 'Europe/Berlin')",
        r#""2024-02-29T11:30:00Z""#,
    ),
    Entry::member("format", Function::Format, (2, 3), "timestamp.format(string[, string]) -> string")
        .means("Writes a time by a pattern of `strftime`, in a time zone.")
        .example(
            "timestamp('2024-02-29T23:30:00Z').format('%Y-%m-%d %H:%M', 'Europe/Berlin')",
            r#""2024-03-01 00:30""#,
        ),
    Entry::member(
        "truncate",
        Function::Truncate,
        (2, 3),
        "timestamp.truncate(string[, string]) -> timestamp",
    )
    .means(
        "The beginning of the `year`, `quarter`, `month`, `week` (Monday), `day`, `hour`, \
         `minute` or `second`, in a time zone.",
    )
    .example(
        "timestamp('2024-02-29T23:30:00Z').truncate('day', 'Europe/Berlin')",
        r#""2024-02-29T23:00:00Z""#,
    ),
    Entry::member(
        "getFullYear",
        Function::Get(Part::FullYear),
        (1, 2),
        "timestamp.getFullYear([string]) -> int",
    )
    .means("The year, in a time zone.")
    .example("timestamp('2024-02-29T12:30:00Z').getFullYear()", "2024"),
    Entry::member("getMonth", Function::Get(Part::Month), (1, 2), "timestamp.getMonth([string]) -> int")
        .means("The month, counted from 0.")
        .example("timestamp('2024-02-29T12:30:00Z').getMonth()", "1"),
    Entry::member("getDate", Function::Get(Part::Date), (1, 2), "timestamp.getDate([string]) -> int")
        .means("The day of the month, counted from 1.")
        .example("timestamp('2024-02-29T12:30:00Z').getDate()", "29"),
    Entry::member(
        "getDayOfMonth",
        Function::Get(Part::DayOfMonth),
        (1, 2),
        "timestamp.getDayOfMonth([string]) -> int",
    )
    .means("The day of the month, counted from 0.")
    .example("timestamp('2024-02-29T12:30:00Z').getDayOfMonth()", "28"),
    Entry::member(
        "getDayOfWeek",
        Function::Get(Part::DayOfWeek),
        (1, 2),
        "timestamp.getDayOfWeek([string]) -> int",
    )
    .means("The day of the week, Sunday being 0.")
    .example("timestamp('2024-02-29T12:30:00Z').getDayOfWeek()", "4"),
    Entry::member(
        "getDayOfYear",
        Function::Get(Part::DayOfYear),
        (1, 2),
        "timestamp.getDayOfYear([string]) -> int",
    )
    .means("The day of the year, counted from 0.")
    .example("timestamp('2024-02-29T12:30:00Z').getDayOfYear()", "59"),
    Entry::member(
        "getHours",
        Function::Get(Part::Hours),
        (1, 2),
        "timestamp|duration.getHours([string]) -> int",
    )
    .means("The hour of the day, or the whole hours of a duration.")
    .example("timestamp('2024-02-29T12:30:00Z').getHours('Europe/Berlin')", "13"),
    Entry::member(
        "getMinutes",
        Function::Get(Part::Minutes),
        (1, 2),
        "timestamp|duration.getMinutes([string]) -> int",
    )
    .means("The minute of the hour, or the whole minutes of a duration.")
    .example("duration('1h30m').getMinutes()", "90"),
    Entry::member(
        "getSeconds",
        Function::Get(Part::Seconds),
        (1, 2),
        "timestamp|duration.getSeconds([string]) -> int",
    )
    .means("The second of the minute, or the whole seconds of a duration.")
    .example("duration('1m1s').getSeconds()", "61"),
    Entry::member(
        "getMilliseconds",
        Function::Get(Part::Milliseconds),
        (1, 2),
        "timestamp|duration.getMilliseconds([string]) -> int",
    )
    .means("The milliseconds of the second.")
    .example("duration('1.25s').getMilliseconds()", "250"),
];
