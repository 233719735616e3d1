//! `[records]`: names that the configuration itself answers.
//!
//! A text is an IP address, or a record as in a master file, without its name and class and in front, if wanted, its
//! TTL: `TXT "a b"`, `300 SRV 10 5 8080 y.ecs.internal.`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Serialize, Serializer};

use super::file::Texts;
use crate::dns::presentation::{self, Escapes};
use crate::dns::{DomainName, RecordType, name};
use crate::route53::{Content, RecordSet, Routing};

/// Longest TTL, in seconds: a day.
const MAX_TTL: u32 = 86_400;

/// Types whose data ends with a name.
const POINTERS: [RecordType; 4] = [RecordType::CNAME, RecordType::PTR, RecordType::MX, RecordType::SRV];

/// The records of the configuration, sound by themselves: every value can be read, and a CNAME stands alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Records(pub Vec<RecordSet>);

impl Records {
    /// Those below `zone`, and those outside of it.
    #[must_use]
    pub fn split(&self, zone: &DomainName) -> (Vec<RecordSet>, Vec<RecordSet>) {
        self.0.iter().cloned().partition(|set| name::is_within(set.name.as_wire(), zone.as_wire()))
    }

    /// The circles that CNAMEs go in, each once, from the name that comes first in it.
    #[must_use]
    pub fn circles(&self) -> Vec<Vec<DomainName>> {
        let targets: BTreeMap<&DomainName, DomainName> = self.0.iter().filter_map(alias).collect();
        let around = |first: &DomainName| {
            let mut way = vec![first.clone()];
            while let Some(next) = targets.get(way.last()?) {
                if next == first {
                    return Some(way);
                }
                // A circle that this name only leads into is told of its own names, and so is each from its first one.
                if way.contains(next) || next < first {
                    return None;
                }
                way.push(next.clone());
            }
            None
        };
        targets.keys().filter_map(|name| around(name)).collect()
    }
}

impl Serialize for Records {
    /// As the file has them, with the TTL in front.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for set in &self.0 {
            let Content::Values { ttl, values } = &set.content else { continue };
            let kind = presentation::type_name(set.kind);
            let texts = names.entry(set.name.to_string().trim_end_matches('.').to_owned()).or_default();
            texts.extend(values.iter().map(|value| format!("{ttl} {kind} {value}")));
        }
        names.serialize(serializer)
    }
}

/// What is wrong with a name or with one of its texts (by its place).
pub(super) type Wrong = (Option<usize>, String);

/// Reads the texts of one name; records without a TTL of their own get `ttl`.
pub(super) fn of_name(name: &DomainName, texts: &Texts, ttl: u32) -> Result<Vec<RecordSet>, Vec<Wrong>> {
    let mut wrong = Vec::new();
    let mut sets: BTreeMap<u16, (RecordType, u32, Vec<String>)> = BTreeMap::new();
    if texts.0.is_empty() {
        wrong.push((None, "no record is given".to_owned()));
    }
    for (at, text) in texts.0.iter().enumerate() {
        let mut read = || -> Result<(), String> {
            let (own_ttl, kind, value) = record(text)?;
            let ttl = own_ttl.unwrap_or(ttl);
            let set = sets.entry(kind.into()).or_insert_with(|| (kind, ttl, Vec::new()));
            if set.1 != ttl {
                return Err(format!("records of one type have one TTL: {} or {ttl}", set.1));
            }
            if set.2.contains(&value) {
                return Err(format!("`{text}` is listed twice"));
            }
            set.2.push(value);
            Ok(())
        };
        wrong.extend(read().err().map(|what| (Some(at), what)));
    }
    if let Some((.., values)) = sets.get(&RecordType::CNAME.into())
        && (sets.len() > 1 || values.len() > 1)
    {
        wrong.push((None, "a CNAME cannot stand beside other records".to_owned()));
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let set = |(kind, ttl, values)| RecordSet {
        name: name.clone(),
        kind,
        content: Content::Values { ttl, values },
        routing: Routing::Simple,
        set_identifier: None,
        health_check: None,
    };
    Ok(sets.into_values().map(set).collect())
}

/// Name and target of a CNAME.
fn alias(set: &RecordSet) -> Option<(&DomainName, DomainName)> {
    let Content::Values { values, .. } = &set.content else { return None };
    let value = values.first().filter(|_| set.kind == RecordType::CNAME)?;
    Some((&set.name, presentation::name(value, Escapes::Decimal)?))
}

/// TTL, type and data of a text.
fn record(text: &str) -> Result<(Option<u32>, RecordType, String), String> {
    let whole = text.trim();
    if let Ok(address) = whole.parse::<IpAddr>() {
        return Ok((None, if address.is_ipv4() { RecordType::A } else { RecordType::AAAA }, address.to_string()));
    }
    let (first, after) = whole.split_once(char::is_whitespace).unwrap_or((whole, ""));
    let (ttl, rest) = match first.parse::<u32>() {
        Ok(ttl) if ttl <= MAX_TTL => (Some(ttl), after.trim_start()),
        Ok(ttl) => return Err(format!("a TTL of {ttl} seconds is more than a day")),
        Err(_) => (None, whole),
    };
    let (kind, data) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let kind = presentation::record_type(&kind.to_ascii_uppercase())
        .ok_or_else(|| format!("`{text}` is neither an IP address nor a record"))?;
    if matches!(kind, RecordType::SOA | RecordType::NS | RecordType::DS) {
        return Err(format!("a record of type {kind} cannot be here"));
    }
    presentation::rdata(kind, data, Escapes::Decimal).map_err(|what| format!("`{text}`: {what}"))?;
    // In a master file it would be below the zone.
    let target = data.split_whitespace().next_back().filter(|_| POINTERS.contains(&kind));
    if let Some(target) = target.filter(|target| !target.contains('.')) {
        return Err(format!(
            "`{text}`: names are whole here, and `{target}` has no dot; a top-level domain has one at its end"
        ));
    }
    Ok((ttl, kind, data.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(texts: &[&str]) -> Result<Vec<RecordSet>, Vec<Wrong>> {
        let texts = Texts(texts.iter().map(|text| (*text).to_owned()).collect());
        of_name(&DomainName::from_text("x.ecs.internal").unwrap(), &texts, 5)
    }

    #[test]
    fn addresses_and_typed_records_are_read() {
        let sets =
            read(&["10.0.0.7", "10.0.0.8", "fd00::1", "300 TXT \"a b\"", "srv 10 5 8080 y.ecs.internal."]).unwrap();
        let shown = serde_json::to_string(&Records(sets)).unwrap();
        let want = r#"{"x.ecs.internal":["5 A 10.0.0.7","5 A 10.0.0.8","300 TXT \"a b\"","5 AAAA fd00::1","5 SRV 10 5 8080 y.ecs.internal."]}"#;
        assert_eq!(shown, want);
    }

    #[test]
    fn what_is_wrong_is_told_by_its_place() {
        let wrong =
            read(&["10.0.0", "A 10.0.0.1", "30 A 10.0.0.2", "A 10.0.0.1", "SOA x", "99999 A 1.2.3.4"]).unwrap_err();
        let told: Vec<_> = wrong.iter().map(|(at, what)| format!("{}: {what}", at.unwrap())).collect();
        assert_eq!(
            told,
            [
                "0: `10.0.0` is neither an IP address nor a record",
                "2: records of one type have one TTL: 5 or 30",
                "3: `A 10.0.0.1` is listed twice",
                "4: a record of type SOA cannot be here",
                "5: a TTL of 99999 seconds is more than a day",
            ]
        );
        let alone = |texts: &[&str]| read(texts).unwrap_err()[0].1.clone();
        assert_eq!(alone(&["CNAME a.", "A 10.0.0.1"]), "a CNAME cannot stand beside other records");
        assert_eq!(alone(&["CNAME a.", "CNAME b."]), "a CNAME cannot stand beside other records");
        assert_eq!(alone(&[]), "no record is given");
        assert!(alone(&["CNAME target"]).ends_with("`target` has no dot; a top-level domain has one at its end"));
        assert!(read(&["CNAME target."]).is_ok() && read(&["CNAME target.example"]).is_ok());
        assert_eq!(alone(&["MX mail."]), "`MX mail.`: `mail.` is not a number up to 65535");
    }
}
