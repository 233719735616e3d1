//! What is done for upstreams that cannot do everything, and what of them is told.

use super::*;

#[test]
fn tcp_gets_more_time_than_a_datagram() {
    let mut play = Play::new(2);
    let query = play.sends(0, 0, Transport::Udp);
    let mut truncated = good(&query);
    truncated[2] |= 0x02;
    play.hears(0, &truncated);
    play.sends(1, 0, Transport::Tcp);
    assert_eq!(play.waits(), 1000);
    play.sends(2, 1, Transport::Udp);
}

#[test]
fn who_refuses_edns_is_asked_without() {
    for (rcode, echoes) in [
        (ResponseCode::FormErr, true),
        (ResponseCode::FormErr, false),
        (ResponseCode::NotImp, true),
        (ResponseCode::BADVERS, true),
    ] {
        let mut play = Play::with(vec![candidate(0, Edns::Untried), candidate(1, Edns::Untried)], false);
        let query = play.sends(0, 0, Transport::Udp);
        assert!(Message::from_vec(&query).unwrap().edns.is_some());
        let mut refusal = negative(&query, rcode, []);
        if !echoes {
            refusal.truncate(12);
            refusal[4..].fill(0);
        }
        assert_eq!(play.hears(0, &refusal), Heard::Settled, "{rcode}");
        let plain = play.sends(1, 0, Transport::Udp);
        assert!(Message::from_vec(&plain).unwrap().edns.is_none());
        play.hears(1, &good_without_edns(&plain));
        play.ends(Ok(()));
        assert_eq!(play.exchange.tally().without_edns, 1);
        assert_eq!(play.exchange.take_observed().pop(), Some((0, Observation::RefusesEdns)));
    }
}

#[test]
fn who_is_silent_to_edns_is_asked_without_unless_it_has_taken_it_before() {
    let mut play = Play::with(vec![candidate(0, Edns::Untried)], false);
    for (attempt, edns) in [(0, true), (1, true), (2, false)] {
        let query = play.sends(attempt, 0, Transport::Udp);
        assert_eq!(Message::from_vec(&query).unwrap().edns.is_some(), edns);
        if edns {
            play.waits();
        } else {
            play.hears(attempt, &good_without_edns(&query));
        }
    }
    play.ends(Ok(()));
    assert_eq!(play.exchange.take_observed().pop(), Some((0, Observation::IgnoresEdns)));

    for (known, edns) in [(Edns::Proven, true), (Edns::Refused, false)] {
        let mut play = Play::with(vec![candidate(0, known)], false);
        for attempt in 0..4 {
            let query = play.sends(attempt, 0, Transport::Udp);
            assert_eq!(Message::from_vec(&query).unwrap().edns.is_some(), edns);
            play.waits();
        }
    }
}

#[test]
fn a_refusal_without_edns_is_an_error() {
    let mut play = Play::with(vec![candidate(0, Edns::Refused)], false);
    let query = play.sends(0, 0, Transport::Udp);
    play.hears(0, &negative(&query, ResponseCode::FormErr, []));
    play.ends(Err(Failure::ServFail));
}

#[test]
fn mixed_case_must_come_back_or_tcp_decides() {
    let mut play = Play::with(vec![candidate(0, Edns::Proven)], true);
    let query = play.sends(0, 0, Transport::Udp);
    assert!(query[12..25].iter().any(u8::is_ascii_uppercase), "{query:?}");
    assert_eq!(play.hears(0, &good(&query)), Heard::Settled);
    play.ends(Ok(()));

    let mut play = Play::with(vec![candidate(0, Edns::Proven)], true);
    let query = play.sends(0, 0, Transport::Udp);
    let mut lower = good(&query);
    lower[12..25].make_ascii_lowercase();
    assert_eq!(play.hears(0, &lower), Heard::Settled);
    assert_eq!(play.rejected(Reject::WrongCase), 1);
    let query = play.sends(1, 0, Transport::Tcp);
    assert!(!query[12..25].iter().any(u8::is_ascii_uppercase));
    play.hears(1, &good(&query));
    play.ends(Ok(()));
}

#[test]
fn an_encrypted_upstream_is_asked_over_tls_only() {
    let mut play = Play::with(vec![Candidate { encrypted: true, ..candidate(0, Edns::Untried) }], false);
    let query = play.sends(0, 0, Transport::Tls);
    play.hears(0, &good(&query));
    play.ends(Ok(()));
    assert_eq!(play.exchange.tally().tls, 1);
}

#[test]
fn what_an_upstream_says_of_an_error_is_told() {
    let mut play = Play::new(1);
    let query = play.sends(0, 0, Transport::Udp);
    let mut reply = negative(&query, ResponseCode::ServFail, []);
    let length = reply.len() - 1;
    reply[length] = 6;
    reply.extend_from_slice(&[0, 15, 0, 2, 0, 6]);
    play.hears(0, &reply);
    play.ends(Err(Failure::ServFail));
    assert_eq!(play.exchange.ede().map(|ede| ede.code()), Some(6));
}

#[test]
fn useless_answers_are_counted_by_what_is_wrong_with_them() {
    use crate::forward::testing::cname;
    for (records, reject) in [
        (vec![a("bank.example", 30, 66)], Reject::Unrelated),
        (vec![cname("www.example", 30, "b.example."), cname("b.example", 30, "www.example.")], Reject::CnameLoop),
    ] {
        let mut play = Play::new(1);
        let query = play.sends(0, 0, Transport::Udp);
        assert_eq!(play.hears(0, &answer(&query, records)), Heard::Settled);
        play.ends(Err(Failure::Malformed));
        assert_eq!(play.rejected(reject), 1);
    }
}
