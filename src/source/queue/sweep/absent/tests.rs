//! Decisions: which queues are of hosts that are gone, and since when.

use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, proptest};

use super::*;
use crate::ecs::Timestamp;
use crate::source::queue::Reader;
use crate::source::queue::name::queue_name;

const GRACE: Duration = Duration::from_secs(900);
const GONE: &str = "i-0a1b2c3d4e5f60001";

fn url(name: &str) -> QueueUrl {
    QueueUrl(format!("https://sqs.r.amazonaws.com/1/{name}"))
}

fn hosts(ids: &[&str]) -> BTreeSet<Ec2InstanceId> {
    ids.iter().map(|id| Ec2InstanceId((*id).into())).collect()
}

fn named() -> Named {
    Named { url: url(&queue_name("prod", GONE)), cluster: "prod".to_owned(), instance: GONE.to_owned() }
}

/// The queue of the gone host, with a sign of life that this number makes.
fn found(sign: u8) -> Abandoned {
    let mut tags = Reader::new("prod", GONE, 1).tags();
    tags.insert(READ.to_owned(), sign.to_string());
    named().tagged(&tags).unwrap()
}

fn at(second: u64) -> Duration {
    Duration::from_secs(second)
}

#[test]
fn only_queues_of_hosts_that_the_cluster_does_not_have_are_suspected() {
    let names = [
        queue_name("prod", "i-0a1b2c3d4e5f60001"),
        queue_name("prod", "i-0a1b2c3d4e5f60002"),
        queue_name("production", "i-0a1b2c3d4e5f60001"),
        queue_name("prod", "controller"),
        queue_name("prod", "laptop.example.com"),
        "something-else".to_owned(),
    ];
    let urls: Vec<_> = names.iter().map(|name| url(name)).collect();
    assert_eq!(Named::among(&urls, "prod", &hosts(&["i-0a1b2c3d4e5f60002"])), BTreeSet::from([named()]));
    assert_eq!(Named::among(&urls, "prod", &hosts(&["i-0a1b2c3d4e5f60002", GONE])), BTreeSet::new());
}

#[test]
fn tags_decide_and_not_the_name() {
    for tags in [
        Tags::new(),
        Tags::from([(OWNER.to_owned(), format!("0000000000000001 {GONE}"))]),
        Reader::new("prod", "i-0a1b2c3d4e5f60002", 1).tags(),
        Reader::new("test", GONE, 1).tags(),
        Reader::new("prod", GONE, 1).claim(Timestamp::UNIX_EPOCH),
    ] {
        assert_eq!(named().tagged(&tags), None, "{tags:?}");
    }
    assert!(named().tagged(&Reader::new("prod", GONE, 1).tags()).is_some());
}

#[test]
fn a_queue_goes_once_its_host_was_gone_for_long_enough_in_enough_looks() {
    let mut absences = Absences::default();
    assert_eq!(absences.look(vec![found(0)], at(0), GRACE), []);
    assert_eq!(absences.look(vec![found(0)], at(5_000), GRACE), [], "long, but in two looks only");
    assert_eq!(absences.look(vec![found(0)], at(5_100), GRACE), [found(0)]);
    assert_eq!(absences.look(vec![found(0)], at(5_200), GRACE), [found(0)], "and stays due");
    let mut absences = Absences::default();
    for second in [0, 300, 600, 899] {
        assert_eq!(absences.look(vec![found(0)], at(second), GRACE), [], "not for long enough");
    }
    assert_eq!(absences.look(vec![found(0)], at(900), GRACE), [found(0)]);
}

#[test]
fn a_host_that_comes_back_or_says_that_it_reads_begins_anew() {
    for (between, begins) in [(vec![], 1_200), (vec![found(1)], 900)] {
        let mut absences = Absences::default();
        for second in [0, 300, 600] {
            absences.look(vec![found(0)], at(second), GRACE);
        }
        absences.look(between, at(900), GRACE);
        for second in [1_200, 1_500, begins + 899] {
            assert_eq!(absences.look(vec![found(1)], at(second), GRACE), [], "{second}");
        }
        assert_eq!(absences.look(vec![found(1)], at(begins + 900), GRACE), [found(1)]);
    }
}

/// What looks find of two queues, one after another: whether each is found, and with which sign.
fn looks() -> impl Strategy<Value = Vec<([Option<u8>; 2], u16)>> {
    proptest::collection::vec((any::<[Option<u8>; 2]>(), 0_u16..600), 0..40)
}

proptest! {
    /// Held against the words of the rule: found, with the same sign, in three looks at least, over the whole grace.
    #[test]
    fn nothing_goes_that_was_not_found_all_the_time(looks in looks()) {
        let (mut absences, mut now) = (Absences::default(), 0);
        let mut history: Vec<(u64, [Option<u8>; 2])> = Vec::new();
        let urls = ["ecs-resolver-prod-i-1", "ecs-resolver-prod-i-2"].map(url);
        for (signs, pause) in looks {
            now += u64::from(pause);
            let signs = signs.map(|sign| sign.map(|sign| sign % 3));
            history.push((now, signs));
            let of = |(url, sign): (&QueueUrl, Option<u8>)| sign.map(|sign| Abandoned { url: url.clone(), ..found(sign) });
            let seen: Vec<_> = urls.iter().zip(signs).filter_map(of).collect();
            let due = absences.look(seen, at(now), GRACE);
            for (index, url) in urls.iter().enumerate() {
                let last = signs[index];
                let same = history.iter().rev().take_while(|(_, signs)| last.is_some() && signs[index] == last);
                let times: Vec<u64> = same.map(|(time, _)| *time).collect();
                let since = times.last().copied().unwrap_or(now);
                let may = times.len() >= 3 && now - since >= 900;
                prop_assert_eq!(due.iter().any(|queue| queue.url == *url), may, "{:?}", history);
            }
            prop_assert!(absences.len() <= 2);
        }
    }
}
