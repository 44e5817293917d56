use super::*;

#[test]
fn lines_end_at_line_ends_and_the_last_may_lack_one() {
    for step in 1..20 {
        let data = b"\xef\xbb\xbf{\"a\":1}\r\n\n  \n{\"a\":2}\n{\"a\":3}";
        let sections = cut(&mut LinesSplitter::new(), data, step).unwrap();
        assert_eq!(sections.iter().map(|s| s.1).sum::<usize>(), data.len());
        for (begin, length) in &sections[..sections.len() - 1] {
            assert_eq!(data[begin + length - 1], b'\n');
        }
    }
    assert_eq!(cut(&mut LinesSplitter::new(), b"", 1).unwrap(), []);
}

#[test]
fn a_file_cut_inside_its_last_line_is_truncated() {
    let whole = "{\"a\":1}\n{\"text\":\"a\\u00e9\u{e9}\",\"b\":[true,null,-1.5e3]}";
    for end in 9..whole.len() {
        let result = cut(&mut LinesSplitter::new(), &whole.as_bytes()[..end], 5);
        assert!(matches!(result, Err(FormatError::Truncated { line: 2, .. })), "{end}: {result:?}");
    }
    assert!(cut(&mut LinesSplitter::new(), whole.as_bytes(), 5).is_ok());
}

#[test]
fn a_malformed_last_line_is_left_to_the_decoder() {
    for line in ["{\"a\":x}", "{\"a\" 1", "nope", "{}}"] {
        assert_eq!(cut(&mut LinesSplitter::new(), line.as_bytes(), 3).unwrap(), [(0, line.len())]);
        assert_eq!(decode(LINES, line).1.len(), 1);
    }
}

#[test]
fn array_sections_hold_whole_elements() {
    let data = "\u{feff} [ {\"a\":\"],}\\\"\"} ,\n{\"a\":[[1],{}]},{}\n, 5 ] \n ";
    for step in 1..data.len() + 1 {
        let sections = cut(&mut ArraySplitter::new(), data.as_bytes(), step).unwrap();
        let decoder = JsonDecoder::new(ARRAY, None, false).unwrap();
        let (mut seen, mut errors) = (Vec::new(), Vec::new());
        for (begin, length) in sections {
            let piece = Section { offset: begin as u64, ..section(&data.as_bytes()[begin..begin + length]) };
            let (batches, refused) = decoder.decode(piece).unwrap();
            seen.extend(ordinals(&batches));
            errors.extend(refused);
        }
        let at = |text| data.find(text).unwrap() as u64;
        assert_eq!(seen, [at("{\"a\":\"]"), at("{\"a\":[["), at("{}\n")]);
        assert_eq!(errors.len(), 1);
        assert_eq!((errors[0].code.as_str(), errors[0].ordinal), ("json_not_object", at("5 ]")));
    }
}

#[test]
fn every_prefix_of_an_array_is_truncated() {
    let data = b"[{\"a\":[1,\"]\"]},{\"b\":{}}]";
    for end in 0..data.len() {
        for step in [1, 4, 100] {
            let result = cut(&mut ArraySplitter::new(), &data[..end], step);
            assert!(matches!(result, Err(FormatError::Truncated { line: 1, .. })), "{end}: {result:?}");
        }
    }
    assert!(cut(&mut ArraySplitter::new(), b" [ ] ", 1).is_ok());
}

#[test]
fn what_is_no_array_is_invalid() {
    for data in ["{}", "[{}]x", "[{}][", "[{},]", "[,{}]", "[{} {}]", "[}", "[{}}", "null", "[1]]"] {
        for step in [1, 100] {
            let result = cut(&mut ArraySplitter::new(), data.as_bytes(), step);
            assert!(matches!(result, Err(FormatError::Invalid { .. })), "{data}: {result:?}");
        }
    }
}

#[test]
fn an_array_goes_on_at_any_section_end_and_only_a_whole_one_ends() {
    let data = b"[{\"a\":1}, {\"a\":2} ,{\"a\":3}]\n";
    let sections = cut(&mut ArraySplitter::new(), data, 1).unwrap();
    assert_eq!(sections.len(), 3);
    for (begin, length) in sections {
        let rest = &data[begin + length..];
        assert!(cut(&mut ArraySplitter::resumed(), rest, 3).is_ok());
        if !rest.is_empty() {
            let unfinished = &rest[..rest.len() - 2];
            assert!(!unfinished.is_empty());
            assert!(matches!(
                cut(&mut ArraySplitter::resumed(), unfinished, 3),
                Err(FormatError::Truncated { .. })
            ));
        }
    }
}

#[test]
fn an_array_cut_behind_a_comma_leaves_no_position_at_its_end() {
    for data in ["[{}", "[{} ", "[{},", "[{},{}"] {
        let mut splitter = ArraySplitter::new();
        let length = splitter.split(data.as_bytes(), false).unwrap();
        assert!(length < data.len());
    }
}
