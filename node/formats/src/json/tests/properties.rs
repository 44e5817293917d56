use arrow::datatypes::DataType;
use proptest::prelude::*;
use serde_json::{Map, Value};

use super::*;

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-100i64..100).prop_map(Value::from),
        any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(Value::from),
        (-1000i32..1000).prop_map(|n| Value::from(f64::from(n) / 8.0)),
        any::<String>().prop_map(Value::from),
        "[a-z\"\\\\\n\u{e9}]{0,12}".prop_map(Value::from),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-e]", inner), 0..4)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn record() -> impl Strategy<Value = Value> {
    prop::collection::vec(("[a-h]|\u{e9}\"|k\\\\", value()), 0..6)
        .prop_map(|pairs| Value::Object(pairs.into_iter().collect::<Map<_, _>>()))
}

/// Equal if what one side lacks is null at the other. `serde_json` reads some doubles one step off, so these may
/// differ that far here; `doubles_are_the_nearest` is exact.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Object(l), Value::Object(r)) => l
            .keys()
            .chain(r.keys())
            .all(|key| same(l.get(key).unwrap_or(&Value::Null), r.get(key).unwrap_or(&Value::Null))),
        (Value::Array(l), Value::Array(r)) => {
            l.len() == r.len() && l.iter().zip(r).all(|(left, right)| same(left, right))
        }
        (Value::Number(l), Value::Number(r)) => {
            let whole = l.as_i64().is_some() && r.as_i64().is_some();
            if whole { l.as_i64() == r.as_i64() } else { close(l.as_f64().unwrap(), r.as_f64().unwrap()) }
        }
        (left, right) => left == right,
    }
}

fn close(left: f64, right: f64) -> bool {
    left == right || (left - right).abs() <= left.abs() * 4.0 * f64::EPSILON + 1e-322
}

fn lines(records: &[Value]) -> String {
    records.iter().map(|record| format!("{record}\n")).collect()
}

/// A valid record with some bytes changed, removed or doubled.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let edits = prop::collection::vec((any::<prop::sample::Index>(), 0..3u8, byte()), 0..3);
    (record(), edits).prop_map(|(record, edits)| {
        let mut text = record.to_string().into_bytes();
        for (at, edit, byte) in edits {
            if text.is_empty() {
                break;
            }
            let at = at.index(text.len());
            match edit {
                0 => text[at] = byte,
                1 => drop(text.remove(at)),
                _ => text.insert(at, byte),
            }
        }
        text.retain(|&b| b != b'\n');
        text
    })
}

fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![
        prop::sample::select(b"{}[]\",:\\0123456789.eE+-truefalsn \t\r/bu\x01\xc3\x80".to_vec()),
        any::<u8>()
    ]
}

fn has_duplicate_key(errors: &[RecordError]) -> bool {
    errors.iter().any(|error| error.code == "json_duplicate_key")
}

fn decode_bytes(options: JsonOptions, data: &[u8]) -> (Vec<Batch>, Vec<RecordError>) {
    JsonDecoder::new(options, None, false).unwrap().decode(section(data)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn validity_agrees_with_serde_json(text in mutated()) {
        let theirs = serde_json::from_slice::<Value>(&text);
        for options in [LINES, RAW] {
            let (batches, errors) = decode_bytes(options, &text);
            let blank = text.iter().all(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n'));
            prop_assert_eq!(batches.iter().map(Batch::len).sum::<usize>() + errors.len(), usize::from(!blank));
            match &theirs {
                Ok(Value::Object(_)) => {
                    prop_assert!(errors.is_empty() || has_duplicate_key(&errors), "{:?}", errors);
                    if errors.is_empty() {
                        let ours: Value = serde_json::from_str(&encode(&batches)).unwrap();
                        prop_assert!(same(&ours, theirs.as_ref().unwrap()), "{ours}");
                    }
                }
                Err(error) if error.to_string().contains("number out of range") => {}
                _ => prop_assert_eq!(batches.len(), 0),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn doubles_are_the_nearest(text in "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?") {
        let (batches, errors) = declared(vec![Field::new("f", DataType::Float64, true)], &format!("{{\"f\":{text}}}\n"));
        let expected: f64 = text.parse().unwrap();
        if let Some(batch) = batches.first() {
            let column = batch.records().column(0);
            let column = arrow::array::AsArray::as_primitive::<arrow::datatypes::Float64Type>(column.as_ref());
            prop_assert_eq!(column.value(0).to_bits(), expected.to_bits());
        } else {
            let integer = !text.contains(['.', 'e', 'E']) && expected.abs() > 9e15;
            prop_assert!(integer || expected.is_infinite() || expected == 0.0, "{:?}", errors);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_panic(data in prop::collection::vec(byte(), 0..200)) {
        for options in [LINES, RAW, ARRAY] {
            let (batches, errors) = decode_bytes(options, &data);
            prop_assert!(ordinals(&batches).is_sorted());
            prop_assert!(errors.iter().all(|error| error.location.is_some()));
        }
        for step in [1, 7] {
            let _ = cut(&mut ArraySplitter::new(), &data, step);
            let _ = cut(&mut LinesSplitter::new(), &data, step);
        }
    }

    #[test]
    fn values_survive_whatever_the_types(records in prop::collection::vec(record(), 0..8)) {
        for options in [LINES, RAW] {
            let (batches, errors) = decode(options, &lines(&records));
            prop_assert_eq!(errors, []);
            let text = encode(&batches);
            prop_assert_eq!(text.lines().count(), records.len());
            for (line, record) in text.lines().zip(&records) {
                let value: Value = serde_json::from_str(line).unwrap();
                prop_assert!(same(&value, record), "{value} {record}");
            }
        }
    }

    #[test]
    fn a_batch_survives_encoding_and_decoding(records in prop::collection::vec(record(), 1..8), nested in any::<bool>()) {
        let options = if nested { LINES } else { RAW };
        let (batches, _) = decode(options, &lines(&records));
        for batch in &batches {
            let text = encode(std::slice::from_ref(batch));
            let decoder = JsonDecoder::new(options, Some(batch.schema()), true).unwrap();
            let (again, errors) = decoder.decode(section(text.as_bytes())).unwrap();
            prop_assert_eq!(errors, []);
            prop_assert_eq!(again[0].records(), batch.records());
        }
    }

    #[test]
    fn any_cutting_gives_the_same_records(
        records in prop::collection::vec(record(), 0..6),
        step in 1usize..60,
        blanks in prop::collection::vec(prop::sample::select(vec!["", "\n", "\r\n", "  \n"]), 6),
        bom in any::<bool>(),
    ) {
        let bom = if bom { "\u{feff}" } else { "" };
        let rows: Vec<String> = records.iter().zip(&blanks).map(|(r, blank)| format!("{r}\n{blank}")).collect();
        let array = format!("{bom}[{}]", records.iter().zip(&blanks).map(|(r, b)| format!("{b}{r}{b}")).collect::<Vec<_>>().join(","));
        let files = [(LINES, format!("{bom}{}", rows.concat())), (ARRAY, array)];
        for (options, file) in files {
            let file = file.as_bytes();
            let mut splitter: Box<dyn Splitter> = match options.framing {
                Framing::Lines => Box::new(LinesSplitter::new()),
                Framing::Array => Box::new(ArraySplitter::new()),
            };
            let (whole, errors) = decode_bytes(options, file);
            prop_assert_eq!(errors, []);
            let expected = ordinals(&whole);
            prop_assert_eq!(expected.len(), records.len());
            let objects = expected.iter().all(|&at| file[at as usize] == b'{');
            prop_assert!(objects);
            let (mut seen, mut values) = (Vec::new(), Vec::new());
            for (begin, length) in cut(splitter.as_mut(), file, step).unwrap() {
                let piece = Section { offset: begin as u64, ..section(&file[begin..begin + length]) };
                let (batches, errors) = JsonDecoder::new(options, None, false).unwrap().decode(piece).unwrap();
                prop_assert_eq!(errors, []);
                seen.extend(ordinals(&batches));
                values.extend(encode(&batches).lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
            }
            prop_assert_eq!(seen, expected);
            prop_assert!(values.iter().zip(&records).all(|(value, record)| same(value, record)));
        }
    }

    #[test]
    fn strict_text_columns_survive(texts in prop::collection::vec(prop::option::of(any::<String>()), 1..20)) {
        let array = arrow::array::StringArray::from(texts);
        let schema = Arc::new(Schema::new(vec![Field::new("t", DataType::Utf8, true)]));
        let records = arrow::array::RecordBatch::try_new(schema.clone(), vec![Arc::new(array)]).unwrap();
        let rows = records.num_rows() as u64;
        let batch = Batch::new(records, arrow::array::UInt64Array::from_iter_values(0..rows)).unwrap();
        let text = encode(std::slice::from_ref(&batch));
        let (again, errors) = JsonDecoder::new(LINES, Some(schema), true).unwrap().decode(section(text.as_bytes())).unwrap();
        prop_assert_eq!(errors, []);
        prop_assert_eq!(again[0].records(), batch.records());
    }
}
