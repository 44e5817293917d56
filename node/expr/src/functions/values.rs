use crate::functions::{Entry, Function};

pub(super) const CONVERSIONS: &[Entry] = &[
    Entry::both("size", Function::Size, (1, 1), "size(string|bytes|list|map) -> int")
        .means("The number of code points, bytes, elements or entries; also `x.size()`.")
        .example("'Köln'.size()", "4"),
    Entry::global("int", Function::ToInt, (1, 1), "int(uint|double|string|timestamp) -> int")
        .means("The whole number: doubles towards zero, timestamps in seconds since 1970.")
        .example("int('-42')", "-42"),
    Entry::global("uint", Function::ToUint, (1, 1), "uint(int|double|string) -> uint")
        .means("The number as one without a sign.")
        .example("uint(-1)", "!overflow"),
    Entry::global("double", Function::ToDouble, (1, 1), "double(int|uint|string) -> double")
        .means("The number in floating point.")
        .example("double('1e3')", "1000.0"),
    Entry::global(
        "string",
        Function::ToString,
        (1, 1),
        "string(bool|int|uint|double|bytes|timestamp|duration) -> string",
    )
    .means("The text of the value; bytes must be UTF-8, timestamps are RFC 3339.")
    .example("string(1.50)", r#""1.5""#),
    Entry::global("bool", Function::ToBool, (1, 1), "bool(string) -> bool")
        .means("Reads `true`, `t`, `1`, `false`, `f` and `0`.")
        .example("bool('yes')", "!invalid_conversion"),
    Entry::global("bytes", Function::ToBytes, (1, 1), "bytes(string) -> bytes")
        .means("The UTF-8 bytes of the text.")
        .example("size(bytes('ö'))", "2"),
    Entry::global("dyn", Function::Dyn, (1, 1), "dyn(value) -> dyn")
        .means("The value with a type that only the row knows.")
        .example("[dyn(1), 'a']", r#"[1,"a"]"#),
    Entry::within("json", "parse", Function::ParseJson, (1, 1), "json.parse(string) -> dyn")
        .means("Reads a JSON document.")
        .example(r#"json.parse('{"a": [1, 2]}').a[1]"#, "2"),
    Entry::within("json", "encode", Function::ToJson, (1, 1), "json.encode(value) -> string")
        .means("Writes a JSON document: bytes in base64, times as text.")
        .example("json.encode({'a': [1, null]})", r#""{\"a\":[1,null]}""#),
];

pub(super) const OPTIONALS: &[Entry] = &[
    Entry::global("catch", Function::Catch, (2, 2), "catch(value, same) -> same")
        .means("The value, or the other one where it fails; the other is computed only there.")
        .example("catch(int('n/a'), -1)", "-1"),
    Entry::within("optional", "of", Function::OptionalOf, (1, 1), "optional.of(value) -> optional")
        .means("An optional that holds the value.")
        .example("optional.of(1).hasValue()", "true"),
    Entry::within("optional", "none", Function::OptionalNone, (0, 0), "optional.none() -> optional")
        .means("An optional that holds nothing.")
        .example("optional.none().orValue('x')", r#""x""#),
    Entry::within(
        "optional",
        "ofNonZeroValue",
        Function::OptionalOfNonZero,
        (1, 1),
        "optional.ofNonZeroValue(value) -> optional",
    )
    .means("Holds the value unless it is null, false, zero or empty.")
    .example("optional.ofNonZeroValue('').hasValue()", "false"),
    Entry::member("orValue", Function::OrValue, (2, 2), "optional.orValue(value) -> value")
        .means("What the optional holds, or else the value.")
        .example("{'a': 1}.?b.orValue(5)", "5"),
    Entry::member("or", Function::Or, (2, 2), "optional.or(optional) -> optional")
        .means("The optional, or else the other one where it holds nothing.")
        .example("{'a': 1}.?b.or(optional.of(7)).value()", "7"),
    Entry::member("hasValue", Function::HasValue, (1, 1), "optional.hasValue() -> bool")
        .means("Whether the optional holds a value.")
        .example("[1, 2][?5].hasValue()", "false"),
    Entry::member("value", Function::OptionalValue, (1, 1), "optional.value() -> value")
        .means("What the optional holds; fails where it holds nothing.")
        .example("optional.none().value()", "!no_value"),
    Entry::within("optional", "unwrap", Function::Unwrap, (1, 1), "optional.unwrap(list(optional)) -> list")
        .means("What the optionals of a list hold, without those that hold nothing.")
        .example("optional.unwrap([optional.of(1), optional.none()])", "[1]"),
    Entry::member("unwrapOpt", Function::Unwrap, (1, 1), "list(optional).unwrapOpt() -> list")
        .means("The same as `optional.unwrap`.")
        .example("[optional.none(), optional.of('a')].unwrapOpt()", r#"["a"]"#),
];

pub(super) const IDENTIFIERS: &[Entry] = &[
    Entry::global("uuid", Function::Uuid, (0, 0), "uuid() -> string")
        .means("A random identifier (version 4), another one for every record.")
        .example("size(uuid())", "36"),
    Entry::within("uuid", "v5", Function::UuidV5, (2, 2), "uuid.v5(string, string) -> string")
        .means(
            "The identifier of a name within a namespace, which is an identifier itself or \
         `dns`, `url`, `oid` or `x500`.",
        )
        .example("uuid.v5('dns', 'www.example.com')", r#""2ed6657d-e927-568b-95e1-2665a8aea6a2""#),
];
