//! What a client is told that gets no answer, if anything.

use super::{Verdict, write_error};
use crate::access::Admission;
use crate::dns::reply::{self, Notice};
use crate::dns::{Question, Rcode, ReplyCookie};
use crate::metrics::{Counters, Dropped, Source, TurnedAway};

/// Turns a plain question away.
pub(super) fn question(question: &Question<'_>, how: Admission, counters: &Counters, out: &mut Vec<u8>) -> Verdict {
    let (notice, cookie, told) = match how {
        Admission::BadCookie(cookie) => (Notice::BadCookie, Some(cookie), TurnedAway::BadCookie),
        Admission::Refuse => (Notice::Prohibited, None, TurnedAway::Refused),
        Admission::Deny => return Verdict::Drop(Dropped::Denied),
        Admission::Drop => return Verdict::Drop(Dropped::Rate),
        Admission::Answer(_) | Admission::Truncate => (Notice::Truncated, None, TurnedAway::Truncated),
    };
    counters.turned_away(told);
    reply::write_notice(out, question, notice, cookie.as_ref());
    Verdict::Reply(Source::Error)
}

/// Says that there is no answer because of a fault of ours.
pub(super) fn at_fault(question: &Question<'_>, cookie: Option<&ReplyCookie>, out: &mut Vec<u8>) -> Source {
    reply::write_notice(out, question, Notice::Fault, cookie);
    Source::Error
}

/// Turns away what is no plain question: by a header alone.
pub(super) fn unread(message: &[u8], how: Admission, counters: &Counters, out: &mut Vec<u8>) -> Verdict {
    let (rcode, told) = match how {
        Admission::Deny => return Verdict::Drop(Dropped::Denied),
        Admission::Drop => return Verdict::Drop(Dropped::Rate),
        Admission::Refuse => (Rcode::Refused, TurnedAway::Refused),
        Admission::Answer(_) | Admission::Truncate | Admission::BadCookie(_) => (Rcode::NoError, TurnedAway::Truncated),
    };
    counters.turned_away(told);
    write_error(message, rcode, out);
    if told == TurnedAway::Truncated
        && let Some(flags) = out.get_mut(2)
    {
        *flags |= 0x02;
    }
    Verdict::Reply(Source::Error)
}
