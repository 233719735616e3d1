//! What a datagram or message from an upstream is to the try that it came for.

use std::sync::Arc;
use std::time::Instant;

use super::{Transport, Try};
use crate::dns::{Ede, HEADER_LEN};
use crate::forward::accept::Refusal;
use crate::forward::{Caps, Entry, Key, Reject};

/// Longest datagram that is taken, in bytes. We ask for 1232; some servers do not care.
pub const MAX_DATAGRAM: usize = 4096;

const FORMERR: u16 = 1;
const NOTIMP: u16 = 4;
const BADVERS: u16 = 16;

/// What it is.
pub(super) enum Judgement {
    /// Not a reply to our query.
    Foreign(Reject),
    /// The reply, but for the letters of the name.
    WrongCase,
    /// The reply did not fit into a datagram.
    Truncated,
    /// The upstream does not take EDNS.
    RefusesEdns,
    /// The upstream says an error.
    Error(Option<Arc<Ede>>),
    /// A reply with content that cannot be used.
    Useless(Reject),
    /// The answer.
    Answer(Entry),
}

/// Judges what has come for the try `to`, which asked for `key`.
pub(super) fn judge(key: &Key, to: &Try, bytes: &[u8], caps: Caps, now: Instant) -> Judgement {
    let is_datagram = to.transport == Transport::Udp;
    let Some(header) = bytes.first_chunk::<HEADER_LEN>() else {
        return Judgement::Foreign(Reject::Short);
    };
    if is_datagram && bytes.len() > MAX_DATAGRAM {
        return Judgement::Foreign(Reject::Oversized);
    }
    if header[..2] != to.id.to_be_bytes() {
        return Judgement::Foreign(Reject::WrongId);
    }
    if header[2] & 0xf8 != 0x80 {
        return Judgement::Foreign(Reject::NotAResponse);
    }
    let refuses = |code: u16| to.edns && matches!(code, FORMERR | NOTIMP | BADVERS);
    // A server that cannot read a query may not repeat its question.
    if header[4..10] == [0; 6] && refuses(u16::from(header[3] & 0x0f)) {
        return Judgement::RefusesEdns;
    }
    let (Some(echoed), [0, 1]) = (bytes.get(HEADER_LEN..HEADER_LEN + to.question.len()), &header[4..6]) else {
        return Judgement::Foreign(Reject::WrongQuestion);
    };
    if !is_same(echoed, &to.question) {
        return Judgement::Foreign(Reject::WrongQuestion);
    }
    if to.mixed && echoed != to.question {
        return Judgement::WrongCase;
    }
    if is_datagram && header[2] & 0x02 != 0 {
        return Judgement::Truncated;
    }
    match Entry::accept(key, bytes, caps, now) {
        Ok(entry) => Judgement::Answer(entry),
        // Forged or damaged: the true reply may still come (TuDoor).
        Err(Refusal::Unreadable) => Judgement::Foreign(Reject::Unreadable),
        Err(Refusal::CnameLoop) => Judgement::Useless(Reject::CnameLoop),
        Err(Refusal::Unrelated) => Judgement::Useless(Reject::Unrelated),
        Err(Refusal::Referral) => Judgement::Useless(Reject::Referral),
        Err(Refusal::Rcode { code, .. }) if refuses(code) => Judgement::RefusesEdns,
        Err(Refusal::Rcode { ede, .. }) => Judgement::Error(ede),
    }
}

/// Whether two questions are the same: the name in whatever case, type and class.
fn is_same(echoed: &[u8], asked: &[u8]) -> bool {
    match (echoed.split_last_chunk::<4>(), asked.split_last_chunk::<4>()) {
        (Some((name, rest)), Some((asked, kind))) => name.eq_ignore_ascii_case(asked) && rest == kind,
        _ => false,
    }
}
