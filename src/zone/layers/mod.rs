//! The layers of the zone besides ECS: records of the configuration above it, a copy of the Route 53 zone below it.
//!
//! Precedence is per owner name: the first layer that has any record at a name owns it, and what that layer does not
//! say of a type is not said by the next. An empty non-terminal owns nothing. `said` is what one name says, `index`
//! finds names as RFC 1034 and RFC 4592 have it, `compile` makes an index of listed record sets.

pub mod compile;
pub mod index;
pub mod said;

pub use compile::{Skipped, compile};
pub use index::{Found, RecordIndex};
pub use said::{Said, Saying};

use crate::route53::{HostedZoneId, RecordSet};

/// Which layer owns a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// `[records]` of the configuration.
    Records,
    /// ECS and the zone's own records; also names that nobody has.
    Ecs,
    /// The Route 53 zone, in our copy or through the upstreams.
    Route53,
}

/// A hosted zone that was read whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostedRecords {
    /// Its id: alias records say by it that their target is in the same zone.
    pub zone: HostedZoneId,
    /// All that is in it.
    pub sets: Vec<RecordSet>,
    /// What is in it besides that cannot be said in our words, for people.
    pub unreadable: Vec<String>,
}

#[cfg(test)]
mod tests;
