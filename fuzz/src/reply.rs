//! What must hold of a reply, whatever the query was.

use ecs_resolver::dns::{Parsed, Precheck, Question, TCP_LIMIT, UDP_EDNS_LIMIT, precheck};
use hickory_proto::op::Message;

const HEADER: usize = 12;
const TYPE_OPT: u16 = 41;

/// Whether hickory is to read the reply, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// All of it is ours.
    Ours,
    /// An upstream's record data is passed on unread, so it may be anything.
    Foreign,
}

/// Holds `reply` against the `query` that it was given to.
///
/// # Panics
/// When it is no reply to that query, is longer than the client takes, or does not add up.
pub fn check(query: &[u8], reply: &[u8], tcp: bool, content: Content) {
    if let Err(fault) = judge(query, reply, tcp) {
        panic!("{fault}: {reply:02x?} to {query:02x?}");
    }
    if content == Content::Ours {
        Message::from_vec(reply).expect("hickory reads the reply");
    }
}

/// Why `reply` is no reply to `query`, if it is none.
///
/// # Errors
/// What is wrong.
pub fn judge(query: &[u8], reply: &[u8], tcp: bool) -> Result<(), &'static str> {
    let holds = |holds: bool, fault| if holds { Ok(()) } else { Err(fault) };
    holds(reply.len() >= HEADER && query.len() >= HEADER, "there is no header")?;
    holds(reply[..2] == query[..2], "another id")?;
    holds(query[2] & 0x80 == 0, "a reply to a response")?;
    holds(reply[2] & 0xf9 == 0x80 | (query[2] & 0x79), "QR, opcode or RD is wrong")?;
    holds(reply[3] & 0x40 == 0, "the Z bit is set")?;
    let records = walk(reply).ok_or("its sections do not end where it ends")?;
    let question = match precheck(query) {
        Precheck::Pass => Question::parse(query),
        Precheck::Drop | Precheck::FormErr(_) => Parsed::Malformed,
    };
    let limit = match question {
        Parsed::Plain(question) => {
            holds(reply[HEADER..].starts_with(question.wire()), "the question is not echoed")?;
            holds(records.opts == usize::from(question.edns.is_some()), "an OPT for no OPT, or none for one")?;
            question.limit(tcp)
        }
        Parsed::Unusual | Parsed::Malformed => {
            let asked = query.get(HEADER..records.question_end).unwrap_or_default();
            let echoed = records.questions == 0 || reply[HEADER..records.question_end].eq_ignore_ascii_case(asked);
            holds(echoed, "another question")?;
            holds(records.questions == 1 || reply[3] & 0x0f != 0, "NOERROR without a question")?;
            holds(records.opts <= 1, "more than one OPT")?;
            if tcp { TCP_LIMIT } else { UDP_EDNS_LIMIT }
        }
    };
    holds(reply.len() <= limit, "longer than the client takes")
}

/// What a walk over the records has found.
struct Records {
    questions: u16,
    question_end: usize,
    opts: usize,
}

/// Walks over all sections. `None` if they do not end where the message ends.
fn walk(reply: &[u8]) -> Option<Records> {
    let number = |at: usize| reply.get(at..)?.first_chunk::<2>().map(|bytes| u16::from_be_bytes(*bytes));
    let questions = number(4)?;
    let mut at = HEADER;
    for _ in 0..questions {
        at = skip_name(reply, at)? + 4;
    }
    let (question_end, mut opts) = (at, 0);
    for _ in 0..usize::from(number(6)?) + usize::from(number(8)?) + usize::from(number(10)?) {
        let fixed = skip_name(reply, at)?;
        opts += usize::from(number(fixed)? == TYPE_OPT);
        at = fixed + 10 + usize::from(number(fixed + 8)?);
    }
    (at == reply.len() && questions <= 1).then_some(Records { questions, question_end, opts })
}

fn skip_name(reply: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *reply.get(at)? {
            0 => return Some(at + 1),
            length @ 1..=63 => at += usize::from(length) + 1,
            192.. => return Some(at + 2),
            64..192 => return None,
        }
    }
}
