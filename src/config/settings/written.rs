//! How values are written when the configuration is shown: as the file would have them.
//!
//! Nothing is read here: that is [`values`].

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::SnapshotPath;
use crate::access::Denial;
use crate::config::values;
use crate::dns::DomainName;
use crate::forward::Policy;
use crate::register::Kind;

pub(super) fn name<S: Serializer>(name: &DomainName, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(name.to_string().trim_end_matches('.'))
}

pub(super) fn names<S: Serializer>(names: &[DomainName], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(names.iter().map(|name| name.to_string().trim_end_matches('.').to_owned()))
}

pub(super) fn shown<T: ToString, S: Serializer>(values: &[T], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(values.iter().map(ToString::to_string))
}

pub(super) fn denial<S: Serializer>(denial: &Denial, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match denial {
        Denial::Refuse => "refuse",
        Denial::Drop => "drop",
    })
}

pub(super) fn or_zero<S: Serializer>(number: &Option<NonZeroU32>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u32(number.map_or(0, NonZeroU32::get))
}

pub(super) fn policy<S: Serializer>(policy: &Policy, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(match policy {
        Policy::Fastest => "fastest",
        Policy::Sequential => "sequential",
        Policy::Random => "random",
    })
}

pub(super) fn duration<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&values::duration_text(*duration))
}

pub(super) fn duration_or_off<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match duration {
        Some(duration) => serializer.serialize_str(&values::duration_text(*duration)),
        None => serializer.serialize_str("off"),
    }
}

pub(super) fn kinds<S: Serializer>(kinds: &BTreeSet<Kind>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(kinds.iter().map(|kind| kind.label()))
}

pub(super) fn size<S: Serializer>(bytes: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&values::size_text(*bytes))
}

pub(super) fn size_or_off<S: Serializer>(bytes: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
    match bytes {
        Some(bytes) => size(bytes, serializer),
        None => serializer.serialize_str("off"),
    }
}

pub(super) fn snapshot_path<S: Serializer>(path: &SnapshotPath, serializer: S) -> Result<S::Ok, S::Error> {
    match path {
        SnapshotPath::StateDirectory => serializer.serialize_none(),
        SnapshotPath::At(path) => path.serialize(serializer),
        SnapshotPath::Off => serializer.serialize_str("off"),
    }
}

pub(super) fn or_off<S: Serializer>(address: &Option<SocketAddr>, serializer: S) -> Result<S::Ok, S::Error> {
    match address {
        Some(address) => address.serialize(serializer),
        None => serializer.serialize_str("off"),
    }
}
