use super::*;
use crate::register::batch::{MAX_CHARACTERS, MAX_ELEMENTS, batches, weight};
use crate::register::plan::{Group, Purpose};
use crate::route53::{Action, RecordChange};

/// A group of so many values of so many characters.
fn group(label: &str, values: usize, characters: usize) -> Group {
    let set = simple(&name(label), RecordType::SRV, 5, vec!["v".repeat(characters); values]);
    let changes = vec![RecordChange { action: Action::Create, set }];
    Group { name: name(label), service: key(label), purpose: Purpose::Register, changes }
}

fn sizes(groups: Vec<Group>) -> Vec<usize> {
    batches(groups).iter().map(|batch| batch.groups.len()).collect()
}

#[test]
fn requests_stay_within_the_limits() {
    assert_eq!(sizes(vec![]), Vec::<usize>::new());
    assert_eq!(sizes((0..2500).map(|number| group(&number.to_string(), 1, 10)).collect()), [1000, 1000, 500]);
    assert_eq!(sizes((0..5).map(|number| group(&number.to_string(), 1, 16_000)).collect()), [2, 2, 1]);
    assert_eq!(sizes(vec![group("a", 999, 1), group("b", 1, 1), group("c", 1, 1)]), [2, 1]);
    assert_eq!(sizes(vec![group("a", 1, 1), group("b", 2000, 1), group("c", 1, 1)]), [1, 1, 1], "Route 53 will tell");
}

#[test]
fn an_upsert_counts_twice() {
    let mut one = group("a", 3, 7);
    assert_eq!(weight(&one), (3, 21));
    one.changes[0].action = Action::Upsert;
    assert_eq!(weight(&one), (6, 42));
}

#[test]
fn no_group_is_divided_and_the_order_stays() {
    let groups: Vec<_> = (0..400).map(|number| group(&number.to_string(), 7, 40)).collect();
    let packed = batches(groups.clone());
    for batch in &packed {
        let (elements, characters) =
            batch.groups.iter().map(weight).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        assert!(elements <= MAX_ELEMENTS && characters <= MAX_CHARACTERS);
    }
    let unpacked: Vec<_> = packed.into_iter().flat_map(|batch| batch.groups).collect();
    assert_eq!(unpacked, groups);
}
