//! What is served of a first pass after a restart, step by step.

use std::sync::Mutex;

use super::*;
use crate::ecs::{NetworkMode, Task, TaskDefinition, TaskStatus};
use crate::inventory::reduce::samples::{
    World, apply, at, cluster, cluster_arn, definition, prod, seen, service, task, task_arn,
};
use crate::inventory::{Resource, ResourceId};
use crate::route53::{Content, RecordSet, Routing};
use crate::zone::text;

/// `first` goes before `prod`, which has the service `web`.
fn settings() -> Settings {
    let origin = DomainName::from_text("ecs.internal").unwrap();
    Settings::new(origin, vec!["first".to_owned(), "prod".to_owned()])
}

/// Task `number` of `web` runs at 10.0.0.`number`.
fn runs(number: u8) -> Change {
    let ipv4 = vec![[10, 0, 0, number].into()];
    seen(Task { ipv4, container_instance: None, ..task(number.into(), 1) }, 10)
}

fn gone(number: u8) -> Change {
    Change::Delete { id: ResourceId::Task(task_arn(number.into())), at: at(20) }
}

/// An updater that has been started anew, and knows task 1 of `web` from before.
fn restored() -> Updater {
    let mut plain = definition(1);
    plain.containers.iter_mut().for_each(|container| container.health_check = false);
    let known = [
        apply(Resource::Cluster(cluster("first")), 0),
        apply(Resource::Cluster(cluster("prod")), 0),
        apply(Resource::Service(service("web")), 0),
        apply(Resource::TaskDefinition(TaskDefinition { network_mode: NetworkMode::Awsvpc, ..plain }), 0),
        runs(1),
        Change::Synced { cluster: cluster_arn("first") },
        Change::Synced { cluster: prod() },
    ];
    Updater::new(settings(), 1).restored(World::after(known).0, Ede::new(Ede::STALE_ANSWER, "old"))
}

impl Updater {
    fn hears(&mut self, origin: Origin, changes: impl Into<Vec<Change>>) {
        self.process([Message::Deliver(Delivery::from(origin, changes.into()))].into_iter());
    }

    /// A pass over `prod` is through.
    fn passes(&mut self) {
        self.process([Message::Passed(prod(), oneshot::channel().0)].into_iter());
    }

    fn is_told(&mut self, settings: Settings) {
        self.process([Message::Configure(Box::new(settings), usize::MAX, oneshot::channel().0)].into_iter());
    }

    /// The addresses of `web` and their TTL.
    fn web(&self) -> Vec<String> {
        let file = text::master_file(&self.shared.load().zone);
        let lines = file.lines().filter_map(|line| line.strip_prefix("web.prod.ecs.internal. "));
        lines.filter(|line| line.contains(" IN A ")).map(|line| line.replace(" IN A", "")).collect()
    }

    fn version(&self) -> (u64, u32) {
        let snapshot = self.shared.load();
        (snapshot.generation, snapshot.zone.soa.serial())
    }
}

#[test]
fn half_a_pass_is_not_served_whatever_else_there_is_to_publish() {
    let mut updater = restored();
    assert_eq!(updater.web(), ["5 10.0.0.1"]);
    updater.hears(Origin::Read, [gone(1)]);
    assert_eq!(updater.web(), ["5 10.0.0.1"], "its successor has not been found yet");
    updater.is_told(Settings { ttl: 9, ..settings() });
    assert_eq!(updater.web(), ["5 10.0.0.1"], "other settings");
    updater.hears(Origin::Read, [Change::Unsynced { cluster: cluster_arn("first") }]);
    assert_eq!(updater.web(), ["5 10.0.0.1"], "a cluster that goes before it is given up");
    updater.hears(Origin::Read, [runs(2)]);
    updater.passes();
    assert_eq!(updater.web(), ["9 10.0.0.2"], "the pass is through, if not complete");
    updater.hears(Origin::Read, [gone(2), runs(3)]);
    assert_eq!(updater.web(), ["9 10.0.0.3"], "later ones are not held");
}

#[tokio::test(start_paused = true)]
async fn a_pass_that_takes_too_long_is_served_as_far_as_it_is() {
    let updater = restored();
    let (shared, stats) = (updater.shared(), updater.stats());
    let (updates, messages) = crate::source::Updates::channel();
    tokio::spawn(updater.run(messages));
    updates.serve(Origin::Read, vec![gone(1), runs(2)]).await.unwrap();
    let has = |address| text::master_file(&shared.load().zone).contains(address);
    tokio::time::sleep(held::LONGEST / 2).await;
    updates.serve(Origin::Read, vec![runs(3)]).await.unwrap();
    assert!(has("10.0.0.1") && !has("10.0.0.2") && stats.held.load(Ordering::Relaxed) == 1);
    tokio::time::sleep(held::LONGEST).await;
    assert!(!has("10.0.0.1") && has("10.0.0.2") && has("10.0.0.3") && stats.held.load(Ordering::Relaxed) == 0);
}

#[test]
fn a_cluster_that_is_given_up_is_not_served_for_being_held() {
    let mut updater = restored();
    updater.hears(Origin::Read, [runs(2)]);
    updater.hears(Origin::Read, [Change::Unsynced { cluster: prod() }]);
    assert_eq!(updater.web(), [""; 0]);
}

#[test]
fn what_an_event_tells_is_served_at_once() {
    let mut updater = restored();
    updater.hears(Origin::Read, [runs(2)]);
    let mut leaving = task(1, 2);
    leaving.desired_status = TaskStatus::Stopped;
    updater.hears(Origin::Event, [seen(leaving, 30)]);
    assert_eq!(updater.web(), ["1 10.0.0.2"]);
    updater.is_told(Settings { negative_ttl: 9, ..settings() });
    assert_eq!(updater.web(), ["1 10.0.0.2"], "and is so from then on");
}

#[test]
fn other_settings_are_told_of_by_what_they_change() {
    let told = Arc::new(Mutex::new(BTreeSet::new()));
    let tell = Arc::clone(&told);
    let mut updater = restored().telling(Box::new(move |names| tell.lock().unwrap().extend(names.iter().cloned())));
    let before = updater.version();
    updater.is_told(settings());
    assert_eq!(updater.version(), before, "they are the same");
    let name = DomainName::from_text("db.ecs.internal").unwrap();
    let record = RecordSet {
        name: name.clone(),
        kind: crate::dns::RecordType::A,
        content: Content::Values { ttl: 7, values: vec!["10.0.0.9".to_owned()] },
        routing: Routing::Simple,
        set_identifier: None,
        health_check: None,
    };
    updater.is_told(Settings { records: vec![record], ..settings() });
    assert_eq!(updater.version(), (before.0 + 1, before.1 + 1));
    assert_eq!(*told.lock().unwrap(), [name].into());
    updater.is_told(settings());
    assert_eq!(told.lock().unwrap().len(), 1, "it is gone");
    assert!(!text::master_file(&updater.shared.load().zone).contains("db.ecs.internal"));
}
