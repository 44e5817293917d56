use super::backend::{
    Answer, Connected, TERMS, Then, begin, bodies, complete, copy_of, error, exhaust, notice, ready,
};
use super::{message, row};
use crate::wire::CopyOut;
use crate::wire::copy_out::Broken;

fn failed(broken: Option<Broken>) -> tokio_postgres::Error {
    match broken {
        Some(Broken::Failed(error)) => error,
        other => panic!("a failure instead of {other:?}"),
    }
}

#[tokio::test]
async fn an_error_in_the_middle_comes_behind_the_rows_and_the_connection_goes_on() {
    for length in [usize::MAX, 1, 6] {
        let broken = Answer::of(&[begin(), row(b"one"), notice(), row(b"two"), error("57014"), ready()]);
        let next = Answer::of(&copy_of(&[row(b"three")]));
        let connected = Connected::new(vec![broken.every(length), next]).await;
        let mut copy = connected.copy(TERMS).await;
        let (rows, broken) = exhaust(&mut copy).await;
        assert_eq!(rows, [[b"one", b"two"]]);
        assert_eq!(failed(broken).code().unwrap().code(), "57014");
        drop(copy);
        assert_eq!(connected.rows().await, [b"three"]);
    }
}

#[tokio::test]
async fn a_statement_that_is_refused_leaves_the_next_ones_rows_alone() {
    let connected =
        Connected::new(vec![Answer::of(&[error("42P01"), ready()]), Answer::of(&copy_of(&[row(b"x")]))])
            .await;
    let (rows, refused) = exhaust(&mut connected.copy(TERMS).await).await;
    assert_eq!(rows, [Vec::<Vec<u8>>::new()]);
    assert_eq!(failed(refused).code().unwrap().code(), "42P01");
    assert_eq!(connected.rows().await, [b"x"]);
}

#[tokio::test]
async fn a_connection_that_is_lost_in_the_middle_of_a_row_is_an_error() {
    let whole = [begin(), row(b"one"), row(b"two"), row(b"three")].concat();
    for end in begin().len()..=whole.len() {
        for then in [Then::Close, Then::Reset] {
            let mut answer = Answer::of(&[whole[..end].to_vec()]).every(9).then(then);
            answer.cuts.push(end);
            let connected = Connected::new(vec![answer]).await;
            let mut copy = connected.copy(TERMS).await;
            let (rows, broken) = exhaust(&mut copy).await;
            assert!(rows.len() == 1 && rows[0].len() <= 3, "{rows:?}");
            assert!(failed(broken).code().is_none());
            assert!(connected.driver.await.unwrap().is_err());
        }
    }
}

#[tokio::test]
async fn a_reader_that_goes_away_gets_nothing_more_and_holds_nothing_up() {
    let rows: Vec<Vec<u8>> = (0..5000).map(|i| row(format!("old {i:050}").as_bytes())).collect();
    for taken in 0..4 {
        for length in [usize::MAX, 1000, 50] {
            let next = Answer::of(&copy_of(&[row(b"new"), row(b"rows")]));
            let connected =
                Connected::new(vec![Answer::of(&copy_of(&rows)).every(length), next.clone(), next]).await;
            let mut copy = connected.copy(TERMS).await;
            for _ in 0..taken {
                copy.next().await.unwrap().unwrap();
            }
            drop(copy);
            assert_eq!(connected.rows().await, [&b"new"[..], b"rows"], "{taken} {length}");
            assert_eq!(connected.rows().await, [&b"new"[..], b"rows"], "{taken} {length}");
        }
    }
}

#[tokio::test]
async fn a_reader_that_goes_away_in_the_middle_of_a_large_row_holds_nothing_up() {
    let rows = [row(b"small"), notice(), row(&vec![b'x'; 500_000]), row(b"behind")];
    for length in [10_000, 777] {
        let next = Answer::of(&copy_of(&[row(b"new")]));
        let connected = Connected::new(vec![Answer::of(&copy_of(&rows)).every(length), next]).await;
        let mut copy = connected.copy(TERMS).await;
        assert_eq!(bodies(&copy.next().await.unwrap().unwrap()), [b"small"]);
        drop(copy);
        assert_eq!(connected.rows().await, [b"new"], "{length}");
    }
}

/// Whose rows the next COPY yields could not be told: better none than another's.
#[tokio::test]
async fn a_reader_that_goes_away_before_its_copy_begins_is_not_mistaken_for_the_next() {
    let old = Answer::of(&copy_of(&[row(b"old")]));
    let connected = Connected::new(vec![old.every(1), Answer::of(&copy_of(&[row(b"new")]))]).await;
    drop(connected.copy(TERMS).await);
    let next = CopyOut::begin(&connected.client, &connected.lane, "COPY t TO STDOUT", TERMS).await;
    assert!(matches!(next.err(), Some(Broken::Astray(_))));
    assert_eq!(connected.rows().await, [b"new"]);
}

#[tokio::test]
async fn a_reader_that_goes_away_between_copies_gets_nothing_of_the_others() {
    let copy = |body: &[u8]| [begin(), row(body), message(b'c', b""), complete()];
    let messages = [copy(b"one").to_vec(), copy(b"two").to_vec(), vec![ready()]].concat();
    for length in [usize::MAX, 4, 1] {
        let answers = vec![Answer::of(&messages).every(length), Answer::of(&copy_of(&[row(b"new")]))];
        let connected = Connected::new(answers).await;
        let mut first = connected.copy(TERMS).await;
        assert_eq!(bodies(&first.next().await.unwrap().unwrap()), [b"one"]);
        drop(first);
        assert_eq!(connected.rows().await, [b"new"], "{length}");
    }
}

#[tokio::test]
async fn headers_that_are_none_are_an_error() {
    for tag in [b'd', b'c', b'Z', b'N'] {
        for length in [[0, 0, 0, 3], [0, 0, 0, 0], [0xff, 0xff, 0xff, 0xff], [0x80, 0, 0, 0]] {
            let bad = [&[tag][..], &length].concat();
            let answer = Answer::of(&[begin(), row(b"one"), bad, row(b"two")]).then(Then::Close);
            let connected = Connected::new(vec![answer]).await;
            let (rows, broken) = exhaust(&mut connected.copy(TERMS).await).await;
            assert!(rows[0].len() <= 1, "{rows:?}");
            failed(broken);
            assert!(connected.driver.await.unwrap().is_err());
        }
    }
}

#[tokio::test]
async fn messages_of_another_kind_are_no_rows() {
    for strange in [message(b'D', &[0, 0]), message(b'G', &[0, 0, 0]), message(b'?', b"")] {
        let answer = Answer::of(&[begin(), row(b"one"), strange, row(b"two")]).then(Then::Close);
        let connected = Connected::new(vec![answer]).await;
        let mut copy = connected.copy(TERMS).await;
        let (rows, broken) = exhaust(&mut copy).await;
        assert!(rows.len() == 1 && rows[0].len() <= 2, "{rows:?}");
        assert!(broken.is_some());
    }
}

#[tokio::test]
async fn a_connection_that_is_dropped_ends_the_reading() {
    let rows: Vec<Vec<u8>> = (0..5000).map(|i| row(format!("{i:050}").as_bytes())).collect();
    let connected = Connected::new(vec![Answer::of(&copy_of(&rows)).every(1000)]).await;
    let mut copy = connected.copy(TERMS).await;
    copy.next().await.unwrap().unwrap();
    connected.driver.abort();
    let (_, broken) = exhaust(&mut copy).await;
    assert!(failed(broken).is_closed());
}
