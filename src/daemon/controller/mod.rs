//! Wiring of the controller: the describe calls, an updater whose zone is nobody's but the registrar's, and Route 53.

mod report;
mod resolver;
mod rhythm;

use std::sync::Arc;
use std::time::Duration;

use super::events;
use super::feed::{self, Feed, Prepared};
use super::{Error, Stop};
use crate::aws::{Aws, AwsSettings};
use crate::config::settings::Clusters;
use crate::config::{Config, Fault};
use crate::ecs::event::ServiceHint;
use crate::metrics::Metrics;
use crate::register::Consent;
use crate::register::desired::Options;
use crate::register::relevance::Relevance;
use crate::registrar::{Controller, Hearing, Registrar, Settings};
use crate::route53::HostedZoneId;
use crate::source::Updates;
use crate::source::clock::Clock;
use crate::source::describe::{Apis, Describer};
use crate::source::events::stats::EventStats;
use crate::source::fleet_health::FleetHealth;
use crate::source::hosted_zone::Paced;
use crate::source::queue::HostQueue;
use crate::source::queue::ports::{SnsApi, TopicArn};
use crate::source::queue::sweep::{Look, Sweep};
use crate::source::status::SourceStatus;
use crate::updater::Updater;
use crate::{http, systemd};
use report::Reports;
use resolver::SystemResolver;

pub use crate::registrar::Outcome;

/// Time for Route 53's servers to take a change, which it promises in 60 s as a rule.
const ARRIVAL: Duration = Duration::from_secs(120);

/// What stands for the host in name and tags of a controller's queue.
const READER: &str = "controller";

/// Reconciles at an interval, and when events ask for it, until SIGTERM or SIGINT.
///
/// # Errors
/// [`Error::Config`] when there is no cluster to register; [`Error::Unavailable`] when the HTTP port is taken.
pub fn serve(config: &Config, mass_delete: bool) -> Result<(), Error> {
    super::runtime()?.block_on(async {
        let http = match config.http.listen {
            Some(address) => Some(http::bind(address).await.map_err(Error::unavailable)?),
            None => None,
        };
        let stop = Stop::new()?;
        let clusters = clusters(config).await?;
        let parts = Parts::build(config, clusters, mass_delete, ARRIVAL).await?;
        parts.reports.register(&parts.metrics);
        if let Some(listener) = http {
            tracing::info!("HTTP on http://{}/", listener.local_addr().map_err(Error::internal)?);
            let state = parts.reports.http_state(Arc::clone(&parts.metrics), parts.updates.clone());
            tokio::spawn(http::serve(listener, state, stop.token.clone().cancelled_owned()));
        }
        systemd::ready();
        let Parts { controller, hearing, health, sweep, .. } = parts;
        let working = rhythm::work(config.controller.interval, controller, hearing);
        let token = stop.token.clone();
        let mut work = vec![tokio::spawn(async move {
            // Boxed: the state of a reconcile is large. A request that is cut off is all or nothing.
            let _ = token.run_until_cancelled(Box::pin(working)).await;
        })];
        work.extend(health.map(|health| {
            let token = stop.token.clone();
            // It ends by itself only when the updater has stopped.
            tokio::spawn(async move {
                let _ = token.run_until_cancelled(Box::pin(health.run())).await;
            })
        }));
        work.extend(sweep.map(|sweep| {
            let token = stop.token.clone();
            tokio::spawn(async move {
                let _ = token.run_until_cancelled(Box::pin(sweep.run())).await;
            })
        }));
        let ended = stop.wait(work).await;
        systemd::stopping();
        ended
    })
}

/// What a controller would do.
#[derive(Debug)]
pub struct Planned {
    /// In the hosted zone; nothing is done.
    pub outcome: Outcome,
    /// With the queues of hosts that are gone, and how long they must have been so. `None`: it removes none.
    pub queues: Option<(Look, Duration)>,
}

/// Works out what would be done, and does nothing.
///
/// # Errors
/// [`Error::Config`] when there is no cluster; [`Error::Unavailable`] when the hosted zone cannot be found or read.
pub fn plan(config: &Config, mass_delete: bool) -> Result<Planned, Error> {
    super::runtime()?.block_on(async {
        let clusters = clusters(config).await?;
        let Parts { controller, sweep, .. } = Parts::build(config, clusters, mass_delete, Duration::ZERO).await?;
        let outcome = Box::pin(controller.plan()).await.map_err(Error::unavailable)?;
        let queues = match sweep {
            None => None,
            Some(sweep) => Some((Box::pin(sweep.look()).await.map_err(Error::unavailable)?, sweep.grace())),
        };
        Ok(Planned { outcome, queues })
    })
}

/// Reconciles once, and waits until all of Route 53's servers have the changes.
///
/// # Errors
/// [`Error::Config`] when there is no cluster; [`Error::Unavailable`] when the hosted zone cannot be found or read.
pub fn once(config: &Config, mass_delete: bool) -> Result<Outcome, Error> {
    super::runtime()?.block_on(async {
        let clusters = clusters(config).await?;
        reconcile(config, clusters, mass_delete, ARRIVAL, &[]).await
    })
}

/// Reconciles these clusters once, having heard something of the services in `hints`, and waits at most `wait` until all
/// of Route 53's servers have the changes.
///
/// # Errors
/// [`Error::Unavailable`] when the hosted zone cannot be found or read.
pub async fn reconcile(
    config: &Config,
    clusters: Vec<String>,
    mass_delete: bool,
    wait: Duration,
    hints: &[ServiceHint],
) -> Result<Outcome, Error> {
    let parts = Parts::build(config, clusters, mass_delete, wait).await?;
    Box::pin(parts.controller.reconcile(hints)).await.map_err(Error::unavailable)
}

/// The clusters whose services are registered.
async fn clusters(config: &Config) -> Result<Vec<String>, Error> {
    let clusters = match &config.ecs.clusters {
        Clusters::Named(names) => names.clone(),
        Clusters::All | Clusters::FromHost => feed::cluster_of_this_host(config).await,
    };
    if clusters.is_empty() {
        return Err(Error::Config(Fault::new("ecs.clusters", "there is no cluster to register")));
    }
    Ok(clusters)
}

/// Everything that a controller is made of.
struct Parts {
    controller: Controller,
    /// `None`: there are no events.
    hearing: Option<Hearing>,
    /// `None`: there is no topic to tell.
    health: Option<FleetHealth>,
    /// `None`: no agent makes queues, or they are not to be removed.
    sweep: Option<Sweep>,
    updates: Updates,
    metrics: Arc<Metrics>,
    reports: Reports,
}

impl Parts {
    async fn build(config: &Config, clusters: Vec<String>, mass_delete: bool, wait: Duration) -> Result<Self, Error> {
        let clock = Clock::start();
        let (status, metrics) = (Arc::new(SourceStatus::default()), Arc::new(Metrics::new(env!("CARGO_PKG_VERSION"))));
        let feed = Prepared { feed: Feed::Describe, clusters: clusters.clone(), all: false };
        let updater = Updater::new(super::zone_settings(config, &feed, &[]), 1);
        let (shared, stats) = (updater.shared(), updater.stats());
        let (updates, messages) = Updates::channel();
        // It ends when nobody can send it anything any more.
        drop(super::start_updater(updater, messages)?);

        let counted = Arc::clone(&metrics);
        let observe = Arc::new(move |operation, result| counted.aws_request(operation, result));
        let settings = AwsSettings { region: config.ecs.region.clone() };
        let aws = Aws::load(&settings, Arc::new(SystemResolver), observe).await;
        let queue = queue(config, &aws, &clusters);
        let (sqs, sns) = (Arc::new(aws.sqs.clone()), Arc::new(aws.sns.clone()));
        let apis =
            Apis { ecs: Arc::new(aws.ecs), ec2: Arc::new(aws.ec2), load_balancers: Arc::new(aws.load_balancing) };
        let topic = config.events.topic_arn.clone().map(TopicArn);
        let events = Arc::new(EventStats::default());
        let told = topic.clone();
        let health = told.map(|topic| {
            let describer = Describer::new(apis.clone(), updates.clone(), Arc::clone(&status), clock);
            FleetHealth::new(
                describer,
                Arc::clone(&sns) as Arc<dyn SnsApi>,
                topic,
                config.ecs.health_interval,
                Arc::clone(&events),
            )
        });
        let describer = Arc::new(Describer::new(apis, updates.clone(), Arc::clone(&status), clock));
        let sweep = topic
            .zip(config.controller.remove_queues_after)
            .map(|(topic, grace)| Sweep::new(Arc::clone(&describer), (sqs, sns), topic, clusters.clone(), grace));
        let id = config.route53.zone_id.as_deref().map(HostedZoneId::new);
        let api = Arc::new(Paced::new(Arc::new(aws.route53)));
        let registrar = Registrar::new(api, config.dns.zone.clone(), id, wait);
        let settings = Settings {
            clusters,
            options: Options { kinds: config.controller.record_types.clone() },
            consent: Consent { adopt: config.controller.adopt, mass_delete },
        };
        let relevance = Relevance::new(&settings.clusters, &settings.options.kinds);
        let hear = |queue: HostQueue| {
            Hearing::new(queue.into_events(), Arc::clone(&describer), relevance, Arc::clone(&events))
        };
        let hearing = queue.map(hear);
        let controller = Controller::new(settings, describer, updates.clone(), shared.clone(), registrar);
        let around = Arc::new(Vec::new);
        let reporter =
            super::report::Reporter { shared, stats, status, clock, feed, events, reads_zone: false, around };
        let reports =
            Reports { reporter, registration: controller.status(), sweep: sweep.as_ref().map(Sweep::stats), clock };
        Ok(Self { controller, hearing, health, sweep, updates, metrics, reports })
    }
}

/// The queue that is configured, of which every controller of a cluster has the same name: two of them share the
/// events, and the hosted zone.
fn queue(config: &Config, aws: &Aws, clusters: &[String]) -> Option<HostQueue> {
    match events::reader(clusters, Some(READER)) {
        Ok(reader) => events::queue(&config.events, aws, reader),
        Err(error) => {
            tracing::error!("reconciling at the interval only: {error}");
            None
        }
    }
}
