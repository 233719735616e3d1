//! The words of Route 53: hosted zones, and record sets as `ListResourceRecordSets` lists them.
//!
//! Values stay the text that Route 53 gave: a change that deletes a record set has to repeat it exactly. What the text
//! means on the wire is [`presentation`](crate::dns::presentation)'s business.

pub mod choose;
pub mod name;

use std::fmt;
use std::sync::Arc;

use crate::dns::{DomainName, RecordType};

/// Id of a hosted zone, without the `/hostedzone/` that the API puts before it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostedZoneId(Arc<str>);

impl HostedZoneId {
    /// The id in `text`, which may have `/hostedzone/` in front.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.strip_prefix("/hostedzone/").unwrap_or(text).into())
    }

    /// The bare id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostedZoneId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A hosted zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostedZone {
    /// Its id.
    pub id: HostedZoneId,
    /// Its name.
    pub name: DomainName,
    /// Whether only VPCs see it.
    pub private: bool,
    /// Record sets in it, as far as the API says.
    pub record_sets: Option<u64>,
    /// The service that it belongs to, as a principal (`servicediscovery.amazonaws.com`: Cloud Map). Only that service
    /// may change it.
    pub owned_by: Option<String>,
    /// Ids of the VPCs that see it. Known only where the zone was asked for by its id.
    pub vpcs: Vec<String>,
}

/// One record set: what a name says of a type, or one of several such sets among which Route 53 chooses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordSet {
    /// Owner name.
    pub name: DomainName,
    /// Type of its records.
    pub kind: RecordType,
    /// What it says.
    pub content: Content,
    /// How Route 53 chooses among sets of this name and type.
    pub routing: Routing,
    /// Tells sets of one name and type apart; each has one unless the routing is simple.
    pub set_identifier: Option<String>,
    /// The health check that it depends on. Its state is not in the listing.
    pub health_check: Option<String>,
}

/// What a record set says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Records.
    Values {
        /// TTL in seconds.
        ttl: u32,
        /// Values in Route 53's text form, which is that of master files but for octal escapes.
        values: Vec<String>,
    },
    /// Whatever another name says of the same type.
    Alias(AliasTarget),
}

/// Where an alias record points. Alias records are Route 53's own and appear on the wire as what they point to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AliasTarget {
    /// The hosted zone that the target is in: our own, or one of AWS's.
    pub zone: HostedZoneId,
    /// The target.
    pub name: DomainName,
    /// Whether the target's health counts as the record set's own.
    pub evaluates_health: bool,
}

/// How Route 53 chooses among record sets of one name and type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Routing {
    /// There is one set only.
    Simple,
    /// In proportion to this weight, 0–255.
    Weighted(u8),
    /// Up to eight healthy ones of all.
    Multivalue,
    /// The primary one while it is healthy.
    Failover {
        /// Whether it is the primary one.
        primary: bool,
    },
    /// The one in the region that is nearest to who asks.
    Latency {
        /// The region of this one.
        region: String,
    },
    /// By where who asks is.
    Geolocation {
        /// `EU`.
        continent: Option<String>,
        /// `DE`, or `*` for everybody else.
        country: Option<String>,
        /// A state of the United States, or an oblast.
        subdivision: Option<String>,
    },
    /// A way that private zones do not have yet, or that we do not know (geoproximity, by the client's network).
    Other,
}

/// What to do with a record set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Make it; fails if there is one of this name and type.
    Create,
    /// Remove it; fails unless it is there with exactly this content.
    Delete,
    /// Make it or replace it. Counts twice in the limits of a batch.
    Upsert,
}

/// One element of a change batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordChange {
    /// What to do.
    pub action: Action,
    /// With which record set.
    pub set: RecordSet,
}

/// Id of a change, without the `/change/` that the API puts before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeId(String);

impl ChangeId {
    /// The id in `text`, which may have `/change/` in front.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.strip_prefix("/change/").unwrap_or(text).to_owned())
    }

    /// The bare id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How far a change is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeStatus {
    /// Not all of Route 53's servers have it.
    Pending,
    /// All have it.
    InSync,
}
