//! Wiring: builds the daemon from below, runs it until a signal, and takes it down from above.
//!
//! Nothing is decided here. Each part gets its settings, its neighbours, and its end.

mod access;
mod balancers;
pub mod controller;
pub mod events;
mod feed;
mod from_aws;
mod hosted;
mod kept;
mod limits;
mod listening;
mod live;
pub mod needs;
mod readiness;
mod reload;
mod report;
mod upstreams;
mod wording;

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::settings::Source;
use crate::config::{Config, DemoSettings, Fault, World};
use crate::forwarder::{Forwarder, Link};
use crate::host::LinkLocalDrops;
use crate::metrics::Metrics;
use crate::responder::Responder;
use crate::server::{ServerHandle, Sockets};
use crate::source::clock::Clock;
use crate::source::events::stats::EventStats;
use crate::source::staleness;
use crate::source::status::SourceStatus;
use crate::source::{Message, Updates};
use crate::updater::Updater;
use crate::{config, http, server, systemd, zone};
use balancers::SimulatedBalancers;
use feed::{Feed, Prepared};
use kept::{CacheSaver, Keeping, Saver, Watch};
use live::Live;
pub use reload::Reload;
use reload::{Reloader, Requests};

/// Time for answers under way when we are told to stop.
const DRAIN: Duration = Duration::from_secs(5);

/// Most threads for what waits: calls of AWS, questions to upstreams, HTTP. On a host with many cores one each would only
/// cost memory, as each keeps what it has allocated.
const MOST_ASYNC: usize = 4;

/// Why the daemon ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Something outside is missing: a port is taken, AWS does not answer.
    #[error("{0}")]
    Unavailable(String),
    /// A setting names what is not there, or of no use.
    #[error("{0}")]
    Config(Fault),
    /// A fault of our own.
    #[error("{0}")]
    Internal(String),
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::Config(fault)
    }
}

impl Error {
    fn unavailable(error: impl std::error::Error) -> Self {
        Self::Unavailable(error.to_string())
    }

    fn internal(error: impl std::error::Error) -> Self {
        Self::Internal(error.to_string())
    }
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// [`Error::Unavailable`] when an address is taken; nothing is served then. [`Error::Config`] when a file has become of no
/// use since [`needs::judged`].
pub fn run(config: Config, reload: Reload) -> Result<(), Error> {
    let feed = match &config.ecs.source {
        Source::Describe => Feed::Describe,
        Source::Fixture(path) => Feed::Fixture(path.clone()),
        Source::Off => Feed::Off,
    };
    let link = upstreams::link(&config)?;
    // Ports first: what cannot be served need not be read.
    let sockets = listening::bind(&config.dns)?;
    runtime()?.block_on(serve(config, sockets, feed, link, Start::Daemon(reload)))
}

/// Serves a made-up cluster until SIGTERM or SIGINT.
///
/// # Errors
/// [`Error::Unavailable`] when an address is taken.
pub fn demo(settings: DemoSettings) -> Result<(), Error> {
    let DemoSettings { config, world, churn, seed } = settings;
    let feed = match world {
        World::Synthetic { services, tasks } => Feed::Synthetic { services, tasks, seed, churn },
        World::Simulated => Feed::Simulated { seed, churn },
    };
    let start = Start::Demo(feed::greeting(&feed, &config));
    let link = Arc::new(SimulatedBalancers::before(upstreams::link(&config)?));
    let sockets = listening::bind(&config.dns)?;
    runtime()?.block_on(serve(config, sockets, feed, link, start))
}

fn runtime() -> Result<Runtime, Error> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(MOST_ASYNC);
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(threads).enable_all().thread_name("async").build().map_err(Error::internal)
}

/// What is started.
enum Start {
    /// A daemon, which reads its configuration anew when it is told to.
    Daemon(Reload),
    /// The demo, which says this.
    Demo(String),
}

impl Start {
    /// What is done once everything works.
    fn begin(self, config: Config, live: Live, (metrics, reloads, token): (&Metrics, Requests, CancellationToken)) {
        match self {
            // Who is not there to read it is answered all the same.
            Self::Demo(greeting) => drop(writeln!(io::stdout(), "{greeting}")),
            Self::Daemon(source) => {
                let reloader = Reloader::new(source, config, live, metrics);
                tokio::spawn(token.run_until_cancelled_owned(reloader.run(reloads)));
            }
        }
    }
}

async fn serve(config: Config, sockets: Sockets, feed: Feed, link: Arc<dyn Link>, start: Start) -> Result<(), Error> {
    let feed = feed.prepare(&config).await.map_err(Error::Config)?;
    let http = match config.http.listen {
        Some(address) => Some(http::bind(address).await.map_err(Error::unavailable)?),
        None => None,
    };
    let (stop, reloads) = (Stop::new()?, Requests::heard()?);
    let listen = sockets.addresses().to_vec();
    let clock = Clock::start();
    let status = Arc::new(SourceStatus::default());
    let metrics = Arc::new(Metrics::new(env!("CARGO_PKG_VERSION")));
    let forwarder = Forwarder::new(upstreams::forward_settings(&config)?, link);

    let keeping = Keeping::of(&config, &feed);
    kept::cache(&keeping, &forwarder, clock.now());
    let updater = updater(&config, &feed, &listen, &keeping, (&status, clock));
    let outdated = Arc::clone(&forwarder);
    // What the upstreams said of a name is of no use once the zone says it.
    let updater = updater.telling(Box::new(move |names| outdated.forget(names))).holding(config.limits.inventory);
    let (shared, stats) = (updater.shared(), updater.stats());
    let (updates, messages) = Updates::channel();
    let updating = start_updater(updater, messages)?;

    let (access, rules) = access::start(&config.access, &stop.token)?;
    let responder = Responder::new(shared.clone(), Arc::clone(&forwarder), access).with_transfers(config.dns.transfer);
    let handle = answer(sockets, responder, &metrics, &config, &stop.token)?;
    let events = Arc::new(EventStats::default());
    let reporter = report::Reporter {
        shared,
        stats,
        status: Arc::clone(&status),
        clock,
        feed: feed.clone(),
        around: reloads.told_with(listening::around(listen.clone(), Arc::clone(&forwarder))),
        reads_zone: config.route53.fallback == config::settings::Fallback::Api,
        events: Arc::clone(&events),
    };
    reporter.register(&metrics, &forwarder);
    keeping.counts.register(&metrics);
    let token = stop.token.clone();
    report_drops(&metrics, &token);
    if let Some(listener) = http {
        tracing::info!("HTTP on http://{}/", listener.local_addr().map_err(Error::internal)?);
        let state = reporter.http_state(Arc::clone(&metrics), updates.clone(), Some(&forwarder));
        tokio::spawn(http::serve(listener, state, token.clone().cancelled_owned()));
    }
    let saving = keep(&keeping, &reporter, &updates, &forwarder, &token);
    let (to_zone, reporting) = (zone_of(&feed, listen), Arc::clone(&metrics));
    let live = Live::new(updates.clone(), to_zone, Arc::clone(&forwarder), rules, handle.limits());
    let ends = feed::Ends { updates, forwarder, metrics, status, clock, events };
    let mut sources: Vec<_> = hosted::start(ends.clone(), &config, &token).into_iter().collect();
    sources.push(feed::start(&feed, ends, &config, &token));
    tokio::spawn(systemd::watchdog(signs_of_life(&handle, &config, updating), token.clone().cancelled_owned()));
    systemd::ready();
    tokio::spawn(token.clone().run_until_cancelled_owned(reporter.tell_status()));
    start.begin(config, live, (&reporting, reloads, token));
    let ended = stop.wait(sources).await;
    systemd::stopping();
    finish(handle, saving).await;
    ended
}

/// Answers DNS from now on, and says where.
fn answer(
    sockets: Sockets,
    responder: Responder,
    metrics: &Metrics,
    config: &Config,
    token: &CancellationToken,
) -> Result<ServerHandle, Error> {
    let limits = limits::of(&config.limits);
    let handle = server::serve(sockets, Arc::new(responder), metrics, &limits).map_err(Error::internal)?;
    let absent = listening::announce(handle.addresses());
    tokio::spawn(token.clone().run_until_cancelled_owned(listening::await_interfaces(absent)));
    Ok(handle)
}

/// Waits until what is kept over a restart is saved, while queries are still answered, and then answers what is under way:
/// once nobody reads the sockets, the next start had better not be far.
async fn finish(handle: ServerHandle, saving: Vec<JoinHandle<()>>) {
    if tokio::time::timeout(DRAIN, join_all(saving)).await.is_err() {
        tracing::warn!("what is kept over a restart could not be saved within {DRAIN:?}; files of before stay");
    }
    let unanswered = handle.stop(DRAIN).await;
    if unanswered > 0 {
        let questions = wording::counted(unanswered, "question");
        tracing::warn!("{questions} still unanswered at the end of {DRAIN:?}");
    }
}

/// The updater with what is known from before the start, if that may be used: answers need not wait for AWS.
fn updater(
    config: &Config,
    feed: &Prepared,
    listen: &[std::net::SocketAddr],
    keeping: &Keeping,
    (status, clock): (&SourceStatus, Clock),
) -> Updater {
    let serial = u32::try_from(clock.now().as_second()).unwrap_or_default();
    let updater = Updater::new(zone_settings(config, feed, listen), serial);
    let region = config.ecs.region.clone().or_else(|| std::env::var("AWS_REGION").ok());
    let Some(restored) = kept::inventory(keeping, feed, region.as_deref(), clock.now()) else { return updater };
    status.restored(restored.read);
    match staleness::remark(&staleness::of(&status.report(), clock.now())) {
        Some(ede) => updater.restored(restored.inventory, ede),
        None => updater,
    }
}

/// Keeps inventory and forwarded answers on disk, if that is wanted, and only those of them in memory that are of use; says
/// how old answers of ECS are.
fn keep(
    keeping: &Keeping,
    reporter: &report::Reporter,
    updates: &Updates,
    forwarder: &Arc<Forwarder>,
    token: &CancellationToken,
) -> Vec<JoinHandle<()>> {
    let (status, clock) = (Arc::clone(&reporter.status), reporter.clock);
    let watch = Watch { updates: updates.clone(), status: Arc::clone(&status), clock, max_age: keeping.max_age };
    tokio::spawn(token.clone().run_until_cancelled_owned(watch.run()));
    tokio::spawn(token.clone().run_until_cancelled_owned(Arc::clone(forwarder).sweep()));
    let mut saving = Vec::new();
    if let Some(file) = keeping.cache.clone() {
        let saver = CacheSaver { file, forwarder: Arc::clone(forwarder), counts: Arc::clone(&keeping.counts) };
        saving.push(tokio::spawn(saver.run(token.clone())));
    }
    if let Some(path) = keeping.inventory.clone() {
        let (updates, updated, counts) = (updates.clone(), Arc::clone(&reporter.stats), Arc::clone(&keeping.counts));
        let saver = Saver { path, updates, updated, status, clock, counts, max_age: keeping.max_age };
        saving.push(tokio::spawn(saver.run(token.clone())));
    }
    saving
}

/// What systemd's watchdog is answered by.
fn signs_of_life(
    handle: &ServerHandle,
    config: &Config,
    updating: std::thread::JoinHandle<()>,
) -> impl Fn(Duration) -> BoxFuture<'static, Result<(), &'static str>> + Send + use<> {
    let (workers_live, own) = (handle.liveness(), Arc::new(handle.self_query(config.dns.zone.clone())));
    move |patience| {
        let running = workers_live() && !updating.is_finished();
        let own = Arc::clone(&own);
        Box::pin(async move {
            if !running {
                return Err("a worker or the updater has ended");
            }
            own.is_answered(patience).await.then_some(()).ok_or("a worker does not answer our own query")
        })
    }
}

/// Exports what the host's network interface drops.
fn report_drops(metrics: &Metrics, token: &CancellationToken) {
    let drops = Arc::new(LinkLocalDrops::default());
    drops.export(metrics);
    tokio::spawn(token.clone().run_until_cancelled_owned(drops.follow()));
}

/// What ends the daemon.
struct Stop {
    token: CancellationToken,
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    fn new() -> Result<Self, Error> {
        let of = |kind| signal(kind).map_err(Error::internal);
        let (terminate, interrupt) = (of(SignalKind::terminate())?, of(SignalKind::interrupt())?);
        Ok(Self { token: CancellationToken::new(), terminate, interrupt })
    }

    /// Waits for a signal. A source that ends does not end the daemon, which goes on answering with what it has; one
    /// that panics is a fault of ours that systemd should see.
    async fn wait(mut self, sources: Vec<JoinHandle<()>>) -> Result<(), Error> {
        let fault = async {
            let mut sources: FuturesUnordered<_> = sources.into_iter().collect();
            while let Some(ended) = sources.next().await {
                ended.map_err(|error| Error::Internal(format!("the source failed: {error}")))?;
            }
            std::future::pending().await
        };
        let ended = tokio::select! {
            _ = self.terminate.recv() => Ok(()),
            _ = self.interrupt.recv() => Ok(()),
            fault = fault => fault,
        };
        self.token.cancel();
        ended
    }
}

/// Runs the updater on a thread of its own: rendering a whole cluster takes a while, in which others want to be served.
fn start_updater(updater: Updater, messages: mpsc::Receiver<Message>) -> Result<std::thread::JoinHandle<()>, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(Error::internal)?;
    let thread = std::thread::Builder::new().name("updater".to_owned());
    thread.spawn(move || runtime.block_on(updater.run(messages))).map_err(Error::internal)
}

/// From a configuration to what the zone needs of it.
fn zone_of(feed: &Prepared, listen: Vec<std::net::SocketAddr>) -> live::ToZone {
    let feed = feed.clone();
    Box::new(move |config: &Config| zone_settings(config, &feed, &listen))
}

fn zone_settings(config: &Config, feed: &Prepared, listen: &[std::net::SocketAddr]) -> zone::Settings {
    let name_servers = listen.iter().map(std::net::SocketAddr::ip).filter(|ip| !ip.is_unspecified()).collect();
    zone::Settings {
        origin: config.dns.zone.clone(),
        // Without any cluster to follow, nothing can be known not to exist.
        all_clusters: feed.all || (feed.clusters.is_empty() && feed.has_inventory()),
        default_clusters: feed.clusters.clone(),
        ttl: config.dns.ttl,
        negative_ttl: config.dns.negative_ttl,
        fail_open: config.dns.fail_open,
        fallback: match config.route53.fallback {
            config::settings::Fallback::Resolver => zone::Fallback::Resolver,
            config::settings::Fallback::Api => zone::Fallback::Api,
            config::settings::Fallback::Off => zone::Fallback::Off,
        },
        prefer_route53: config.route53.prefer == config::settings::Prefer::Route53,
        records: config.records.split(&config.dns.zone).0,
        name_servers,
        source: feed.label(),
    }
}

#[cfg(test)]
mod tests;
