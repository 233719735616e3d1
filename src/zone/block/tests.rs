use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use super::*;
use crate::dns::RData;
use crate::ecs::Timestamp;
use crate::zone::render::bodies;

fn fragment(names: &[(&str, u8)]) -> Fragment {
    let origin = Origin { subject: None, order: 0, leaving: false, created_at: Timestamp::MIN };
    let mut fragment = Fragment { failed_open: true, kept_draining: 2, ..Fragment::new(origin) };
    for (text, last) in names {
        let node = fragment.say(bodies::single(5, &RData::A(Ipv4Addr::new(10, 0, 0, *last).into())));
        fragment.add(Form::Exact, DomainName::from_text(text), node);
    }
    fragment
}

fn pack(names: &[(&str, u8)]) -> Block {
    Block::pack(fragment(names), &DomainName::from_text("ecs.internal").unwrap())
}

const NAMES: [(&str, u8); 5] = [
    ("_http._tcp.web.ecs.internal", 1),
    ("web.ecs.internal", 2),
    ("_8080._tcp.web.ecs.internal", 1),
    ("web.prod.svc.ecs.internal", 2),
    ("1.0.0.10.in-addr.arpa", 3),
];

#[test]
fn every_name_is_found_and_those_above_it_but_nothing_else() {
    let block = pack(&NAMES);
    let found = |text: &str| {
        let name = DomainName::from_text(text).unwrap();
        block.find(hash(name.as_wire()), name.as_wire()).map(|named| {
            assert_eq!(named.name, name.as_wire());
            named.said.map(|(_, node)| node.clone())
        })
    };
    for (text, _) in NAMES {
        assert!(matches!(found(text), Some(Some(Node::Records { .. }))), "{text}");
    }
    for above in ["_tcp.web.ecs.internal", "prod.svc.ecs.internal", "svc.ecs.internal"] {
        assert_eq!(found(above), Some(None), "{above}");
    }
    for other in ["ecs.internal", "internal", "10.in-addr.arpa", "b.ecs.internal", "eb.ecs.internal"] {
        assert_eq!(found(other), None, "{other}");
    }
    assert!(block.failed_open && block.kept_draining == 2);
}

#[test]
fn what_is_said_twice_is_kept_once() {
    let block = pack(&NAMES);
    assert_eq!(block.nodes.len(), 3);
    let longest = ["_http._tcp.web.ecs.internal", "_8080._tcp.web.ecs.internal", "web.prod.svc.ecs.internal"];
    let lengths = longest.iter().chain(&["1.0.0.10.in-addr.arpa"]).map(|text| text.len() + 2).sum::<usize>();
    assert_eq!(block.names.len(), lengths);
}

#[test]
fn names_come_in_the_order_of_their_hashes() {
    let block = pack(&NAMES);
    let all: Vec<_> = block.iter().map(|named| (named.hash, named.name.to_vec())).collect();
    assert!(all.is_sorted() && all.len() == 8);
    let again: BTreeMap<_, _> = all.iter().cloned().collect();
    assert!(again.iter().all(|(hash, name)| block.find(*hash, name).is_some()));
}
