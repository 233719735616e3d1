//! Registration at work: finds and reads the hosted zone, and carries out plans.
//!
//! What is changed is [`register`](crate::register)'s decision; here are the requests. A request that Route 53 refuses
//! is halved until the names that are at fault stand alone: they are told by name, and nobody else waits for them.
//! Every call goes through the one pace of this process ([`Paced`](crate::source::hosted_zone::Paced)).

mod apply;
mod hearing;
mod reconcile;
pub mod status;

use std::sync::Arc;
use std::time::Duration;

use crate::dns::DomainName;
use crate::register::Listing;
use crate::route53::choose::{self, Unfit};
use crate::route53::{HostedZone, HostedZoneId, RecordSet};
use crate::source::ports::{ApiError, ApiErrorKind, Route53Api};

pub use apply::{Applied, Failed};
pub use hearing::Hearing;
pub use reconcile::{Controller, Outcome, Settings};

/// Pages of a zone before we stop believing the endpoint: ten times what a zone may hold, at 300 a page.
const MAX_PAGES: usize = 340;

/// Why nothing could be planned or done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A call failed.
    #[error("{0}")]
    Api(#[from] ApiError),
    /// The hosted zone is not the one that is meant.
    #[error("{0}")]
    Unfit(#[from] Unfit),
    /// The hosted zone that `route53.zone_id` names does not exist.
    #[error("there is no hosted zone {id} in this account, and dns.zone is {wanted}: set route53.zone_id to its id")]
    NoSuchZone {
        /// The id.
        id: HostedZoneId,
        /// Our zone.
        wanted: DomainName,
    },
    /// Another service of AWS keeps the hosted zone.
    #[error(
        "hosted zone {id} ({name}) belongs to {owner} (AWS Cloud Map), which alone may change it: it is only read; \
         register in a zone of your own, with another name"
    )]
    ReadOnly {
        /// The zone.
        id: HostedZoneId,
        /// Its name.
        name: DomainName,
        /// The service, as a principal.
        owner: String,
    },
    /// We are shutting down.
    #[error("shutting down")]
    Stopped,
}

impl From<crate::source::Stopped> for Error {
    fn from(_: crate::source::Stopped) -> Self {
        Self::Stopped
    }
}

/// The way to one hosted zone.
#[derive(Clone)]
pub struct Registrar {
    api: Arc<dyn Route53Api>,
    zone: DomainName,
    id: Option<HostedZoneId>,
    /// How long to wait until Route 53's servers have a change. Zero: not at all.
    wait: Duration,
}

impl Registrar {
    /// A registrar for the private hosted zone `zone`: the one with this `id`, or the only one of the name. It waits
    /// at most `wait` until all of Route 53's servers have what it has changed.
    #[must_use]
    pub fn new(api: Arc<dyn Route53Api>, zone: DomainName, id: Option<HostedZoneId>, wait: Duration) -> Self {
        Self { api, zone, id, wait }
    }

    /// Finds the hosted zone, which must be private, of our name, and nobody else's to change.
    ///
    /// # Errors
    /// When there is none, or more than one, or it is not ours to write.
    pub async fn find(&self) -> Result<HostedZone, Error> {
        let zone = match &self.id {
            Some(id) => match self.api.hosted_zone(id).await {
                Err(error) if error.kind == ApiErrorKind::NotFound => {
                    return Err(Error::NoSuchZone { id: id.clone(), wanted: self.zone.clone() });
                }
                found => choose::by_id(found?, &self.zone)?,
            },
            None => choose::by_name(self.api.hosted_zones_named(&self.zone).await?, &self.zone)?,
        };
        match &zone.owned_by {
            Some(owner) => Err(Error::ReadOnly { id: zone.id, name: zone.name, owner: owner.clone() }),
            None => Ok(zone),
        }
    }

    /// Reads the zone to its end.
    ///
    /// # Errors
    /// When a page fails: a listing that is not whole is none.
    pub async fn list(&self, zone: &HostedZoneId) -> Result<Listing, Error> {
        let (mut sets, mut from): (Vec<RecordSet>, _) = (Vec::new(), None);
        for _ in 0..MAX_PAGES {
            let page = self.api.list_record_sets(zone, from.as_ref()).await?;
            for unreadable in &page.unreadable {
                tracing::warn!("a record set of {} is left alone: {unreadable}", self.zone);
            }
            sets.extend(page.sets);
            match page.next {
                None => return Ok(Listing::complete(sets)),
                // A list that does not go on would be read for ever.
                next if next == from => break,
                next => from = next,
            }
        }
        let message = format!("the list of hosted zone {zone} does not end: is the endpoint AWS's?");
        Err(ApiError { operation: "route53:ListResourceRecordSets", kind: ApiErrorKind::Other, message }.into())
    }
}

#[cfg(test)]
mod tests;
