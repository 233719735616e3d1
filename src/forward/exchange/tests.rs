mod adapting;

use std::time::Duration;

use hickory_proto::op::{Message, ResponseCode};

use super::super::testing::{a, answer, key, moment, negative};
use super::*;
use crate::dns::RecordType;
use crate::forward::{Caps, MAX_TRIES};

const IDS: [u16; MAX_TRIES] = [100, 101, 102, 103, 104, 105, 106, 107, 108, 109];

/// A candidate that is asked again after 200 ms, and after 100 ms another is.
fn candidate(upstream: usize, edns: Edns) -> Candidate {
    let (hedge, timeout) = (Duration::from_millis(100), Duration::from_millis(200));
    Candidate { upstream, encrypted: false, hedge, timeout, edns }
}

/// An exchange for `www.example A`, and the time.
struct Play {
    exchange: Exchange,
    now: Instant,
}

impl Play {
    /// With this many upstreams, all of which take EDNS.
    fn new(upstreams: usize) -> Self {
        Self::with((0..upstreams).map(|upstream| candidate(upstream, Edns::Proven)).collect(), false)
    }

    fn with(candidates: Vec<Candidate>, mix_case: bool) -> Self {
        let now = moment();
        let random = Random { ids: IDS, case: [0x55; 32], order: 0 };
        let plan = Plan { candidates, budget: Duration::from_secs(4), caps: Caps::default(), mix_case };
        Self { exchange: Exchange::new(key("www.example", RecordType::A), plan, random, now), now }
    }

    /// The query that is sent now, which must be this try to this upstream.
    #[track_caller]
    fn sends(&mut self, attempt: usize, upstream: usize, transport: Transport) -> Vec<u8> {
        assert_eq!(self.exchange.wants_to_send(), Some(transport));
        let sent = self.exchange.poll_transmit(self.now).expect("nothing is sent");
        assert_eq!((sent.attempt, sent.upstream, sent.transport), (attempt, upstream, transport));
        assert_eq!(sent.query[..2], IDS[attempt].to_be_bytes());
        assert_eq!((self.exchange.poll_transmit(self.now), self.exchange.wants_to_send()), (None, None));
        sent.query
    }

    fn hears(&mut self, attempt: usize, reply: &[u8]) -> Heard {
        self.exchange.handle_reply(self.now, attempt, reply)
    }

    /// Lets time pass until the exchange wants to send or has ended; tells how many milliseconds that was.
    #[track_caller]
    fn waits(&mut self) -> u128 {
        let begun = self.now;
        while self.exchange.wants_to_send().is_none() {
            let Some(until) = self.exchange.poll_timeout() else { break };
            self.now = until.max(self.now);
            self.exchange.handle_timeout(self.now);
        }
        (self.now - begun).as_millis()
    }

    #[track_caller]
    fn ends(&mut self, expect: Result<(), Failure>) {
        let outcome = self.exchange.poll_outcome().expect("it has not ended");
        assert_eq!(outcome.map(|_| ()), expect);
        assert_eq!((self.exchange.poll_transmit(self.now), self.exchange.poll_timeout()), (None, None));
    }

    fn rejected(&self, reject: Reject) -> u32 {
        self.exchange.tally().rejects.of(reject)
    }
}

fn good(query: &[u8]) -> Vec<u8> {
    answer(query, [a("www.example", 30, 1)])
}

fn good_without_edns(query: &[u8]) -> Vec<u8> {
    let mut message = Message::from_vec(&good(query)).unwrap();
    message.edns = None;
    message.to_vec().unwrap()
}

#[test]
fn a_reply_ends_the_exchange() {
    let mut play = Play::new(2);
    let query = play.sends(0, 0, Transport::Udp);
    let mut reply = good(&query);
    reply[13..16].copy_from_slice(b"WwW");
    assert_eq!(play.hears(0, &reply), Heard::Settled);
    play.ends(Ok(()));
    assert_eq!(play.exchange.tally(), Tally { udp: 1, ..Tally::default() });
}

#[test]
fn forged_replies_do_not_end_the_wait() {
    let mut play = Play::new(1);
    let query = play.sends(0, 0, Transport::Udp);
    let reply = good(&query);
    let forge = |at: usize, byte: u8| {
        let mut forged = reply.clone();
        forged[at] = byte;
        forged
    };
    let forgeries = [
        (forge(1, 99), Reject::WrongId),
        (forge(2, reply[2] & 0x7f), Reject::NotAResponse),
        (forge(2, reply[2] | 0x28), Reject::NotAResponse),
        (forge(5, 0), Reject::WrongQuestion),
        (forge(5, 2), Reject::WrongQuestion),
        (forge(13, b'x'), Reject::WrongQuestion),
        (forge(26, 28), Reject::WrongQuestion),
        (forge(28, 3), Reject::WrongQuestion),
        (reply[..reply.len() - 1].to_vec(), Reject::Unreadable),
        (reply[..11].to_vec(), Reject::Short),
        (Vec::new(), Reject::Short),
        ([&reply[..], &[0; MAX_DATAGRAM]].concat(), Reject::Oversized),
        (query, Reject::NotAResponse),
    ];
    for (forged, reject) in &forgeries {
        let before = play.rejected(*reject);
        assert_eq!(play.hears(0, forged), Heard::Ignored, "{forged:?}");
        assert_eq!(play.rejected(*reject), before + 1, "{reject:?}");
    }
    assert_eq!(play.exchange.tally().rejects.sum() as usize, forgeries.len());
    assert_eq!(play.hears(0, &reply), Heard::Settled);
    play.ends(Ok(()));
}

#[test]
fn case_matters_in_type_and_class() {
    let mut play = Play::new(1);
    play.exchange.key = key("www.example", RecordType::HTTPS);
    let query = play.sends(0, 0, Transport::Udp);
    let mut reply = negative(&query, ResponseCode::NoError, []);
    reply[26] |= 0x20;
    assert_eq!(play.hears(0, &reply), Heard::Ignored);
    reply[26] &= !0x20;
    assert_eq!(play.hears(0, &reply), Heard::Settled);
    play.ends(Ok(()));
}

#[test]
fn silence_is_met_with_longer_waits_until_the_budget_ends() {
    let mut play = Play::new(1);
    for (attempt, wait) in [200, 400, 600, 600, 600, 600, 600, 400].into_iter().enumerate() {
        play.sends(attempt, 0, Transport::Udp);
        assert_eq!(play.waits(), wait);
    }
    play.ends(Err(Failure::Timeout));
    let tally = play.exchange.tally();
    assert_eq!((tally.udp, tally.timeouts, tally.hedged), (8, 7, 7));
    let silent = play.exchange.take_observed().into_iter().filter(|seen| *seen == (0, Observation::Silent)).count();
    assert_eq!(silent, 7);
}

#[test]
fn a_late_first_try_is_hedged_with_the_next_upstream_and_still_listened_to() {
    let mut play = Play::new(2);
    let first = play.sends(0, 0, Transport::Udp);
    assert_eq!(play.waits(), 100);
    play.sends(1, 1, Transport::Udp);
    assert_eq!((play.exchange.tally().hedged, play.exchange.tally().timeouts), (1, 0), "late is not lost");
    assert_eq!(play.hears(0, &good(&first)), Heard::Settled);
    play.ends(Ok(()));
    let took = Duration::from_millis(100);
    let seen = [(0, Observation::Answered { took }), (0, Observation::TakesEdns)];
    assert_eq!(play.exchange.take_observed(), seen);
}

#[test]
fn a_late_reply_to_an_earlier_try_is_welcome() {
    let mut play = Play::new(1);
    let first = play.sends(0, 0, Transport::Udp);
    play.waits();
    let second = play.sends(1, 0, Transport::Udp);
    assert_eq!(play.hears(0, &good(&second)), Heard::Ignored);
    assert_eq!(play.hears(0, &good(&first)), Heard::Settled);
    play.ends(Ok(()));
}

#[test]
fn an_upstream_in_trouble_is_left_at_once() {
    for rcode in [ResponseCode::ServFail, ResponseCode::Refused, ResponseCode::YXDomain] {
        let mut play = Play::new(2);
        let query = play.sends(0, 0, Transport::Udp);
        assert_eq!(play.hears(0, &negative(&query, rcode, [])), Heard::Settled);
        let query = play.sends(1, 1, Transport::Udp);
        assert_eq!(play.hears(1, &good(&query)), Heard::Settled);
        play.ends(Ok(()));
    }
    let mut play = Play::new(2);
    let query = play.sends(0, 0, Transport::Udp);
    play.hears(0, &answer(&query, [a("bank.example", 30, 66)]));
    play.sends(1, 1, Transport::Udp);
    play.exchange.handle_unreachable(1);
    play.ends(Err(Failure::Malformed));
}

#[test]
fn when_all_have_failed_nobody_waits() {
    let mut play = Play::new(1);
    play.sends(0, 0, Transport::Udp);
    play.exchange.handle_unreachable(0);
    play.ends(Err(Failure::Unreachable));

    let mut play = Play::new(2);
    let query = play.sends(0, 0, Transport::Udp);
    play.hears(0, &negative(&query, ResponseCode::ServFail, []));
    play.sends(1, 1, Transport::Udp);
    assert_eq!(play.waits(), 200);
    play.sends(2, 1, Transport::Udp);
    play.exchange.handle_unreachable(2);
    play.ends(Err(Failure::ServFail));

    Play::new(0).ends(Err(Failure::Unreachable));
}

#[test]
fn what_could_not_be_sent_in_time_says_so() {
    let mut play = Play::new(1);
    assert_eq!(play.exchange.poll_timeout(), Some(play.now + Duration::from_secs(4)));
    play.now += Duration::from_secs(4);
    play.exchange.handle_timeout(play.now);
    play.ends(Err(Failure::NotSent));
}

#[test]
fn when_the_tries_are_used_up_the_open_ones_are_waited_for() {
    let mut play = Play::new(2);
    play.exchange.plan.candidates.iter_mut().for_each(|one| (one.hedge, one.timeout) = Default::default());
    let mut first = Vec::new();
    for attempt in 0..MAX_TRIES {
        let query = play.sends(attempt, attempt % 2, Transport::Udp);
        if attempt == 0 {
            first = query;
        }
        assert_eq!(play.exchange.poll_timeout(), Some(play.now));
        play.exchange.handle_timeout(play.now);
    }
    assert_eq!((play.exchange.wants_to_send(), play.exchange.poll_transmit(play.now)), (None, None));
    assert_eq!(play.exchange.poll_timeout(), Some(play.exchange.ends_at));
    assert_eq!(play.hears(0, &good(&first)), Heard::Settled);
    play.ends(Ok(()));
}

#[test]
fn the_failure_of_an_earlier_upstream_does_not_disturb_a_later_try() {
    let mut play = Play::new(3);
    let first = play.sends(0, 0, Transport::Udp);
    play.waits();
    let second = play.sends(1, 1, Transport::Udp);
    play.hears(0, &negative(&first, ResponseCode::ServFail, []));
    assert_eq!(play.exchange.poll_transmit(play.now), None);
    play.hears(1, &good(&second));
    play.ends(Ok(()));
}

#[test]
fn a_truncated_reply_is_asked_for_over_tcp() {
    let mut play = Play::new(2);
    let query = play.sends(0, 0, Transport::Udp);
    let mut truncated = good(&query);
    truncated[2] |= 0x02;
    truncated.truncate(40);
    assert_eq!(play.hears(0, &truncated), Heard::Settled);
    let query = play.sends(1, 0, Transport::Tcp);
    assert_eq!(play.hears(1, &good(&query)), Heard::Settled);
    play.ends(Ok(()));
    let tally = play.exchange.tally();
    assert_eq!((tally.udp, tally.tcp, tally.hedged), (1, 1, 0));
}

#[test]
fn tcp_that_fails_or_talks_nonsense_turns_to_the_next_upstream() {
    for broken in [true, false] {
        let mut play = Play::new(2);
        let query = play.sends(0, 0, Transport::Udp);
        let mut truncated = good(&query);
        truncated[2] |= 0x02;
        play.hears(0, &truncated);
        play.sends(1, 0, Transport::Tcp);
        if broken {
            play.exchange.handle_unreachable(1);
        } else {
            assert_eq!(play.hears(1, b"nonsense"), Heard::Settled);
        }
        play.sends(2, 1, Transport::Udp);
    }
}

#[test]
fn the_number_of_queries_is_bounded() {
    let mut play = Play::new(1);
    let mut sent = 0;
    let outcome = loop {
        while let Some(transmit) = play.exchange.poll_transmit(play.now) {
            sent += 1;
            let mut truncated = good(&transmit.query);
            truncated[2] |= 0x02;
            if transmit.transport == Transport::Udp {
                play.hears(transmit.attempt, &truncated);
            }
        }
        if let Some(outcome) = play.exchange.poll_outcome() {
            break outcome;
        }
        play.waits();
    };
    assert!((2..=MAX_TRIES).contains(&sent), "{sent}");
    assert_eq!(outcome.unwrap_err(), Failure::Timeout);
}
