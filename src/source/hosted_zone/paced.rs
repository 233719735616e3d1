//! Route 53 at a pace that leaves room for others: an account has 5 calls a second for everything it does there.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep_until};

use crate::dns::DomainName;
use crate::route53::{ChangeId, ChangeStatus, HostedZone, HostedZoneId, RecordChange};
use crate::source::ports::{ApiError, RecordCursor, RecordPage, Route53Api};

/// Time between two calls: half of what the account has.
const SPACING: Duration = Duration::from_millis(400);
/// Calls that may follow each other at once after a pause.
const BURST: u32 = 2;

/// The port, with each call waiting for its turn. One of these is shared by all who call Route 53 in this process.
pub struct Paced {
    api: Arc<dyn Route53Api>,
    /// When the next call would have its turn without a burst.
    next: Mutex<Instant>,
}

impl Paced {
    /// Calls `api` when their turn has come.
    #[must_use]
    pub fn new(api: Arc<dyn Route53Api>) -> Self {
        Self { api, next: Mutex::new(Instant::now()) }
    }

    async fn turn(&self) {
        let at = {
            let now = Instant::now();
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            *next = (*next).max(now) + SPACING;
            *next
        };
        sleep_until(at.checked_sub(SPACING * BURST).unwrap_or(at)).await;
    }
}

#[async_trait]
impl Route53Api for Paced {
    async fn hosted_zone(&self, id: &HostedZoneId) -> Result<HostedZone, ApiError> {
        self.turn().await;
        self.api.hosted_zone(id).await
    }

    async fn hosted_zones_named(&self, name: &DomainName) -> Result<Vec<HostedZone>, ApiError> {
        self.turn().await;
        self.api.hosted_zones_named(name).await
    }

    async fn list_record_sets(&self, zone: &HostedZoneId, from: Option<&RecordCursor>) -> Result<RecordPage, ApiError> {
        self.turn().await;
        self.api.list_record_sets(zone, from).await
    }

    async fn change_record_sets(&self, zone: &HostedZoneId, changes: &[RecordChange]) -> Result<ChangeId, ApiError> {
        self.turn().await;
        self.api.change_record_sets(zone, changes).await
    }

    async fn change_status(&self, change: &ChangeId) -> Result<ChangeStatus, ApiError> {
        self.turn().await;
        self.api.change_status(change).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Silent;

    #[async_trait]
    impl Route53Api for Silent {
        async fn hosted_zone(&self, _: &HostedZoneId) -> Result<HostedZone, ApiError> {
            unreachable!("not asked")
        }
        async fn hosted_zones_named(&self, _: &DomainName) -> Result<Vec<HostedZone>, ApiError> {
            Ok(Vec::new())
        }
        async fn list_record_sets(&self, _: &HostedZoneId, _: Option<&RecordCursor>) -> Result<RecordPage, ApiError> {
            Ok(RecordPage::default())
        }
        async fn change_record_sets(&self, _: &HostedZoneId, _: &[RecordChange]) -> Result<ChangeId, ApiError> {
            unreachable!("not asked")
        }
        async fn change_status(&self, _: &ChangeId) -> Result<ChangeStatus, ApiError> {
            Ok(ChangeStatus::InSync)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn all_calls_together_keep_to_the_pace() {
        let paced = Arc::new(Paced::new(Arc::new(Silent)));
        let began = Instant::now();
        let calls = (0..40).map(|index| {
            let paced = Arc::clone(&paced);
            tokio::spawn(async move {
                if index % 2 == 0 {
                    paced.list_record_sets(&HostedZoneId::new("Z1"), None).await.map(drop).unwrap();
                } else {
                    paced.change_status(&ChangeId::new("C1")).await.map(drop).unwrap();
                }
            })
        });
        for call in calls.collect::<Vec<_>>() {
            call.await.unwrap();
        }
        assert_eq!(began.elapsed(), SPACING * (40 - BURST), "two at once, the others one by one");
    }
}
