//! What the demo is to show.

use super::Config;

/// The settings of `ecs-resolver demo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoSettings {
    /// Checked like any other; its `ecs.source` is off, because [`world`](Self::world) stands in for ECS.
    pub config: Config,
    /// The cluster to make up.
    pub world: World,
    /// Whether the world changes as time passes.
    pub churn: bool,
    /// What the changes are drawn from: the same seed gives the same history.
    pub seed: u64,
}

/// A made-up cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum World {
    /// A few applications with load balancers, deployments, failing tasks and scaling.
    Simulated,
    /// Many equal services, `svc-0000` and up, the same on every run.
    Synthetic {
        /// Services, at least 1.
        services: u32,
        /// Tasks of each service.
        tasks: u32,
    },
}
