use etl_engine::Outcome;

use crate::fakes::{Bed, KeepMultiples, Memory, Numbers};

#[test]
fn fan_out_gives_each_destination_its_own_filter() {
    let (twos, threes) = (Memory::default(), Memory::default());
    let bed = Bed::new()
        .source(Numbers::new(2, 600))
        .processor("twos", &["source"], KeepMultiples(2))
        .processor("threes", &["source"], KeepMultiples(3))
        .destination("left", &["twos"], &twos)
        .destination("right", &["threes"], &threes);
    let report = bed.run().unwrap();
    assert_eq!(report.outcome, Outcome::Completed);
    assert!(twos.rows().iter().all(|n| n % 2 == 0) && twos.rows().len() == 600);
    assert!(threes.rows().iter().all(|n| n % 3 == 0) && threes.rows().len() == 400);
    for route in &report.routes {
        assert_eq!(route.counters.read, 1200);
        assert!(route.counters.balanced());
    }
}

#[test]
fn fan_in_brings_all_sources_to_one_destination() {
    let memory = Memory::default();
    let bed = Bed::new()
        .source_with("a", etl_model::OnError::Fail, Numbers::new(1, 300))
        .source_with("b", etl_model::OnError::Fail, Numbers::new(2, 300))
        .processor("both", &["a", "b"], KeepMultiples(1))
        .destination("sink", &["both"], &memory);
    let report = bed.run().unwrap();
    assert_eq!(report.outcome, Outcome::Completed);
    assert_eq!(memory.rows().len(), 900);
    assert_eq!(memory.markers().len(), 3, "each partition has its own marker");
    let delivered: Vec<u64> = report.routes.iter().map(|route| route.counters.delivered).collect();
    assert_eq!(delivered, [300, 600]);
}

#[test]
fn a_record_that_meets_itself_again_arrives_once_per_path() {
    let memory = Memory::default();
    let bed = Bed::new()
        .source(Numbers::new(1, 60))
        .processor("twos", &["source"], KeepMultiples(2))
        .processor("threes", &["source"], KeepMultiples(3))
        .processor("all", &["twos", "threes"], KeepMultiples(1))
        .destination("sink", &["all"], &memory);
    let report = bed.run().unwrap();
    let mut rows = memory.rows();
    rows.sort_unstable();
    let mut expected: Vec<i64> =
        (0..60).filter(|n| n % 2 == 0).chain((0..60).filter(|n| n % 3 == 0)).collect();
    expected.sort_unstable();
    assert_eq!(rows, expected);
    let counters = report.routes[0].counters;
    assert_eq!((counters.read, counters.delivered, counters.filtered), (120, 50, 70));
}
