//! The CNAMEs of an entry one by one, for when they lead into our zone, and the rest of the answer is ours.

use hickory_proto::rr::Record;

use super::Entry;
use crate::dns::reply::Hop;
use crate::dns::{Body, BodyBuilder, DomainName, HEADER_LEN, Question, RecordType, name};

impl Entry {
    /// Hands out the CNAMEs that the answer to `question` begins with, in their order, if one of them leads to `origin` or
    /// below it; none if not. What signs them goes with them.
    pub fn with_hops<T>(&self, question: &Question<'_>, origin: &DomainName, take: impl FnOnce(&[Hop]) -> T) -> T {
        if !self.targets().any(|target| name::is_within(target, origin.as_wire())) {
            take(&[])
        } else if self.is_kept_ready(question.qtype) {
            take(self.hops.get_or_init(|| self.new_hops(question.qtype)))
        } else {
            take(&self.new_hops(question.qtype))
        }
    }

    /// What its CNAMEs lead to, one after the other.
    fn targets(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = &*self.targets;
        std::iter::from_fn(move || {
            let length = name::labels(rest).map(|label| label.len() + 1).sum::<usize>() + 1;
            let (target, behind) = rest.split_at_checked(length)?;
            rest = behind;
            Some(target)
        })
    }

    /// The CNAMEs; none if one of them cannot be read.
    fn new_hops(&self, qtype: RecordType) -> Box<[Hop]> {
        let asked = self.wire.get(HEADER_LEN..usize::from(self.question_end)).unwrap_or_default();
        let asked = asked.split_last_chunk::<4>().map_or(&[0][..], |(name, _)| name);
        let names: Vec<_> = std::iter::once(asked).chain(self.targets()).filter_map(DomainName::from_wire).collect();
        let decoded = self.decode(self.stored_at).answers;
        let records: Vec<_> = decoded
            .iter()
            .filter_map(|record| {
                let owner = DomainName::from_name(&record.name)?;
                Some((place(&names, &owner)?, owner, record))
            })
            .filter(|(_, _, record)| record.record_type() != qtype)
            .collect();
        let hop = |at: usize| {
            let here = records.iter().filter(|(place, ..)| *place == at).map(|(_, owner, record)| (owner, *record));
            Some(Hop { records: said_of(names.get(at)?, here)?, target: names.get(at + 1)?.clone() })
        };
        (0..names.len().saturating_sub(1)).map(hop).collect::<Option<_>>().unwrap_or_default()
    }
}

/// Which of the names a record goes with: its owner, or the first that is below it (a DNAME, RFC 6672).
fn place(names: &[DomainName], owner: &DomainName) -> Option<usize> {
    let is_owner = |name: &DomainName| name == owner;
    let is_below = |name: &DomainName| name::is_within(name.as_wire(), owner.as_wire());
    names.iter().position(is_owner).or_else(|| names.iter().position(is_below))
}

/// The CNAME of a name, and behind it the others of these records; `None` if there is no CNAME.
fn said_of<'r>(name: &DomainName, records: impl Iterator<Item = (&'r DomainName, &'r Record)> + Clone) -> Option<Body> {
    let is_cname = |record: &Record| record.record_type() == RecordType::CNAME;
    let (_, cname) = records.clone().find(|(_, record)| is_cname(record))?;
    let mut body = BodyBuilder::new(false);
    body.answer(cname.ttl, &cname.data);
    for (owner, record) in records.filter(|(_, record)| !is_cname(record)) {
        if owner == name {
            body.answer(record.ttl, &record.data);
        } else {
            body.answer_of(owner.clone(), record.ttl, &record.data);
        }
    }
    Some(body.build())
}

#[cfg(test)]
mod tests {
    use hickory_proto::rr::RData;
    use hickory_proto::rr::rdata::NULL;

    use super::*;
    use crate::dns::Name;
    use crate::forward::testing::{a, client_query, cname, key, moment, plain, response};
    use crate::forward::{Caps, query};

    /// A record that hickory does not read: a signature, or a DNAME.
    fn other(owner: &str, code: RecordType, rdata: &[u8]) -> Record {
        let data = RData::Unknown { code, rdata: NULL::with(rdata.to_vec()) };
        Record::from_rdata(Name::from_ascii(owner).unwrap(), 60, data)
    }

    #[test]
    fn each_cname_has_what_belongs_to_it() {
        let signature = |covered: u8| [&[0, covered, 13, 2][..], &[0; 14], b"\x07example\x00sig"].concat();
        let key = key("www.old.example", RecordType::A);
        let mut message = response(&query::build(&key, &query::question(&key), 7, true));
        message.add_answers([
            a("web.ecs.internal", 9, 1),
            other("web.ecs.internal", RecordType::RRSIG, &signature(1)),
            other("old.example", RecordType::from(39), b"\x03new\x07example\x00"),
            other("old.example", RecordType::RRSIG, &signature(39)),
            other("www.new.example", RecordType::RRSIG, &signature(5)),
            cname("www.new.example", 8, "web.ecs.internal."),
            cname("www.old.example", 7, "www.new.example."),
        ]);
        let entry = Entry::accept(&key, &message.to_vec().unwrap(), Caps::default(), moment()).unwrap();
        let asked = client_query("www.old.example", RecordType::A, None);
        let hops = |origin: &str| {
            let origin = DomainName::from_text(origin).unwrap();
            entry.with_hops(&plain(&asked), &origin, |hops| {
                let kinds =
                    |hop: &Hop| hop.records.answer_wires().map(|(ttl, kind, _)| (ttl, u16::from(kind))).collect();
                hops.iter().map(|hop| (hop.target.to_string(), kinds(hop))).collect::<Vec<(_, Vec<_>)>>()
            })
        };
        let first = ("www.new.example.".to_owned(), vec![(7, 5), (60, 39), (60, 46)]);
        let second = ("web.ecs.internal.".to_owned(), vec![(8, 5), (60, 46)]);
        assert_eq!(hops("ecs.internal"), [first.clone(), second.clone()]);
        assert_eq!(hops("new.example"), [first, second]);
        assert_eq!(hops("old.example"), [], "the name itself is no target");
        assert_eq!(hops("other"), []);
    }

    #[test]
    fn who_asks_for_a_cname_is_led_nowhere() {
        let key = key("www.example", RecordType::CNAME);
        let mut message = response(&query::build(&key, &query::question(&key), 7, true));
        message.add_answer(cname("www.example", 8, "web.ecs.internal."));
        let entry = Entry::accept(&key, &message.to_vec().unwrap(), Caps::default(), moment()).unwrap();
        let asked = client_query("www.example", RecordType::CNAME, None);
        let origin = DomainName::from_text("ecs.internal").unwrap();
        assert_eq!(entry.with_hops(&plain(&asked), &origin, <[Hop]>::len), 0);
    }
}
