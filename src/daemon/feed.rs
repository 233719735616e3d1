//! What fills the inventory: the source that is configured, or the demo's own world.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::from_aws;
use crate::config::settings::Clusters;
use crate::config::{Config, Fault, host};
use crate::forwarder::Forwarder;
use crate::metrics::Metrics;
use crate::source::clock::Clock;
use crate::source::describe::DescribeSettings;
use crate::source::events::stats::EventStats;
use crate::source::fixture::FixtureError;
use crate::source::status::SourceStatus;
use crate::source::{Delivery, Updates, fixture, simulation, synthetic};

/// What the ECS agent joins when its configuration names no cluster.
const AGENT_DEFAULT: &str = "default";

/// A source that has not been started.
#[derive(Debug, Clone)]
pub(super) enum Feed {
    /// AWS's describe calls.
    Describe,
    /// A file.
    Fixture(PathBuf),
    /// Nothing.
    Off,
    /// The demo's applications.
    Simulated { seed: u64, churn: bool },
    /// Equal services, any number of them.
    Synthetic { services: u32, tasks: u32, seed: u64, churn: bool },
}

/// A source with the clusters that it follows.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    pub(super) feed: Feed,
    /// Default clusters, in order.
    pub(super) clusters: Vec<String>,
    /// Whether all other clusters are followed too.
    pub(super) all: bool,
}

/// What a source is connected to.
#[derive(Clone)]
pub(super) struct Ends {
    pub(super) updates: Updates,
    pub(super) forwarder: Arc<Forwarder>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) status: Arc<SourceStatus>,
    pub(super) clock: Clock,
    pub(super) events: Arc<EventStats>,
}

impl Feed {
    /// Finds out which clusters are followed.
    pub(super) async fn prepare(self, config: &Config) -> Result<Prepared, Fault> {
        let (named, all) = followed(config).await;
        let clusters = match &self {
            Self::Simulated { .. } | Self::Synthetic { .. } => vec!["prod".to_owned()],
            Self::Off => Vec::new(),
            Self::Fixture(path) if named.is_empty() => {
                let document = fixture::load(path).await.map_err(|error| unfit(&error))?;
                all_are_default(document.clusters.into_iter().map(|cluster| cluster.name).collect())
            }
            Self::Describe | Self::Fixture(_) => named,
        };
        Ok(Prepared { feed: self, clusters, all })
    }
}

/// A fixture that is of no use.
pub(super) fn unfit(error: &FixtureError) -> Fault {
    Fault::new("ecs.fixture", error.to_string())
}

/// Says so of the clusters of a file, if they are several.
fn all_are_default(clusters: Vec<String>) -> Vec<String> {
    if clusters.len() > 1 {
        let names = clusters.join(", ");
        tracing::warn!(
            "all clusters of the inventory file have names without a cluster ({names}): ecs.clusters names none"
        );
    }
    clusters
}

impl Prepared {
    /// The word for TXT records and metrics.
    pub(super) fn label(&self) -> &'static str {
        match self.feed {
            Feed::Describe => "describe",
            Feed::Fixture(_) => "fixture",
            Feed::Off => "off",
            Feed::Simulated { .. } | Feed::Synthetic { .. } => "demo",
        }
    }

    /// Whether there is to be an inventory at all.
    pub(super) fn has_inventory(&self) -> bool {
        !matches!(self.feed, Feed::Off)
    }
}

/// The clusters that the configuration says to follow: those with short names, in order, and whether all others too.
pub(super) async fn followed(config: &Config) -> (Vec<String>, bool) {
    match &config.ecs.clusters {
        Clusters::Named(names) => (names.clone(), false),
        Clusters::All => (cluster_of_this_host(config).await, true),
        Clusters::FromHost => (cluster_of_this_host(config).await, false),
    }
}

/// The cluster that this host's ECS agent is configured for, if there is an agent.
pub(super) async fn cluster_of_this_host(config: &Config) -> Vec<String> {
    match tokio::fs::read_to_string(&config.ecs.agent_config).await {
        Ok(text) => vec![host::ecs_cluster(&text).unwrap_or_else(|| AGENT_DEFAULT.to_owned())],
        Err(error) => {
            tracing::debug!("{} cannot be read: {error}", config.ecs.agent_config.display());
            Vec::new()
        }
    }
}

/// Starts the source. It ends by itself at shutdown.
pub(super) fn start(prepared: &Prepared, ends: Ends, config: &Config, token: &CancellationToken) -> JoinHandle<()> {
    let Prepared { feed, clusters, all } = prepared.clone();
    let describe = DescribeSettings {
        clusters,
        all,
        poll_interval: config.ecs.poll_interval,
        reconcile_interval: config.ecs.reconcile_interval,
    };
    let settings = from_aws::Settings {
        describe,
        health_interval: config.ecs.health_interval,
        region: config.ecs.region.clone(),
        events: config.events.clone(),
    };
    let token = token.clone();
    tokio::spawn(async move {
        let ended = token.clone();
        let feeding = async {
            let Ends { updates, clock, .. } = &ends;
            let (updates, now) = (updates.clone(), move || clock.now());
            match feed {
                Feed::Off => {}
                Feed::Describe => from_aws::run(settings, ends, token).await,
                Feed::Fixture(path) => {
                    if let Err(error) = fixture::run(path, updates, now).await {
                        tracing::error!("{error}");
                    }
                }
                Feed::Simulated { seed, churn: true } => {
                    // Who is not there to read it is answered all the same.
                    simulation::run(updates, seed, now, |line| drop(writeln!(io::stdout(), "{line}"))).await;
                }
                Feed::Simulated { churn: false, .. } => {
                    // It fails only at shutdown.
                    let _ = updates.deliver(Delivery::of(simulation::world(now()).into_changes(now()))).await;
                }
                Feed::Synthetic { services, tasks, seed, churn } => {
                    let document = synthetic::synthetic(services as usize, tasks as usize);
                    synthetic::run(document, updates, churn.then_some(seed), now).await;
                }
            }
        };
        // Boxed: the future of a describe pass is large.
        let _ = ended.run_until_cancelled(Box::pin(feeding)).await;
    })
}

/// What the demo says when it is up.
pub(super) fn greeting(feed: &Feed, config: &Config) -> String {
    let address = config.dns.listen.first().copied().unwrap_or_else(|| ([127, 0, 0, 1], 1053).into());
    let zone = config.dns.zone.to_string();
    let zone = zone.trim_end_matches('.');
    let questions: &[&str] = match feed {
        Feed::Synthetic { .. } => &["svc-0000.ZONE", "SRV _http._tcp.svc-0000.ZONE", "TXT svc-0000.prod.task.ZONE"],
        _ => &[
            "TwitchApp.ZONE",
            "twitchapp.prod.task.ZONE",
            "SRV _calc._tcp.ZONE",
            "SRV _http._tcp.web.prod.ZONE",
            "AAAA web.prod.task.ZONE",
            "TXT web.prod.task.ZONE",
            "-x 10.5.10.17",
            "nosuch.ZONE",
        ],
    };
    let dig = format!("dig @{} -p {}", address.ip(), address.port());
    let lines: Vec<String> =
        questions.iter().map(|question| format!("  {dig} {}", question.replace("ZONE", zone))).collect();
    let http = config.http.listen.map_or(String::new(), |http| format!("\nand look at http://{http}/"));
    format!("a made-up cluster is up; try\n{}{http}\nCtrl-C ends it", lines.join("\n"))
}
