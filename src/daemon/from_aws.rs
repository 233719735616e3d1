//! The inventory from AWS: passes over everything, and events where there is a queue for them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::events;
use super::feed::Ends;
use crate::aws::identity::HostIdentity;
use crate::aws::{Aws, AwsSettings, HostResolver};
use crate::config::settings::Events;
use crate::ecs::Ec2InstanceId;
use crate::forwarder::Forwarder;
use crate::metrics::Metrics;
use crate::source::describe::{Apis, DescribeSettings, DescribeSource, Describer};
use crate::source::events::EventSource;
use crate::source::queue::HostQueue;

/// What is read, how often, and where events come from.
pub(super) struct Settings {
    pub(super) describe: DescribeSettings,
    /// Time between two looks at the health of tasks.
    pub(super) health_interval: Duration,
    pub(super) region: Option<String>,
    pub(super) events: Events,
}

/// Reads AWS until shutdown. Whatever is missing (credentials, permissions, AWS itself) is retried, never fatal.
pub(super) async fn run(settings: Settings, ends: Ends, token: CancellationToken) {
    let Settings { describe, health_interval, region, events: configured } = settings;
    let Ends { updates, forwarder, metrics, status, clock, events: stats } = ends;
    if describe.clusters.is_empty() && !describe.all {
        tracing::error!("no cluster to follow: set ecs.clusters, or ECS_CLUSTER in the agent's configuration");
        return;
    }
    let (aws, identity) = connect(region, forwarder, metrics).await;
    let queue = queue(&configured, &aws, &describe.clusters, &identity);
    let apis = Apis { ecs: Arc::new(aws.ecs), ec2: Arc::new(aws.ec2), load_balancers: Arc::new(aws.load_balancing) };
    let describer = Arc::new(Describer::new(apis, updates, status, clock));
    let passes = DescribeSource::new(describe, Arc::clone(&describer));
    let Some(queue) = queue else { return passes.run(token).await };
    tracing::info!(queue = queue.name(), "the queue of events");
    let source = EventSource::new(queue.into_events(), &describer, passes.trigger(), health_interval, stats);
    source.open_first().await;
    tokio::join!(passes.run(token.clone()), source.run(token));
}

/// The clients of AWS, and what this host knows of itself, which is logged.
pub(super) async fn connect(
    region: Option<String>,
    forwarder: Arc<Forwarder>,
    metrics: Arc<Metrics>,
) -> (Aws, HostIdentity) {
    let resolver: Arc<dyn HostResolver> = Arc::new(ThroughForwarder(forwarder));
    let identity = HostIdentity::read(Arc::clone(&resolver)).await;
    let known = |value: Option<&str>| value.unwrap_or("not known").to_owned();
    tracing::info!(
        instance = known(identity.instance_id.as_ref().map(Ec2InstanceId::as_str)),
        zone = known(identity.availability_zone.as_deref()),
        region = known(region.as_deref().or(identity.region.as_deref())),
        "this host"
    );
    let aws_settings = AwsSettings { region: region.or(identity.region.clone()) };
    let observe = Arc::new(move |operation, result| metrics.aws_request(operation, result));
    (Aws::load(&aws_settings, resolver, observe).await, identity)
}

/// The queue that is configured. Without one, or where there is nothing to name it by, the clusters are polled.
fn queue(configured: &Events, aws: &Aws, clusters: &[String], identity: &HostIdentity) -> Option<HostQueue> {
    match events::reader(clusters, identity.instance_id.as_ref().map(Ec2InstanceId::as_str)) {
        Ok(reader) => events::queue(configured, aws, reader),
        Err(error) => {
            tracing::error!("this host has no name for a queue of its own, so there are no events: {error}");
            None
        }
    }
}

/// AWS's names are looked up by a call of the forwarder: asking the host would be asking ourselves.
#[derive(Debug)]
struct ThroughForwarder(Arc<Forwarder>);

#[async_trait]
impl HostResolver for ThroughForwarder {
    async fn addresses(&self, name: &str) -> std::io::Result<Vec<std::net::IpAddr>> {
        let found = self.0.addresses(name).await;
        let found = found.map_err(|error| std::io::Error::other(format!("{name}: {error}")))?;
        if found.is_empty() {
            let message = format!("{name}: the upstreams know no address of it");
            return Err(std::io::Error::new(std::io::ErrorKind::NotFound, message));
        }
        Ok(found)
    }
}
