//! The queries that there are to draw from, and what became of those that were sent.

use std::fmt;
use std::time::{Duration, Instant};

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query as Asked};
use hickory_proto::rr::{Name, RecordType};

/// The time.
pub fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Octets of a header.
const HEADER: usize = 12;
/// Octets of the OPT record at the end of our queries.
const OPT: usize = 11;
/// Times that there is memory for from the beginning.
const TIMES: usize = 1 << 22;

/// A query in wire form, its ID 0.
#[derive(Debug)]
pub struct Query(pub Vec<u8>);

impl Query {
    /// The query of a line, `NAME TYPE`: EDNS, RD.
    ///
    /// # Panics
    ///
    /// When the line is not of that form.
    pub fn of(line: &str) -> Self {
        let (name, qtype) = line.split_once(' ').expect("a line is NAME TYPE");
        let mut message = Message::new(0, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = true;
        let name = Name::from_ascii(name.trim_end_matches('.').to_owned() + ".").expect("a name");
        message.add_query(Asked::query(name, qtype.trim().parse::<RecordType>().expect("a type")));
        let mut edns = Edns::new();
        edns.set_max_payload(1232);
        message.set_edns(edns);
        Self(message.to_vec().expect("a query"))
    }

    /// Whether a message is a reply to it: to the very question.
    fn is_answered_by(&self, reply: &[u8]) -> bool {
        let question = self.0.get(HEADER..self.0.len() - OPT);
        reply.len() >= HEADER && reply[2] & 0x80 != 0 && reply.get(HEADER..self.0.len() - OPT) == question
    }
}

/// A query that was sent: when, and which.
#[derive(Debug, Clone, Copy)]
pub struct Sent {
    /// When it was sent, or was to be sent.
    pub at: Instant,
    /// Its place among the queries.
    pub which: usize,
}

/// What became of the queries.
#[derive(Debug)]
pub struct Tally<'q> {
    pub queries: &'q [Query],
    random: fastrand::Rng,
    /// Nanoseconds that each answer took.
    took: Vec<u32>,
    pub lost: u64,
    /// Replies to other questions, or none of ours.
    pub bad: u64,
    truncated: u64,
    bytes: u64,
    /// By response code.
    rcodes: [u64; 16],
}

impl<'q> Tally<'q> {
    /// Draws from `queries`, the same with the same `seed`.
    pub fn of(queries: &'q [Query], seed: u64) -> Self {
        Self {
            queries,
            random: fastrand::Rng::with_seed(seed),
            took: Vec::with_capacity(TIMES),
            lost: 0,
            bad: 0,
            truncated: 0,
            bytes: 0,
            rcodes: [0; 16],
        }
    }

    /// The place of a query, at random.
    pub fn draw(&mut self) -> usize {
        self.random.usize(..self.queries.len())
    }

    /// Notes the reply to a query.
    pub fn answered(&mut self, sent: Sent, reply: &[u8], now: Instant) {
        if !self.queries[sent.which].is_answered_by(reply) {
            self.bad += 1;
            return;
        }
        let took = now.saturating_duration_since(sent.at);
        self.took.push(u32::try_from(took.as_nanos()).unwrap_or(u32::MAX));
        self.rcodes[usize::from(reply[3] & 0x0f)] += 1;
        self.truncated += u64::from(reply[2] & 0x02 != 0);
        self.bytes += reply.len() as u64;
    }

    /// The end of it, after `length`.
    pub fn report(mut self, length: Duration) -> Report {
        self.took.sort_unstable();
        let count = self.took.len();
        let at = |part: usize| {
            let place = (count * part / 1_000).min(count.saturating_sub(1));
            Duration::from_nanos(self.took.get(place).copied().unwrap_or_default().into())
        };
        let (p50, p99, p999, most) = (at(500), at(990), at(999), at(1_000));
        Report {
            answered: count as u64,
            rate: count as f64 / length.as_secs_f64(),
            lost: self.lost,
            bad: self.bad,
            truncated: self.truncated,
            bytes: self.bytes as f64 / count.max(1) as f64,
            rcodes: self.rcodes,
            took: [p50, p99, p999, most],
        }
    }
}

/// What is printed.
#[derive(Debug)]
pub struct Report {
    answered: u64,
    /// Answers a second.
    pub rate: f64,
    pub lost: u64,
    bad: u64,
    truncated: u64,
    /// Mean size of a reply.
    bytes: f64,
    rcodes: [u64; 16],
    /// Percentiles 50, 99 and 99.9 of the time that an answer took, and the longest.
    pub took: [Duration; 4],
}

impl Report {
    /// One line of JSON; times are in µs.
    pub fn json(&self) -> String {
        let [p50, p99, p999, most] = self.took.map(|took| took.as_nanos() as f64 / 1e3);
        serde_json::json!({
            "answered": self.answered, "rate": self.rate.round(), "lost": self.lost, "bad": self.bad,
            "truncated": self.truncated, "bytes": self.bytes.round(), "noerror": self.rcodes[0],
            "servfail": self.rcodes[2], "nxdomain": self.rcodes[3], "refused": self.rcodes[5],
            "p50": p50, "p99": p99, "p999": p999, "max": most,
        })
        .to_string()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [p50, p99, p999, _] = self.took;
        write!(to, "{:.0} queries/s, {} lost, p50 {p50:?}, p99 {p99:?}, p99.9 {p999:?}", self.rate, self.lost)?;
        if self.bad > 0 { write!(to, ", {} replies to something else", self.bad) } else { Ok(()) }
    }
}
