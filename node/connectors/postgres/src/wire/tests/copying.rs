use std::sync::atomic::Ordering;

use super::backend::{
    Answer, Connected, TERMS, begin, bodies, complete, copy_of, exhaust, notice, parameter, ready,
};
use super::{message, row};
use crate::wire::{Item, Terms};

fn texts(rows: &[&str]) -> Vec<Vec<u8>> {
    rows.iter().map(|text| text.as_bytes().to_vec()).collect()
}

#[tokio::test]
async fn rows_arrive_whole_wherever_the_stream_is_cut() {
    let messages = [
        begin(),
        row(b"one"),
        row(b""),
        notice(),
        row(b"three"),
        parameter(),
        parameter(),
        row(b"4"),
        message(b'c', b""),
        notice(),
        complete(),
        ready(),
    ];
    let whole = Answer::of(&messages);
    let expected = texts(&["one", "", "three", "4"]);
    for cut in 0..whole.bytes.len() {
        let mut answer = whole.clone();
        answer.cuts = vec![cut];
        let connected = Connected::new(vec![answer.clone(), answer]).await;
        for _ in 0..2 {
            assert_eq!(connected.rows().await, expected, "cut at {cut}");
        }
    }
    for length in [1, 2, 3, 7] {
        let connected = Connected::new(vec![whole.clone().every(length)]).await;
        assert_eq!(connected.rows().await, expected, "cut every {length}");
    }
}

#[tokio::test]
async fn many_rows_come_in_few_pieces_and_none_is_lost() {
    let rows: Vec<Vec<u8>> = (0..20_000_u32).map(|i| i.to_string().into_bytes()).collect();
    let messages = copy_of(&rows.iter().map(|body| row(body)).collect::<Vec<_>>());
    for length in [usize::MAX, 8192, 5000, 13] {
        let connected = Connected::new(vec![Answer::of(&messages).every(length)]).await;
        let mut copy = connected.copy(TERMS).await;
        let (mut got, mut pieces) = (Vec::new(), 0);
        while let Some(item) = copy.next().await {
            if let item @ Item::Rows(_) = item.unwrap() {
                got.extend(bodies(&item));
                pieces += 1;
            }
        }
        assert!(got == rows, "{length}");
        let bytes: usize = rows.iter().map(|row| row.len() + 5).sum();
        assert!(pieces <= bytes / (TERMS.piece / 2) + 2, "{pieces} pieces of {bytes} bytes");
    }
}

#[tokio::test]
async fn copies_follow_each_other_and_an_empty_one_is_one() {
    let answers: Vec<Answer> = (0..50)
        .map(|i| {
            let rows: Vec<Vec<u8>> = (0..i % 5).map(|j| row(format!("{i} {j}").as_bytes())).collect();
            Answer::of(&copy_of(&rows)).every(i + 1)
        })
        .collect();
    let connected = Connected::new(answers).await;
    for i in 0..50 {
        let expected: Vec<Vec<u8>> = (0..i % 5).map(|j| format!("{i} {j}").into_bytes()).collect();
        assert_eq!(connected.rows().await, expected, "{i}");
    }
}

#[tokio::test]
async fn one_request_may_hold_many_copies_and_each_end_is_told() {
    let copies: Vec<Vec<Vec<u8>>> =
        (0..40_usize).map(|i| (0..i % 4 * 100).map(|j| format!("{i} {j}").into_bytes()).collect()).collect();
    let mut messages = Vec::new();
    for rows in &copies {
        messages.push(begin());
        messages.extend(rows.iter().map(|body| row(body)));
        messages.extend([message(b'c', b""), notice(), complete()]);
    }
    messages.push(ready());
    for length in [usize::MAX, 5000, 100, 7] {
        let next = Answer::of(&copy_of(&[row(b"next")]));
        let connected = Connected::new(vec![Answer::of(&messages).every(length), next]).await;
        let (mut got, broken) = exhaust(&mut connected.copy(TERMS).await).await;
        assert!(broken.is_none(), "{broken:?}");
        assert!(got.pop().unwrap().is_empty() && got == copies, "{length}");
        assert_eq!(connected.rows().await, texts(&["next"]), "{length}");
    }
}

#[tokio::test]
async fn rows_larger_than_a_piece_arrive_whole_up_to_the_limit() {
    let rows: Vec<Vec<u8>> = [1, 20_000, 5, 100_000, 16_379, 16_380, 1 << 20, 3]
        .iter()
        .map(|&length| vec![b'x'; length])
        .collect();
    let messages = copy_of(&rows.iter().map(|body| row(body)).collect::<Vec<_>>());
    for length in [usize::MAX, 8192, 997] {
        let connected = Connected::new(vec![Answer::of(&messages).every(length)]).await;
        assert!(connected.rows().await == rows, "{length}");
    }
}

#[tokio::test]
async fn a_row_above_the_limit_is_named_and_not_held() {
    let large = [b"key".to_vec(), vec![b'x'; 3 << 20]].concat();
    let messages = copy_of(&[row(b"small"), row(&large), row(b"behind")]);
    for length in [usize::MAX, 8192, 100] {
        let connected =
            Connected::new(vec![Answer::of(&messages).every(length), Answer::of(&copy_of(&[row(b"next")]))])
                .await;
        let mut copy = connected.copy(TERMS).await;
        assert_eq!(bodies(&copy.next().await.unwrap().unwrap()), texts(&["small"]));
        let Item::TooLarge { bytes, prefix } = copy.next().await.unwrap().unwrap() else {
            panic!("a row that is too large")
        };
        assert_eq!(bytes, large.len());
        assert!(prefix.starts_with(b"keyx") && prefix.len() <= TERMS.piece, "{}", prefix.len());
        drop(copy);
        assert_eq!(connected.rows().await, texts(&["next"]), "{length}");
    }
}

/// How many bytes have been received when the connection has done all it can.
async fn settled(connected: &Connected) -> usize {
    let mut before = usize::MAX;
    loop {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        let now = connected.read.load(Ordering::Relaxed);
        if std::mem::replace(&mut before, now) == now {
            return now;
        }
    }
}

#[tokio::test]
async fn a_slow_reader_stops_the_reading_of_the_socket() {
    let rows: Vec<Vec<u8>> = (0..3000).map(|i| row(format!("{i:0100}").as_bytes())).collect();
    let answer = Answer::of(&copy_of(&rows)).every(4096);
    let total = answer.bytes.len();
    let connected = Connected::new(vec![answer]).await;
    let mut copy = connected.copy(TERMS).await;
    let bound = 5 * TERMS.piece;
    assert!(total > 2 * bound);
    let mut got = Vec::new();
    loop {
        let received = settled(&connected).await;
        let taken: usize = got.iter().map(|row: &Vec<u8>| row.len() + 5).sum();
        let ahead = received - taken;
        assert!(ahead <= bound, "{ahead} bytes were received ahead");
        match copy.next().await.map(Result::unwrap) {
            Some(Item::End) => {}
            Some(item) => got.extend(bodies(&item)),
            None => break,
        }
    }
    assert_eq!(got.len(), rows.len());
    assert!(got.iter().enumerate().all(|(i, row)| *row == format!("{i:0100}").into_bytes()));
}

#[tokio::test]
async fn a_copy_that_nobody_claims_passes_to_the_client() {
    use futures::TryStreamExt;
    let messages = copy_of(&[row(b"one"), row(b"two")]);
    let connected = Connected::new(vec![Answer::of(&messages).every(3), Answer::of(&messages)]).await;
    let stream = connected.client.copy_out("COPY t TO STDOUT").await.unwrap();
    let rows: Vec<bytes::Bytes> = stream.try_collect().await.unwrap();
    assert_eq!(rows, ["one", "two"]);
    assert_eq!(connected.rows().await, texts(&["one", "two"]));
}

#[tokio::test]
async fn pieces_are_never_smaller_than_what_is_received_at_once() {
    let rows: Vec<Vec<u8>> = (0..100).map(|i| row(&[i; 50])).collect();
    let connected = Connected::new(vec![Answer::of(&copy_of(&rows))]).await;
    let mut copy = connected.copy(Terms { piece: 1, ..TERMS }).await;
    assert_eq!(bodies(&copy.next().await.unwrap().unwrap()).len(), 100);
    assert_eq!(copy.next().await.unwrap().unwrap(), Item::End);
    assert!(copy.next().await.is_none());
}
