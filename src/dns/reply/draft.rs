//! A reply while it is written: header and question, one section after the other under the size limit, the OPT.

use super::alias::Alias;
use super::answers::{Answers, Places, write_glue};
use super::{Remarks, ReplyContext, opt_len, write_opt};
use crate::dns::{Body, DomainName, Question, Rcode, TCP_LIMIT};

/// A reply that is being written. Once something has no room that belongs to the answer, TC is set, and nothing follows
/// but the OPT.
pub(super) struct Draft<'o, 'r> {
    out: &'o mut Vec<u8>,
    question: &'r Question<'r>,
    context: &'r ReplyContext<'r>,
    /// What the OPT is to say; nothing if there is none.
    remarks: Remarks<'r>,
    /// Where the records must end, so that the OPT has room. An extended error takes no room from them: it must not be
    /// what truncates a reply (RFC 8914 3).
    limit: usize,
    places: Places,
    /// Whether everything had room that belongs to the answer.
    complete: bool,
    /// Answers, records of AUTHORITY, records of ADDITIONAL.
    counts: [u16; 3],
}

impl<'o, 'r> Draft<'o, 'r> {
    /// Writes header and question into `out`, which is cleared first.
    pub(super) fn begin(
        out: &'o mut Vec<u8>,
        question: &'r Question<'r>,
        (authoritative, rcode): (bool, Rcode),
        remarks: Remarks<'r>,
        context: &'r ReplyContext<'r>,
    ) -> Self {
        let id = question.id.to_be_bytes();
        let flags = 0x80 | u8::from(authoritative) << 2 | u8::from(question.recursion_desired);
        let more = 0x80 | u8::from(question.checking_disabled) << 4 | rcode.code();
        out.clear();
        out.extend_from_slice(&[id[0], id[1], flags, more, 0, 1, 0, 0, 0, 0, 0, 0]);
        out.extend_from_slice(question.wire());
        let (opt_len, remarks) = match question.edns {
            Some(_) => (opt_len(Remarks::default(), context.cookie.as_ref()), remarks),
            None => (0, Remarks::default()),
        };
        let limit = context.limit.min(TCP_LIMIT).saturating_sub(opt_len);
        Self { out, question, context, remarks, limit, places: Places::default(), complete: true, counts: [0; 3] }
    }

    /// Writes the aliases, and behind them what `write` does, which says whether all of it had room.
    pub(super) fn answers(&mut self, aliases: &[Alias<'_>], write: impl FnOnce(&mut Answers<'_, '_>) -> bool) {
        let mut answers = Answers::new(self.out, aliases, self.limit, &mut self.places);
        self.complete = answers.aliases() && write(&mut answers);
        self.counts[0] = answers.written;
    }

    /// Writes the SOA of our zone.
    pub(super) fn soa(&mut self) {
        let Self { question, context, limit, .. } = *self;
        self.authority(|out| context.soa.write(question, limit, out));
    }

    /// Writes the SOA of another zone: its owner, and the record behind it as `write` does.
    pub(super) fn foreign_soa(
        &mut self,
        (owner, record): (&DomainName, &[u8]),
        write: impl FnOnce(&mut Vec<u8>, &[u8]),
    ) {
        let (owner, limit) = (owner.as_wire(), self.limit);
        self.authority(|out| {
            let fits = out.len() + owner.len() + record.len() <= limit;
            if fits {
                out.extend_from_slice(owner);
                write(out, record);
            }
            fits
        });
    }

    /// A "no" without its SOA can be kept by nobody (RFC 2308 5), so this belongs to the answer.
    fn authority(&mut self, write: impl FnOnce(&mut Vec<u8>) -> bool) {
        if self.complete {
            self.complete = write(self.out);
            self.counts[1] += u16::from(self.complete);
        }
    }

    /// Writes addresses of what the answers of `body` point to, which are behind so many aliases: as many as fit. They are
    /// a kindness (RFC 2181 9), and a remark is asked for.
    pub(super) fn glue(&mut self, body: &Body, aliases: usize) {
        if self.complete {
            let room = self.limit - self.remarks_that_fit().len();
            self.counts[2] = write_glue(self.out, body, room, (&self.places, aliases));
        }
    }

    fn remarks_that_fit(&self) -> Remarks<'r> {
        self.remarks.fitting(self.limit.saturating_sub(self.out.len()))
    }

    /// Writes the OPT if the query had one, and into the header what is known now.
    pub(super) fn end(mut self) {
        if !self.complete {
            self.out[2] |= 0x02;
        }
        if let Some(edns) = self.question.edns {
            let remarks = self.remarks_that_fit();
            write_opt(self.out, edns.dnssec_ok, remarks, self.context.cookie.as_ref());
            self.counts[2] += 1;
        }
        for (place, count) in [6, 8, 10].into_iter().zip(self.counts) {
            self.out[place..place + 2].copy_from_slice(&count.to_be_bytes());
        }
    }
}
