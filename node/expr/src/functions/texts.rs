use crate::functions::{Entry, Function, Hash};

pub(super) const STRINGS: &[Entry] = &[
    Entry::member("contains", Function::Contains, (2, 2), "string.contains(string) -> bool")
        .means("Whether the text has the part.")
        .example("'tacocat'.contains('oca')", "true"),
    Entry::member("startsWith", Function::StartsWith, (2, 2), "string.startsWith(string) -> bool")
        .means("Whether the text begins with the part.")
        .example("'tacocat'.startsWith('taco')", "true"),
    Entry::member("endsWith", Function::EndsWith, (2, 2), "string.endsWith(string) -> bool")
        .means("Whether the text ends with the part.")
        .example("'tacocat'.endsWith('cat')", "true"),
    Entry::member("lowerAscii", Function::LowerAscii, (1, 1), "string.lowerAscii() -> string")
        .means("The letters A to Z in lower case.")
        .example("'TacÖ'.lowerAscii()", r#""tacÖ""#),
    Entry::member("upperAscii", Function::UpperAscii, (1, 1), "string.upperAscii() -> string")
        .means("The letters a to z in upper case.")
        .example("'tacö'.upperAscii()", r#""TACö""#),
    Entry::member("trim", Function::Trim, (1, 1), "string.trim() -> string")
        .means("The text without white space around it.")
        .example("'  a b '.trim()", r#""a b""#),
    Entry::member("reverse", Function::Reverse, (1, 1), "string|list.reverse() -> string|list")
        .means("The characters or elements in the opposite order.")
        .example("[1, 2, 3].reverse()", "[3,2,1]"),
    Entry::member("replace", Function::Replace, (3, 4), "string.replace(string, string[, int]) -> string")
        .means("Replaces a part by another, at most so many times.")
        .example("'a-b-c'.replace('-', '+', 1)", r#""a+b-c""#),
    Entry::member("split", Function::Split, (2, 3), "string.split(string[, int]) -> list(string)")
        .means("The parts between separators, at most so many.")
        .example("'a,b,c'.split(',', 2)", r#"["a","b,c"]"#),
    Entry::member("substring", Function::Substring, (2, 3), "string.substring(int[, int]) -> string")
        .means("The characters from one index to another, which is not included.")
        .example("'tacocat'.substring(4)", r#""cat""#),
    Entry::member("indexOf", Function::IndexOf, (2, 3), "string.indexOf(string[, int]) -> int")
        .means("Where the part occurs first at or after an index; -1 where it does not.")
        .example("'tacocat'.indexOf('a', 2)", "5"),
    Entry::member("lastIndexOf", Function::LastIndexOf, (2, 3), "string.lastIndexOf(string[, int]) -> int")
        .means("Where the part occurs last at or before an index; -1 where it does not.")
        .example("'tacocat'.lastIndexOf('c')", "4"),
    Entry::member("charAt", Function::CharAt, (2, 2), "string.charAt(int) -> string")
        .means("The character at an index; empty just behind the text.")
        .example("'tacocat'.charAt(9)", "!index_out_of_range"),
    Entry::member("join", Function::Join, (1, 2), "list(string).join([string]) -> string")
        .means("The texts one after the other, with a separator between them.")
        .example("['a', 'b'].join('-')", r#""a-b""#),
    Entry::member("format", Function::Format, (2, 3), "string.format(list) -> string")
        .means(
            "Fills in the values: `%s` any, `%d` whole numbers, `%f` and `%e` numbers (`%.2f`), \
         `%x` `%X` `%o` `%b` other bases, `%%` a percent sign.",
        )
        .example("'%s: %d of %.1f'.format(['a', 3, 4.25])", r#""a: 3 of 4.2""#),
    Entry::within("strings", "quote", Function::Quote, (1, 1), "strings.quote(string) -> string")
        .means("The text in double quotes, with what is special escaped.")
        .example(r#"strings.quote('a"b\n')"#, r#""\"a\\\"b\\n\"""#),
];

pub(super) const PATTERNS: &[Entry] = &[
    Entry::both("matches", Function::Matches, (2, 2), "string.matches(string) -> bool")
        .means("Whether the pattern matches somewhere in the text.")
        .example("'a-17'.matches('[0-9]+$')", "true"),
    Entry::within(
        "regex",
        "extract",
        Function::Extract,
        (2, 2),
        "regex.extract(string, string) -> optional(string)",
    )
    .means("The first match, or its capture group where the pattern has one.")
    .example(r#"regex.extract('item-17', r'item-(\d+)').orValue('')"#, r#""17""#),
    Entry::within(
        "regex",
        "extractAll",
        Function::ExtractAll,
        (2, 2),
        "regex.extractAll(string, string) -> list(string)",
    )
    .means("All matches, or their capture groups where the pattern has one.")
    .example(r#"regex.extractAll('id:1, id:2', r'id:(\d)')"#, r#"["1","2"]"#),
    Entry::within(
        "regex",
        "replace",
        Function::ReplacePattern,
        (3, 4),
        "regex.replace(string, string, string[, int]) -> string",
    )
    .means(concat!(
        r#"Replaces the matches, at most so many; `\1` to `\9` in the replacement stand for "#,
        r#"capture groups, `\0` for the match."#
    ))
    .example(r#"regex.replace('foo bar', '(fo)o (ba)r', r'\2 \1')"#, r#""ba fo""#),
];

pub(super) const ENCODINGS: &[Entry] = &[
    Entry::within("base64", "encode", Function::ToBase64, (1, 1), "base64.encode(bytes) -> string")
        .means("The bytes in base64 with padding.")
        .example("base64.encode(b'hello')", r#""aGVsbG8=""#),
    Entry::within("base64", "decode", Function::FromBase64, (1, 1), "base64.decode(string) -> bytes")
        .means("Reads base64, with or without padding.")
        .example("string(base64.decode('aGVsbG8'))", r#""hello""#),
    Entry::within("hex", "encode", Function::ToHex, (1, 1), "hex.encode(bytes) -> string")
        .means("The bytes in hexadecimal digits.")
        .example(r#"hex.encode(b'\xff\x01')"#, r#""ff01""#),
    Entry::within("hex", "decode", Function::FromHex, (1, 1), "hex.decode(string) -> bytes")
        .means("Reads hexadecimal digits.")
        .example("string(hex.decode('4A6b'))", r#""Jk""#),
    Entry::within("url", "encode", Function::ToPercent, (1, 1), "url.encode(string) -> string")
        .means("The text as a part of a URL: all but letters, digits and `-._~` as `%XX`.")
        .example("url.encode('a b/ö')", r#""a%20b%2F%C3%B6""#),
    Entry::within("url", "decode", Function::FromPercent, (1, 1), "url.decode(string) -> string")
        .means("Reads `%XX`; the bytes must be UTF-8.")
        .example("url.decode('a%20b')", r#""a b""#),
    Entry::within("url", "parse", Function::ParseUrl, (1, 1), "url.parse(string) -> record")
        .means(
            "The parts of a URL: `scheme username password host port path query fragment`, null \
         where it has none.",
        )
        .example("url.parse('https://example.com:8443/a?b=c').host", r#""example.com""#),
];

pub(super) const HASHES: &[Entry] = &[
    Entry::within("hash", "md5", Function::Hash(Hash::Md5), (1, 1), "hash.md5(string|bytes) -> string")
        .means("MD5, 32 hexadecimal digits; not for secrets.")
        .example("hash.md5('abc')", r#""900150983cd24fb0d6963f7d28e17f72""#),
    Entry::within("hash", "sha1", Function::Hash(Hash::Sha1), (1, 1), "hash.sha1(string|bytes) -> string")
        .means("SHA-1, 40 hexadecimal digits; not for secrets.")
        .example("hash.sha1('abc')", r#""a9993e364706816aba3e25717850c26c9cd0d89d""#),
    Entry::within(
        "hash",
        "sha256",
        Function::Hash(Hash::Sha256),
        (1, 1),
        "hash.sha256(string|bytes) -> string",
    )
    .means("SHA-256, 64 hexadecimal digits.")
    .example("hash.sha256('abc')", r#""ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad""#),
    Entry::within(
        "hash",
        "sha512",
        Function::Hash(Hash::Sha512),
        (1, 1),
        "hash.sha512(string|bytes) -> string",
    )
    .means("SHA-512, 128 hexadecimal digits.")
    .example(
        "hash.sha512('abc')",
        concat!(
            r#""ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a"#,
            r#"836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f""#
        ),
    ),
    Entry::within("hash", "crc32", Function::Hash(Hash::Crc32), (1, 1), "hash.crc32(string|bytes) -> string")
        .means("CRC-32, 8 hexadecimal digits.")
        .example("hash.crc32('abc')", r#""352441c2""#),
    Entry::within("hash", "xxh3", Function::Hash(Hash::Xxh3), (1, 1), "hash.xxh3(string|bytes) -> string")
        .means("XXH3 of 64 bits, 16 hexadecimal digits.")
        .example("hash.xxh3('abc')", r#""78af5f94892f3950""#),
    Entry::within("hash", "xxh64", Function::Hash(Hash::Xxh64), (1, 1), "hash.xxh64(string|bytes) -> string")
        .means("XXH64 with the seed 0, 16 hexadecimal digits.")
        .example("hash.xxh64('abc')", r#""44bc2cf5ad770999""#),
    Entry::within(
        "hash",
        "hmacSha256",
        Function::HmacSha256,
        (2, 2),
        "hash.hmacSha256(string|bytes, string|bytes) -> string",
    )
    .means("HMAC with SHA-256 of a text under a key, the key first.")
    .example(
        "hash.hmacSha256('key', 'The quick brown fox jumps over the lazy dog')",
        r#""f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8""#,
    ),
];
