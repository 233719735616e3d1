//! What is kept of messages until their reconcile is through.

use super::*;
use crate::ecs::{ClusterArn, ServiceArn};

fn hint(service: &str) -> ServiceHint {
    let cluster = ClusterArn::of("us-east-1", "123456789012", "prod").unwrap();
    ServiceHint { service: ServiceArn::of(&cluster, service).unwrap(), cluster }
}

#[test]
fn a_message_is_kept_once_however_often_it_comes() {
    let mut heard = Heard::default();
    heard.add("m1".to_owned(), "first".to_owned(), Some(hint("web")));
    heard.add("m1".to_owned(), "second".to_owned(), Some(hint("web")));
    assert!(heard.wanted);
    assert_eq!(heard.waiting, BTreeMap::from([("m1".to_owned(), "second".to_owned())]));
    assert_eq!(heard.hints, BTreeSet::from([hint("web")]));
}

#[test]
fn a_message_whose_reconcile_is_under_way_asks_for_no_other() {
    let mut heard = Heard { under_way: BTreeMap::from([("m1".to_owned(), "first".to_owned())]), ..Heard::default() };
    heard.add("m1".to_owned(), "second".to_owned(), Some(hint("web")));
    assert!(!heard.wanted && heard.waiting.is_empty() && heard.hints.is_empty());
    assert_eq!(heard.under_way["m1"], "second", "the receipt that deletes it");
    heard.add("m2".to_owned(), "x".to_owned(), None);
    assert!(heard.wanted);
}

#[test]
fn messages_that_wait_are_bounded() {
    let mut heard = Heard::default();
    for number in 0..=MOST {
        heard.add(number.to_string(), "receipt".to_owned(), None);
    }
    assert_eq!(heard.waiting.len(), MOST);
    heard.add("0".to_owned(), "again".to_owned(), None);
    assert_eq!(heard.waiting["0"], "again");
}
