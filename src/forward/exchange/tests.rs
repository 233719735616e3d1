use hickory_proto::op::ResponseCode;

use super::super::testing::{a, answer, key, moment, negative, response};
use super::*;
use crate::dns::RecordType;

const IDS: [u16; MAX_TRIES] = [100, 101, 102, 103, 104, 105, 106, 107];

/// An exchange for `www.example A` with this many upstreams, and the time.
struct Play {
    exchange: Exchange,
    now: Instant,
}

impl Play {
    fn new(upstreams: usize) -> Self {
        let now = moment();
        let key = key("www.example", RecordType::A);
        Self { exchange: Exchange::new(key, upstreams, Timing::default(), Caps::default(), IDS, now), now }
    }

    /// The query that is sent now, which must be this try to this upstream.
    #[track_caller]
    fn sends(&mut self, attempt: usize, upstream: usize, transport: Transport) -> Vec<u8> {
        let sent = self.exchange.poll_transmit(self.now).expect("nothing is sent");
        assert_eq!((sent.attempt, sent.upstream, sent.transport), (attempt, upstream, transport));
        assert_eq!(sent.query[..2], IDS[attempt].to_be_bytes());
        assert_eq!(self.exchange.poll_transmit(self.now), None);
        sent.query
    }

    fn hears(&mut self, attempt: usize, reply: &[u8]) -> Heard {
        self.exchange.handle_reply(self.now, attempt, reply)
    }

    /// Lets time pass until the exchange wants to know; tells how many milliseconds that was.
    #[track_caller]
    fn waits(&mut self) -> u128 {
        let until = self.exchange.poll_timeout().expect("it does not wait");
        let waited = until - self.now;
        self.now = until;
        self.exchange.handle_timeout(self.now);
        waited.as_millis()
    }

    #[track_caller]
    fn ends(&mut self, expect: Result<(), Failure>) {
        let outcome = self.exchange.poll_outcome().expect("it has not ended");
        assert_eq!(outcome.map(|_| ()), expect);
        assert_eq!((self.exchange.poll_transmit(self.now), self.exchange.poll_timeout()), (None, None));
    }
}

fn good(query: &[u8]) -> Vec<u8> {
    answer(query, [a("www.example", 30, 1)])
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
        forge(1, 99),                      // id
        forge(2, reply[2] & 0x7f),         // QR = 0
        forge(2, reply[2] | 0x28),         // opcode
        forge(5, 0),                       // no question
        forge(5, 2),                       // two
        forge(13, b'x'),                   // another name
        forge(26, 28),                     // another type
        forge(28, 3),                      // another class
        reply[..reply.len() - 1].to_vec(), // cut
        reply[..11].to_vec(),
        Vec::new(),
        query,
    ];
    for forged in &forgeries {
        assert_eq!(play.hears(0, forged), Heard::Ignored, "{forged:?}");
    }
    assert_eq!(play.exchange.tally().ignored as usize, forgeries.len());
    assert_eq!(play.hears(0, &reply), Heard::Settled);
    play.ends(Ok(()));
}

#[test]
fn case_matters_in_type_and_class() {
    let key = key("www.example", RecordType::HTTPS);
    let mut reply = response(&query::build(&key, 5)).to_vec().unwrap();
    assert!(is_reply(&key, 5, &reply));
    reply[26] |= 0x20;
    assert!(!is_reply(&key, 5, &reply));
}

#[test]
fn silence_turns_to_the_next_upstream_and_back_until_the_budget_ends() {
    let mut play = Play::new(2);
    for (attempt, upstream) in [(0, 0), (1, 1), (2, 0), (3, 1), (4, 0)] {
        play.sends(attempt, upstream, Transport::Udp);
        assert_eq!(play.waits(), 800);
    }
    play.ends(Err(Failure::Timeout));
    assert_eq!(play.exchange.tally(), Tally { udp: 5, timeouts: 5, ..Tally::default() });
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
    for rcode in [ResponseCode::ServFail, ResponseCode::Refused, ResponseCode::FormErr, ResponseCode::NotImp] {
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
    assert_eq!(play.waits(), 800);
    play.sends(2, 1, Transport::Udp);
    play.exchange.handle_unreachable(2);
    play.ends(Err(Failure::ServFail));

    Play::new(0).ends(Err(Failure::Unreachable));
}

#[test]
fn when_the_tries_are_used_up_the_last_failure_ends_it() {
    let mut play = Play::new(2);
    play.exchange.timing.try_timeout = Duration::from_millis(10);
    for attempt in 0..MAX_TRIES {
        play.sends(attempt, attempt % 2, Transport::Udp);
        assert_eq!(play.waits(), 10);
    }
    assert_eq!(play.exchange.poll_transmit(play.now), None);
    play.exchange.handle_unreachable(MAX_TRIES - 1);
    assert_eq!(play.exchange.poll_transmit(play.now), None);
    assert!(play.exchange.poll_outcome().is_none());
    play.exchange.handle_unreachable(0);
    play.ends(Err(Failure::Unreachable));
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
    assert_eq!(play.exchange.tally(), Tally { udp: 1, tcp: 1, ..Tally::default() });
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
