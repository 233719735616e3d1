//! Which queue is meant: that of the configuration, or of the flags over it.

use std::path::PathBuf;

use clap::Args;

use crate::cli::exit::{self, Failure};
use crate::config::{self, Overrides};
use crate::daemon::events;
use crate::source::queue::HostQueue;

/// Which queue.
#[derive(Debug, Args)]
pub(super) struct Target {
    /// Configuration file; without it /etc/ecs-resolver/ecs-resolver.toml, if there is one
    #[arg(short, long, env = "ECS_RESOLVER_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Cluster that the queue is for; the first one counts
    #[arg(long = "cluster", env = "ECS_RESOLVER_ECS_CLUSTERS", value_name = "CLUSTER", value_delimiter = ',')]
    clusters: Vec<String>,
    /// Host that the queue is for: its instance id, or the name of a host that has none. Without it, this host
    #[arg(long, value_name = "INSTANCE")]
    instance: Option<String>,
    /// SNS topic that the queue is subscribed to
    #[arg(long, env = "ECS_RESOLVER_EVENTS_TOPIC_ARN", value_name = "ARN")]
    topic_arn: Option<String>,
    /// SQS queue that somebody else has made
    #[arg(long, env = "ECS_RESOLVER_EVENTS_QUEUE_URL", value_name = "URL")]
    queue_url: Option<String>,
    /// AWS region
    #[arg(long, env = "ECS_RESOLVER_ECS_REGION", value_name = "REGION")]
    region: Option<String>,
    /// Configuration of the ECS agent, read for ECS_CLUSTER
    #[arg(long, env = "ECS_RESOLVER_ECS_AGENT_CONFIG", value_name = "FILE")]
    agent_config: Option<String>,
}

impl Target {
    /// The queue. Nothing is asked of SQS yet.
    ///
    /// # Errors
    /// The configuration's faults; also when it names no queue.
    pub(super) async fn queue(self) -> Result<HostQueue, Failure> {
        let Self { config, clusters, instance, topic_arn, queue_url, region, agent_config } = self;
        let overrides = Overrides { clusters, topic_arn, queue_url, region, agent_config, ..Overrides::default() };
        let loaded = config::load(config.as_deref(), &overrides);
        let config = loaded.map_err(|faults| Failure::new(exit::CONFIG, &faults))?.config;
        let queue = events::queue_for_command(&config, instance).await;
        let queue = queue.map_err(|error| Failure::new(exit::UNAVAILABLE, &error))?;
        queue.ok_or_else(|| Failure::new(exit::CONFIG, &"no queue: set events.topic_arn or events.queue_url"))
    }
}
