//! An outage with the clock under control.

use super::*;
use crate::daemon::feed::{Feed, Prepared};
use crate::daemon::readiness;
use crate::dns::DomainName;
use crate::ecs::Timestamp;
use crate::http::Readiness;
use crate::inventory::Document;
use crate::snapshot::Shared;
use crate::source::pace::Interval;
use crate::source::synthetic;
use crate::updater::Updater;
use crate::zone::{Settings, text};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// A cluster that was read at the start and cannot be read any more.
struct Outage {
    shared: Shared,
    updates: Updates,
    status: Arc<SourceStatus>,
    clock: Clock,
    cluster: ClusterArn,
}

impl Outage {
    async fn begin(max_age: Duration) -> Self {
        let document: Document = synthetic::synthetic(20, 3);
        let cluster = document.clusters[0].arn.clone();
        let origin = DomainName::from_text("ecs.internal").unwrap();
        let updater = Updater::new(Settings::new(origin, vec![cluster.id().to_owned()]), 1);
        let shared = updater.shared();
        let (updates, messages) = Updates::channel();
        tokio::spawn(updater.run(messages));
        let clock = Clock::at(Timestamp::from_second(1_764_000_000).unwrap());
        updates.serve(crate::source::Origin::Read, document.into_changes(clock.now())).await.unwrap();
        let status = Arc::new(SourceStatus::default());
        status.complete(&cluster, clock.now());
        let every = Duration::from_secs(30);
        status.pace(Interval { configured: every, effective: every, limited_by: None, agents: 1 });
        let max_age = Some(max_age);
        let watch = Watch { updates: updates.clone(), status: Arc::clone(&status), clock, max_age };
        tokio::spawn(watch.run());
        Self { shared, updates, status, clock, cluster }
    }

    /// Lets time pass, and everybody see it.
    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
        self.updates.ask(|_| ()).await.unwrap();
    }

    fn readiness(&self) -> Readiness {
        let feed = Prepared { feed: Feed::Describe, clusters: vec![self.cluster.id().to_owned()], all: false };
        let sync = Arc::clone(&self.shared.load().zone.sync);
        readiness::of((&feed, false), &sync, &self.status.report(), 0, self.clock.now())
    }

    fn zone(&self) -> String {
        text::master_file(&self.shared.load().zone)
    }

    fn remark(&self) -> Option<String> {
        self.shared.load().ede.as_ref().map(|ede| format!("{}: {}", ede.code(), ede.text()))
    }
}

#[tokio::test(start_paused = true)]
async fn a_day_without_aws_changes_no_answer_and_says_so() {
    let outage = Outage::begin(7 * DAY).await;
    let before = outage.zone();
    assert!(before.contains("svc-0007"), "{before}");
    outage.pass(Duration::from_secs(149)).await;
    assert_eq!(outage.remark(), None, "a few passes may fail");
    outage.pass(DAY).await;
    assert_eq!(outage.zone(), before);
    let since = "3: inventory as of 2025-11-24T16:00:00Z, not read since: cluster ";
    let said = outage.remark().unwrap();
    assert_eq!(said, format!("{since}{}", outage.cluster.id()));
    let ready = outage.readiness();
    let why =
        format!("cluster {} was last read completely 86549 s ago, as of 2025-11-24T16:00:00Z", outage.cluster.id());
    assert_eq!((ready.ready, ready.reasons), (false, vec![why]));
    let generation = outage.shared.load().generation;
    outage.pass(HOUR).await;
    assert_eq!(outage.shared.load().generation, generation, "it is said once, not every second");

    outage.status.complete(&outage.cluster, outage.clock.now());
    outage.pass(LOOK * 2).await;
    assert_eq!((outage.remark(), outage.zone()), (None, before));
}

#[tokio::test(start_paused = true)]
async fn what_is_too_old_for_anybody_is_given_up_until_it_is_read() {
    let outage = Outage::begin(HOUR).await;
    let before = outage.zone();
    let name = DomainName::from_text("svc-0007.ecs.internal").unwrap();
    let answers = || {
        let zone = outage.shared.load().zone.clone();
        zone.find(name.as_wire()).is_some_and(|entry| entry.shown().is_some())
    };
    outage.pass(HOUR).await;
    assert!(answers() && outage.shared.load().zone.sync.is_complete());
    outage.pass(Duration::from_secs(2)).await;
    assert!(!answers());
    assert!(outage.shared.load().zone.sync.default_pending, "its names get SERVFAIL, not NXDOMAIN");

    let synced = Change::Synced { cluster: outage.cluster.clone() };
    outage.updates.serve(crate::source::Origin::Read, vec![synced]).await.unwrap();
    outage.status.complete(&outage.cluster, outage.clock.now());
    outage.pass(LOOK * 2).await;
    assert_eq!((outage.remark(), without_serial(&outage.zone())), (None, without_serial(&before)));
}

/// The lines of a zone but for its SOA.
fn without_serial(zone: &str) -> Vec<&str> {
    zone.lines().filter(|line| !line.contains(" SOA ")).collect()
}
