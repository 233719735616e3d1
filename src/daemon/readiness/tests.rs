use super::*;
use crate::ecs::ClusterArn;
use crate::source::pace::Interval;
use crate::source::status::EventsReport;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_000_000 + second).unwrap()
}

/// Everything was read at 0 s, is read every 30 s, and the queue answered at 0 s.
fn report() -> StatusReport {
    let cluster = ClusterArn::parse("arn:aws:ecs:us-east-1:123456789012:cluster/prod").unwrap();
    let interval = Duration::from_secs(30);
    StatusReport {
        complete: [(cluster, at(0))].into(),
        interval: Some(Interval { configured: interval, effective: interval, limited_by: None, agents: 1 }),
        events: Some(EventsReport { heard: at(0), shared_with: None }),
        ..StatusReport::default()
    }
}

fn readiness(report: &StatusReport, second: i64) -> Readiness {
    let feed = Prepared { feed: Feed::Describe, clusters: vec!["prod".to_owned()], all: false };
    of((&feed, false), &Sync::default(), report, 0, at(second))
}

#[test]
fn a_source_that_is_too_old_turns_it_red() {
    assert!(readiness(&report(), 60).ready);
    let later = readiness(&report(), 61);
    assert_eq!(later.reasons, ["the queue of events has not answered for 61 s: changes are found by polling"]);
    let polled = StatusReport { events: None, ..report() };
    assert!(readiness(&polled, 150).ready);
    let later = readiness(&polled, 151);
    assert_eq!(
        (later.ready, later.reasons),
        (false, vec!["cluster prod was last read completely 151 s ago, as of 1970-01-12T13:46:40Z".to_owned()])
    );
}

#[test]
fn a_copy_of_the_hosted_zone_is_waited_for() {
    let feed = Prepared { feed: Feed::Off, clusters: Vec::new(), all: false };
    let readiness = |report: &StatusReport| of((&feed, true), &Sync::default(), report, 0, at(1));
    assert_eq!(readiness(&StatusReport::default()).reasons, ["the hosted zone has not been read completely yet"]);
    assert!(readiness(&StatusReport { hosted_zone: Some(at(0)), ..StatusReport::default() }).ready);
}

#[test]
fn a_queue_with_two_readers_is_a_warning() {
    let shared = EventsReport { heard: at(0), shared_with: Some("i-2 (boot 7)".to_owned()) };
    let readiness = readiness(&StatusReport { events: Some(shared), ..report() }, 1);
    assert!(readiness.ready);
    assert!(readiness.warnings[0].contains("also read by i-2 (boot 7)"), "{:?}", readiness.warnings);
}

#[test]
fn what_is_known_from_before_the_restart_alone_turns_it_red() {
    let cluster = report().complete.into_keys().next().unwrap();
    let restored = StatusReport { restored: [(cluster, at(-40))].into(), complete: [].into(), ..report() };
    let readiness = readiness(&restored, 2);
    let why = "cluster prod has not been read since the start: answers are those of before it, as of \
               1970-01-12T13:46:00Z, 42 s ago";
    assert_eq!((readiness.ready, readiness.reasons), (false, vec![why.to_owned()]));
}

#[test]
fn an_inventory_that_is_full_is_told_of() {
    let feed = Prepared { feed: Feed::Off, clusters: Vec::new(), all: false };
    let of = |full| of((&feed, false), &Sync::default(), &StatusReport::default(), full, at(1));
    assert!(of(0).ready && of(0).warnings.is_empty());
    let told = of(500_000);
    assert!(
        told.ready && told.warnings[0].contains("500000 services") && told.warnings[0].contains("limits.inventory")
    );
}
