//! A query whose answer an upstream must be asked for.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use super::Circumstances;
use super::conclude::Asked;
use crate::dns::Envelope;
use crate::forward::Key;
use crate::snapshot::Snapshot;

/// Owns what the reply will need: the query's bytes, and the snapshot that it was first looked up in, so that the
/// whole reply is of one snapshot.
#[derive(Debug)]
pub struct Pending {
    pub(super) message: Box<[u8]>,
    pub(super) snapshot: Arc<Snapshot>,
    /// What to ask the upstream.
    pub(super) key: Key,
    pub(super) client: IpAddr,
    pub(super) envelope: Envelope,
    pub(super) spin: u32,
    since: Instant,
}

impl Pending {
    pub(super) fn new(message: &[u8], asked: &Asked<'_>, key: Key, circumstances: Circumstances) -> Self {
        let Circumstances { client, spin, now, .. } = circumstances;
        let (snapshot, envelope) = (Arc::clone(asked.snapshot), asked.envelope);
        Self { message: message.into(), snapshot, key, client, envelope, spin, since: now }
    }

    /// When the query was received.
    #[must_use]
    pub fn since(&self) -> Instant {
        self.since
    }
}
