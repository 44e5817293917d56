use bytes::Bytes;

use super::row;
use crate::wire::Segment;

fn segment(rows: &[&[u8]]) -> Segment {
    let messages = rows.iter().map(|body| row(body)).collect::<Vec<_>>();
    let bytes: Vec<u8> = messages.concat();
    let last = bytes.len() - messages.last().map_or(0, Vec::len);
    let memory = bytes.len();
    Segment::new(Bytes::from(bytes), rows.len(), last, memory)
}

fn all(segment: &Segment) -> Vec<&[u8]> {
    let bodies: Vec<&[u8]> = segment.bodies().collect();
    assert_eq!(bodies.len(), segment.rows());
    assert_eq!(segment.last(), bodies.last().copied());
    assert_eq!(segment.body_bytes(), bodies.iter().map(|body| body.len()).sum::<usize>());
    bodies
}

#[test]
fn splitting_loses_nothing_and_takes_at_least_one_row() {
    let rows: [&[u8]; 5] = [b"aa", b"", b"bbbb", b"c", b""];
    for bytes in 0..10 {
        let (mut front, mut rest) = segment(&rows).split(bytes);
        assert!(front.rows() >= 1 && front.body_bytes() >= bytes.min(7), "{bytes}");
        let mut seen: Vec<Vec<u8>> = all(&front).into_iter().map(<[u8]>::to_vec).collect();
        while let Some(more) = rest {
            (front, rest) = more.split(bytes);
            seen.extend(all(&front).into_iter().map(<[u8]>::to_vec));
        }
        assert_eq!(seen, rows, "{bytes}");
    }
}

#[test]
fn the_last_row_can_be_taken_away() {
    let two = segment(&[b"one", b"two", b"three"]).without_last();
    assert_eq!(all(&two), [&b"one"[..], b"two"]);
    let none = two.without_last().without_last();
    assert_eq!((all(&none).len(), none.rows()), (0, 0));
}

#[test]
fn what_precedes_the_first_row_can_be_taken_away() {
    for prefix in [&b"prefix"[..], b"pre", b""] {
        let first = [prefix, b"one"].concat();
        for rows in [vec![&first[..], b"two", b"three"], vec![&first[..]]] {
            let whole = segment(&rows);
            // Whether the buffer is shared does not matter, and who shares it sees no change.
            let shared = whole.clone();
            let bare = whole.without_prefix(prefix).unwrap();
            assert_eq!(all(&bare)[0], b"one");
            assert_eq!(all(&bare)[1..], rows[1..]);
            assert_eq!(all(&shared), rows);
            drop((bare, shared));
            assert_eq!(all(&segment(&rows).without_prefix(prefix).unwrap())[0], b"one");
        }
    }
    let alone = segment(&[b"prefix", b"two", b"three"]).without_prefix(b"prefix").unwrap();
    assert_eq!(all(&alone), [&b"two"[..], b"three"]);
    let nothing = segment(&[b"prefix"]).without_prefix(b"prefix").unwrap();
    assert_eq!(nothing.rows(), 0);
    assert!(segment(&[b"pre"]).without_prefix(b"prefix").is_none());
    assert!(segment(&[]).without_prefix(b"prefix").is_none());
}
