/// A stable code of a message and what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Code {
    /// `E` or `W` and three digits; never reused for another meaning.
    pub id: &'static str,
    /// What is wrong, in a few words.
    pub title: &'static str,
    /// Why it is refused and what to do.
    pub help: &'static str,
}

macro_rules! codes {
    ($($name:ident = $id:literal, $title:literal, $help:literal;)*) => {
        $(pub(crate) const $name: &str = $id;)*

        /// Every code, in order.
        pub const CODES: &[Code] = &[$(Code { id: $id, title: $title, help: $help }),*];
    };
}

codes! {
    NOT_UTF8 = "E001", "the file is not UTF-8 text",
        "A workflow is UTF-8 text. The message names the first byte that is not part of a valid character; files \
         saved as UTF-16 or Latin-1 must be saved again as UTF-8.";
    FILE_SIZE = "E002", "the file is too large",
        "A workflow may have 4 MiB. Data does not belong into it; put large constants into a file that a source reads.";
    SYNTAX = "E003", "the file is not valid YAML",
        "The text cannot be read as YAML 1.2; nothing behind this place has been checked. Frequent reasons are a tab \
         in the indentation, an unfinished quote or bracket, and a value that contains `: ` or starts with a special \
         character and is not quoted.";
    CONTROL_CHARACTER = "E004", "a control character in the file",
        "YAML forbids control characters except tab and line ends. Such a character usually means that the file is \
         damaged. Inside double quotes it can be written as an escape, for example \"\\x1b\".";
    EMPTY = "E005", "the file holds no workflow",
        "The file is empty, holds only comments, or is not a mapping with the key `workflow`.";
    SEVERAL_DOCUMENTS = "E006", "several documents in one file",
        "A file holds one workflow. Put each document (`---`) into a file of its own.";
    TOO_COMPLEX = "E007", "the file is nested too deeply or expands to too much",
        "Nesting may be 64 levels deep, and a file may have 100,000 values and 16 MiB of text after aliases and \
         variables have been put in. The limits keep a small file from filling the memory.";
    DUPLICATE_KEY = "E008", "a key is given twice",
        "A mapping may have each key once. Other readers silently keep one of the two values; here it is an error.";
    TAG = "E009", "a YAML tag",
        "Tags such as `!!str` or `!include` are not part of the language. Put text into quotes to keep it text.";
    ALIAS = "E010", "an alias or merge key that cannot be followed",
        "An alias `*name` must name an anchor `&name` that ends before it, and a merge key `<<` takes a mapping or a \
         list of mappings.";
    BAD_KEY = "E011", "a key that is not text",
        "Keys of mappings are plain or quoted text.";
    UNKNOWN_FIELD = "E012", "an unknown field",
        "The field is not part of the language or of this type's `config`. It may be misspelt, or stand at the wrong \
         depth. `actix-etl connectors` lists the fields of every type.";
    MISSING_FIELD = "E013", "a required field is missing",
        "The field has no default and must be given.";
    WRONG_TYPE = "E014", "a value of the wrong type",
        "Values are never converted silently: text that looks like a number needs quotes, a number must not have any.";
    NOT_ALLOWED = "E015", "a value that is not one of the allowed ones",
        "The field takes one of a fixed set of values.";
    OUT_OF_RANGE = "E016", "a value outside its range",
        "The number, the length of the text or the number of entries is too small, too large, or cannot be \
         represented exactly.";
    UNIT = "E017", "a duration or size that cannot be read",
        "Durations carry one of ms, s, m, h, d (`500ms`); sizes carry one of B, kB, MB, GB, TB, KiB, MiB, GiB, TiB \
         (`16MiB`). A bare number would leave the unit to guesswork.";
    BAD_INTERPOLATION = "E020", "a `${...}` that cannot be read",
        "The forms are `${NAME}`, `${NAME:default}`, `${NAME:-default}` (the default also when the variable is \
         empty), `${NAME:?message}`, `${secret:name}`, `${param:name}`, `${run:id}` and `${run:tick}`. A literal dollar sign \
         before a brace is written `$$`.";
    MISSING_VARIABLE = "E021", "an environment variable is not set",
        "The workflow needs the variable. Set it, or give a default: `${NAME:default}`.";
    MISPLACED_SECRET = "E022", "a secret outside of `config`",
        "`${secret:name}` is resolved on the node that needs it and only inside the `config` of a step.";
    UNKNOWN_SECRET = "E023", "a secret is not known",
        "The secret has no value here. Secrets are looked up when the run starts, not when the file is checked.";
    UNKNOWN_PARAMETER = "E024", "a parameter that is not declared",
        "`${param:NAME}` and `--param NAME=VALUE` name an entry of the workflow's `parameters`.";
    PARAMETER = "E025", "a parameter or its value cannot be used",
        "The values of a parameter are of its type: string, int, float, bool, date (`2026-01-31`) or timestamp \
         (`2026-01-31T12:00:00Z`), and one of `values` where these are given. A default is written as such a value, \
         numbers without quotes and text that looks like a number with them.";
    MISSING_PARAMETER = "E026", "a parameter has no value",
        "The parameter has no default, so every run has to give a value with `--param NAME=VALUE`.";
    MISPLACED_PARAMETER = "E027", "a parameter where it cannot be used",
        "Names, types, inputs, `on_error`, `placement` and the schedule of a workflow are the same for all of its runs. \
         `${param:NAME}`, `${run:id}` and `${run:tick}` belong into the `config`, `rate_limit`, `circuit_breaker` and `timeout` of \
         steps and into settings such as `parallelism`.";
    MIXED_FORMS = "E030", "the two forms are mixed",
        "A workflow is either linear (`source`, a list of `transformations`, `destination`) or a graph (`sources`, \
         `transformations` and `destinations` as mappings from names to steps).";
    INVALID_NAME = "E031", "an invalid name",
        "Names of workflows and steps consist of lower-case letters, digits, `_` and `-`. They are the keys under \
         which state and markers are stored.";
    DUPLICATE_NAME = "E032", "two steps with one name",
        "Names are unique over sources, transformations and destinations together.";
    UNKNOWN_INPUT = "E033", "an input that names no step",
        "`inputs` name sources or transformations of the same workflow.";
    SELF_INPUT = "E034", "a step that reads itself",
        "A step cannot be its own input; records flow from sources to destinations.";
    CYCLE = "E035", "steps that read each other in a circle",
        "Records flow in one direction; the message shows the circle.";
    UNUSED_STEP = "E036", "a step that nobody reads",
        "Every source and transformation must lead to a destination. Remove the step or name it in `inputs`.";
    DUPLICATE_INPUT = "E037", "an input given twice",
        "Reading the same input twice would deliver every record twice.";
    DESTINATION_INPUT = "E038", "a destination used as an input",
        "Nothing comes out of a destination. Give both destinations the same inputs instead.";
    TOO_MANY_PATHS = "E039", "too many steps or paths",
        "A workflow may have 1,000 steps and 10,000 pairs of a source and a destination, and 1,000 paths may lead to a \
         step, because a record is copied once per path.";
    NOT_BUILT = "E040", "part of the language, but not built yet",
        "The word is reserved for a coming version. It is refused rather than ignored, so that a workflow never \
         does less than it says.";
    UNKNOWN_TYPE = "E041", "an unknown type",
        "`type` names a connector or transformation of this program; `actix-etl connectors` lists them.";
    WRONG_ROLE = "E042", "a type used in the wrong place",
        "The type exists, but not as a source, transformation or destination respectively.";
    CONFIG = "E050", "the connector refuses the `config`",
        "The shape of the `config` is right, but a value is not: the message is the connector's own.";
    GUARANTEE = "E051", "the required delivery guarantee cannot be given",
        "`delivery.guarantee: exactly_once` was required, and at least one route can only be delivered at least \
         once. Use other connectors or settings on that route, or require less.";
    SCHEDULE = "E052", "an invalid schedule",
        "`schedule` is a cron expression of five fields (minute, hour, day of month, month, day of week) or one of \
         @hourly, @daily, @weekly, @monthly, @yearly, on the clock of `timezone`, an IANA name such as Europe/Berlin. \
         `timezone`, `overlap` and `catch_up` say something only beside a `schedule`. A workflow that starts by itself gives \
         all of its parameters a default.";
    PLACEMENT = "E053", "sources are placed on different nodes",
        "The partitions of a run are worked on where its sources can be read. Place all sources that name a node on the \
         same one, or make two workflows of it; destinations and transformations may be placed anywhere.";
    LIMIT = "E054", "a limit that cannot be kept",
        "`rate_limit` has either `records` or `bytes`, and belongs like `circuit_breaker` and `retry` to a source, a \
         destination, or a transformation that calls a system and has no `placement`. `retry` also belongs to one with `on_error: retry`. `timeout` belongs to a source or destination. \
         What is shared under a `name` has the same figures wherever it is named, in this workflow and in others.";
    REPARTITION = "E055", "a repartition that cannot be carried out",
        "Everything behind a `repartition` is carried out by shard. A path from a source to a destination can have one of \
         them, all inputs of a step come from behind the same one or from behind none, and it runs where its rows are: it \
         takes no `placement`. To bring several inputs together, name them all in the `inputs` of one repartition.";
    SEQUENTIAL = "E056", "a step that depends on earlier records where these are not in order",
        "What `limit`, `dedupe` and their like make of a record depends on the records before it in the partition of the \
         source. They are carried out with the partition, in its order: not behind a `repartition`, where the records of \
         several partitions meet, and not on a node of their own with `placement`.";
    OUTPUT = "E057", "an output of a step that nobody reads, or that does not exist",
        "A `route` has the outputs that its `config` names, and `default` for the records of no other. Its readers name one in \
         their `inputs`, as `step.output`. What comes out where nobody reads would be lost; `drop_unmatched: true` says that \
         this is meant. A list of transformations has no place for several ways, so a `route` needs the graph form. \
         Every source and transformation has the output `errors` as well: the records that fail there, which then are no matter of \
         `on_error` any more. `fallback` makes a destination for them.";
    LEADING_ZERO = "W001", "a number with leading zeros",
        "YAML reads `007` as the number 7. If the zeros matter (postal codes, account numbers), put the value into \
         quotes.";
    UNBRACED_VARIABLE = "W002", "`$NAME` is not substituted",
        "Only `${NAME}` is a variable; `$NAME` stays as it is. Write `$$NAME` to say that this is meant.";
    UNUSED_PARAMETER = "W003", "a parameter that is used nowhere",
        "What is given for it changes nothing. Either `${param:NAME}` is missing where the value belongs, or the declaration is \
         left over and can be removed.";
}

/// Why a message with this code is given and what to do about it; `None` for an unknown code.
pub fn explain(code: &str) -> Option<&'static Code> {
    CODES.iter().find(|known| known.id.eq_ignore_ascii_case(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_ordered_and_explained() {
        for pair in CODES.windows(2) {
            assert!(pair[0].id < pair[1].id, "{} before {}", pair[0].id, pair[1].id);
        }
        for code in CODES {
            assert!(code.id.len() == 4 && code.help.len() > 40 && code.help.ends_with('.'), "{}", code.id);
        }
        assert_eq!(explain("e021").map(|c| c.title), Some("an environment variable is not set"));
        assert_eq!(explain("E999"), None);
    }
}
