//! A record set as the API takes and gives it.

use std::fmt;

/// One record set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordSet {
    /// As the API writes it: lower case, odd octets octal, with the final dot.
    pub name: String,
    /// `A`, `CNAME`, …
    pub kind: String,
    /// What it says.
    pub content: Content,
    /// Tells sets of one name and type apart.
    pub set_identifier: Option<String>,
    /// The elements of its routing policy and health check, in the order of the schema: `Weight`, `Region`,
    /// `Failover`, `MultiValueAnswer`, `HealthCheckId`.
    pub policy: Vec<(&'static str, String)>,
}

/// What a record set says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// TTL and values.
    Values(u32, Vec<String>),
    /// Another name.
    Alias(Alias),
}

/// The target of an alias.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// Its hosted zone.
    pub zone: String,
    /// Its name.
    pub name: String,
    /// Whether its health counts.
    pub evaluates_health: bool,
}

impl RecordSet {
    /// A simple record set.
    pub fn simple(name: &str, kind: &str, ttl: u32, values: &[&str]) -> Self {
        Self {
            name: canonical(name),
            kind: kind.to_owned(),
            content: Content::Values(ttl, values.iter().map(|value| (*value).to_owned()).collect()),
            set_identifier: None,
            policy: Vec::new(),
        }
    }

    /// What its place in the zone is ordered by: labels from the right, then type and identifier.
    pub fn order(&self) -> (Vec<String>, String, String) {
        position(&self.name, &self.kind, self.set_identifier.as_deref().unwrap_or_default())
    }

    /// Whether the two cannot both be there.
    pub fn same_place(&self, other: &Self) -> bool {
        (&self.name, &self.kind, &self.set_identifier) == (&other.name, &other.kind, &other.set_identifier)
    }
}

impl fmt::Display for RecordSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.content {
            Content::Values(ttl, values) => write!(f, "{} {ttl} {} {}", self.name, self.kind, values.join(" ")),
            Content::Alias(alias) => write!(f, "{} ALIAS {} {}", self.name, self.kind, alias.name),
        }
    }
}

/// What a place in a zone is ordered by.
pub fn position(name: &str, kind: &str, identifier: &str) -> (Vec<String>, String, String) {
    let labels = canonical(name).trim_end_matches('.').split('.').rev().map(str::to_owned).collect();
    (labels, kind.to_owned(), identifier.to_owned())
}

/// A name as the API writes it.
pub fn canonical(name: &str) -> String {
    let mut out = String::new();
    for c in name.trim_end_matches('.').to_ascii_lowercase().chars() {
        match c {
            'a'..='z' | '0'..='9' | '-' | '_' | '.' | '\\' => out.push(c),
            odd => out.push_str(&format!("\\{:03o}", u32::from(odd))),
        }
    }
    out + "."
}
