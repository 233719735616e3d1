//! Says with every answer how old it is while AWS has not confirmed it, and gives up what is too old for anybody.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::dns::Ede;
use crate::ecs::ClusterArn;
use crate::inventory::Change;
use crate::source::clock::Clock;
use crate::source::staleness::{self, Stale};
use crate::source::status::SourceStatus;
use crate::source::{Delivery, Stopped, Updates};

/// Time between two looks.
const LOOK: Duration = Duration::from_secs(1);

/// Watches the age of what is known.
pub(in crate::daemon) struct Watch {
    pub(in crate::daemon) updates: Updates,
    pub(in crate::daemon) status: Arc<SourceStatus>,
    pub(in crate::daemon) clock: Clock,
    /// The age at which a cluster is given up; `None`: never.
    pub(in crate::daemon) max_age: Option<Duration>,
}

impl Watch {
    /// Works until the updater stops.
    pub(in crate::daemon) async fn run(self) {
        // It ends only when the updater has stopped.
        let _ = self.watch().await;
    }

    async fn watch(&self) -> Result<(), Stopped> {
        let mut said: Option<Ede> = None;
        let mut given_up = BTreeSet::new();
        loop {
            let now = self.clock.now();
            let stale = staleness::of(&self.status.report(), now);
            let ede = staleness::remark(&stale);
            if ede != said {
                tell(ede.as_ref());
                self.updates.remark(ede.clone()).await?;
                said = ede;
            }
            let too_old = |stale: &&Stale| self.max_age.is_some_and(|most| stale.age(now) > most);
            let lost: BTreeSet<ClusterArn> = stale.iter().filter(too_old).map(|it| it.cluster.clone()).collect();
            for cluster in lost.difference(&given_up) {
                tracing::error!(
                    "cluster {} has not been read for longer than snapshot.max_age: its names get SERVFAIL until it is",
                    cluster.id()
                );
                let change = Change::Unsynced { cluster: cluster.clone() };
                self.updates.deliver(Delivery::of(vec![change])).await?;
            }
            given_up = lost;
            tokio::time::sleep(LOOK).await;
        }
    }
}

fn tell(ede: Option<&Ede>) {
    match ede {
        Some(ede) => tracing::warn!("answers of ECS may be out of date and say so (EDE 3): {}", ede.text()),
        None => tracing::info!("answers of ECS are up to date again"),
    }
}

#[cfg(test)]
mod tests;
