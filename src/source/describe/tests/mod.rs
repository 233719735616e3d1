//! One pass after another against a scripted world, in paused time.

mod clusters;
mod definitions;
mod failures;
mod passes;
mod rhythm;
pub(in crate::source) mod updater;
pub(in crate::source) mod world;

use std::sync::Arc;
use std::time::Duration;

use super::definitions::Reading;
use super::{Apis, DescribeSettings, DescribeSource, Describer, Progress};
use crate::ecs::Timestamp;
use crate::inventory::Change;
use crate::source::clock::Clock;
use crate::source::status::{SourceStatus, StatusReport};
use updater::Updater;
use world::World;

/// A describer between a world and an updater.
struct Rig {
    world: Arc<World>,
    updater: Updater,
    status: Arc<SourceStatus>,
    describer: Arc<Describer>,
    settings: DescribeSettings,
    progress: Progress,
}

impl Rig {
    fn new(world: World) -> Self {
        let world = Arc::new(world);
        let (updater, updates) = Updater::start();
        let status = Arc::new(SourceStatus::default());
        let apis = Apis { ecs: world.clone(), ec2: world.clone(), load_balancers: world.clone() };
        let clock = Clock::at(Timestamp::from_second(1_000_000).unwrap());
        let describer = Arc::new(Describer::new(apis, updates, Arc::clone(&status), clock));
        let poll_interval = Duration::from_secs(30);
        let reconcile_interval = Duration::from_secs(600);
        let clusters = vec!["prod".to_owned()];
        let settings = DescribeSettings { clusters, all: false, poll_interval, reconcile_interval };
        Self { world, updater, status, describer, settings, progress: Progress::new(poll_interval) }
    }

    fn source(&self) -> DescribeSource {
        DescribeSource::new(self.settings.clone(), Arc::clone(&self.describer))
    }

    /// Makes one pass and returns whether it was complete and what it delivered.
    async fn pass(&mut self) -> (bool, Vec<Change>) {
        let complete = self.source().pass(&mut Reading::default(), &mut self.progress).await.unwrap();
        // A message behind all others: when it is answered, they have been seen.
        self.describer.updates.ask(|_| ()).await.unwrap();
        (complete, self.updater.seen())
    }

    fn report(&self) -> StatusReport {
        self.status.report()
    }

    /// Operations that are reported as failing.
    fn failing(&self) -> Vec<&'static str> {
        self.report().failing.iter().map(|failing| failing.operation).collect()
    }
}
