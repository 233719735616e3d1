//! How we know our own records again, in the manner of ExternalDNS: beside each name that we register stands a TXT
//! record at `_ecs-resolver.<name>` that says whose it is.
//!
//! Its text is `heritage=ecs-resolver,version=1,owner=<cluster ARN>,service=<name>,record=<type>`, and `,task=<id>` for
//! the name of a single task; where it is longer than 255 bytes, it goes on in a further string of the same record. The
//! owner is the ARN of the cluster, with account and region, because one private zone serves several of them. The
//! record type says which of the record sets of the name are ours: all others of that name are not.

use std::sync::Arc;

use super::record::{Kind, simple, values};
use crate::dns::{DomainName, RecordType};
use crate::ecs::ClusterArn;
use crate::inventory::ServiceKey;
use crate::route53::{RecordSet, Routing};

/// The label in front of a registered name.
pub const LABEL: &str = "_ecs-resolver";

/// TTL of ownership records, in seconds. Nobody resolves them.
pub const TTL: u32 = 300;

/// Longest string within a TXT record (RFC 1035 3.3.14).
const MAX_STRING: usize = 255;

const HERITAGE: &str = "heritage=ecs-resolver";
const VERSION: &str = "1";

/// Whose a registered name is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ownership {
    /// The service that it is registered for.
    pub service: ServiceKey,
    /// The task, if the name is that of a single one.
    pub task: Option<Arc<str>>,
    /// The type of the record sets that are ours.
    pub kind: Kind,
}

impl Ownership {
    /// Where the ownership record of `name` stands; `None` if that would be too long for a name.
    #[must_use]
    pub fn name_of(name: &DomainName) -> Option<DomainName> {
        DomainName::join([LABEL], name)
    }

    /// The name that the ownership record at `name` would speak of.
    #[must_use]
    pub fn subject_of(name: &DomainName) -> Option<DomainName> {
        name.labels().next().filter(|label| *label == LABEL.as_bytes()).and_then(|_| name.parent())
    }

    /// The ownership record of `name`; `None` if its name would be too long.
    #[must_use]
    pub fn record(&self, name: &DomainName) -> Option<RecordSet> {
        let owner = Self::name_of(name)?;
        Some(simple(&owner, RecordType::TXT, TTL, vec![quoted(&self.text())]))
    }

    /// Reads an ownership record; `None` if it is not one of ours.
    #[must_use]
    pub fn read(listed: &[RecordSet]) -> Option<(Self, &RecordSet)> {
        let [set] = listed else { return None };
        let (_, [value]) = values(set)? else { return None };
        let text = unquoted(value).filter(|_| set.kind == RecordType::TXT && set.routing == Routing::Simple)?;
        Some((Self::parse(&text)?, set))
    }

    fn text(&self) -> String {
        let Self { service: ServiceKey { cluster, name }, task, kind } = self;
        let task = task.as_ref().map(|task| format!(",task={task}")).unwrap_or_default();
        format!("{HERITAGE},version={VERSION},owner={cluster},service={name},record={}{task}", kind.label())
    }

    fn parse(text: &str) -> Option<Self> {
        let mut facts = text.strip_prefix(HERITAGE)?.strip_prefix(',')?.split(',').map(|fact| fact.split_once('='));
        let mut next = |wanted: &str| match facts.next() {
            Some(Some((key, value))) if key == wanted && !value.is_empty() => Some(value),
            _ => None,
        };
        next("version").filter(|version| *version == VERSION)?;
        let cluster = ClusterArn::parse(next("owner")?).ok()?;
        let service = ServiceKey::new(&cluster, next("service")?);
        let kind = Kind::from_label(next("record")?)?;
        // A later version may say more; what it says more than this is not for us to understand.
        let task = next("task").map(Arc::from);
        Some(Self { service, task, kind })
    }
}

/// A TXT value as Route 53 writes it: quoted strings of at most 255 bytes.
fn quoted(text: &str) -> String {
    let strings = text.as_bytes().chunks(MAX_STRING).map(|part| format!("\"{}\"", String::from_utf8_lossy(part)));
    strings.collect::<Vec<_>>().join(" ")
}

/// The strings of a TXT value, joined; `None` if it is written in a way that we do not write.
fn unquoted(value: &str) -> Option<String> {
    if value.contains('\\') {
        return None;
    }
    let parts: Vec<&str> = value.split('"').collect();
    let outside = parts.iter().step_by(2).all(|part| part.trim().is_empty());
    (parts.len() >= 3 && parts.len() % 2 == 1 && outside)
        .then(|| parts.iter().skip(1).step_by(2).copied().collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ownership(cluster: &str, name: &str) -> Ownership {
        let cluster = ClusterArn::parse(&format!("arn:aws:ecs:us-east-1:123456789012:cluster/{cluster}")).unwrap();
        Ownership { service: ServiceKey::new(&cluster, name), task: None, kind: Kind::Cname }
    }

    fn back(ownership: &Ownership) -> Option<Ownership> {
        let name = DomainName::from_text("web.ecs.internal").unwrap();
        let record = ownership.record(&name).unwrap();
        assert_eq!(Ownership::subject_of(&record.name), Some(name));
        assert!(values(&record).unwrap().1[0].split('"').all(|part| part.len() <= 255), "{record:?}");
        Ownership::read(&[record]).map(|(read, _)| read)
    }

    #[test]
    fn what_is_written_is_read_back() {
        let mut one = ownership("prod", "TwitchApp");
        let record = one.record(&DomainName::from_text("twitchapp.ecs.internal").unwrap()).unwrap();
        assert_eq!(
            values(&record).unwrap().1,
            ["\"heritage=ecs-resolver,version=1,owner=arn:aws:ecs:us-east-1:123456789012:cluster/prod,\
              service=TwitchApp,record=CNAME\""]
        );
        assert_eq!(back(&one), Some(one.clone()));
        one.task = Some("0123".into());
        one.kind = Kind::A;
        assert_eq!(back(&one), Some(one));
        let long = ownership(&"c".repeat(255), &"s".repeat(255));
        assert_eq!(back(&long), Some(long));
    }

    #[test]
    fn what_others_write_is_not_ours() {
        let name = DomainName::from_text("_ecs-resolver.web.ecs.internal").unwrap();
        let read = |kind, values: &[&str]| {
            let values = values.iter().map(|value| (*value).to_owned()).collect();
            Ownership::read(&[simple(&name, kind, 300, values)]).is_some()
        };
        let ours = quoted(&ownership("prod", "web").text());
        assert!(read(RecordType::TXT, &[&ours]));
        assert!(!read(RecordType::TXT, &[&ours, &ours]) && !read(RecordType::A, &[&ours]));
        for other in [
            "\"heritage=external-dns,external-dns/owner=default\"",
            "\"heritage=ecs-resolver\"",
            "heritage=ecs-resolver",
            "\"",
            "",
            &ours.replace("version=1", "version=2"),
            &ours.replace("CNAME", "MX"),
            &ours.replace("arn:aws", "arn"),
            &ours.replace("web", "w\\145b"),
        ] {
            assert!(!read(RecordType::TXT, &[other]), "{other}");
        }
        let weighted = RecordSet { routing: Routing::Weighted(1), ..simple(&name, RecordType::TXT, 300, vec![ours]) };
        assert_eq!(Ownership::read(&[weighted]), None);
    }
}
