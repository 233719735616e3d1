//! The single writer: takes what the sources have learned, brings inventory and zone up to date, and publishes.
//!
//! Changes that are waiting are taken together and published with one swap. Whoever delivered them is told only after
//! that swap. After a restart, what a first pass finds of a cluster is published once that pass is through (`held`).

mod held;
mod preemption;
pub(crate) mod spread;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use crate::dns::{DomainName, Ede};
use crate::inventory::drift::{self, Told};
use crate::inventory::{Change, Inventory, Outcome, Subject, reduce};
use crate::snapshot::{Shared, Snapshot};
use crate::source::{Delivery, Message, Origin};
use crate::zone::block::Block;
use crate::zone::layers::HostedRecords;
use crate::zone::writer::Render;
use crate::zone::{Settings, ZoneWriter};
use held::Held;
use preemption::Preemption;

/// Deliveries that are published with one swap at most.
const BATCH: usize = 256;

/// Subjects that are worth a thread to render them.
const SUBJECTS: usize = 256;

/// Collisions, and unsound records, that are remembered as logged.
const MAX_REPORTED: usize = 10_000;

/// Services, tasks and container instances that are held, unless [`Updater::holding`] says otherwise.
const MAX_RESOURCES: usize = 150_000;

/// Told of the names that say something else from now on, after they do.
pub type Tell = Box<dyn FnMut(&BTreeSet<DomainName>) + Send>;

/// What the updater has done and what it holds; read by metrics, written by the updater alone.
#[derive(Debug, Default)]
pub struct UpdaterStats {
    /// Changes that made a difference.
    pub changed: AtomicU64,
    /// Changes that said what was known.
    pub unchanged: AtomicU64,
    /// Changes that were older than what was known.
    pub stale: AtomicU64,
    /// Changes that brought something for which there was no room.
    pub refused: AtomicU64,
    /// Changes that a pass beside events has found, by [`Told`]: what the events had missed.
    pub drift: [AtomicU64; Told::ALL.len()],
    /// Snapshots published.
    pub generation: AtomicU64,
    /// SOA serial.
    pub serial: AtomicU64,
    /// Names in the zone, empty non-terminals included.
    pub names: AtomicU64,
    /// Clusters in the inventory.
    pub clusters: AtomicU64,
    /// Clusters in the inventory that have been read completely.
    pub synced_clusters: AtomicU64,
    /// Services in the inventory.
    pub services: AtomicU64,
    /// Tasks in the inventory.
    pub tasks: AtomicU64,
    /// Container instances in the inventory.
    pub container_instances: AtomicU64,
    /// Services that answer with UNHEALTHY tasks.
    pub failed_open: AtomicU64,
    /// Tasks that answer although their host is being drained.
    pub kept_draining: AtomicU64,
    /// Pairs of services found to want the same name.
    pub contested: AtomicU64,
    /// Subjects whose news wait for the end of the first pass after a restart.
    pub held: AtomicU64,
    /// Services, tasks and container instances that there is no room for any more of, while something has been refused
    /// for it; 0 while there is room.
    pub full: AtomicU64,
}

/// The updater's state.
pub struct Updater {
    inventory: Inventory,
    writer: ZoneWriter,
    shared: Shared,
    generation: u64,
    /// Snapshots that a worker may still hold; kept so that it is never a worker that frees one.
    retired: Vec<Arc<Snapshot>>,
    stats: Arc<UpdaterStats>,
    /// Pairs of services whose names collide and that have been logged.
    reported: BTreeSet<(Subject, Subject)>,
    /// Records of the hosted zone that cannot be answered and have been logged.
    skipped: BTreeSet<String>,
    tell: Option<Tell>,
    max_resources: usize,
    /// Said with every answer of ECS.
    ede: Option<Ede>,
    held: Held,
    /// Of the core, between the parts of a change.
    preemption: Preemption,
}

impl Updater {
    /// An updater with an empty inventory, and the place where it publishes. `serial` is where the SOA serial starts:
    /// it should be higher than that of any earlier run.
    #[must_use]
    pub fn new(settings: Settings, serial: u32) -> Self {
        let inventory = Inventory::default();
        let writer = ZoneWriter::new(settings, &inventory, serial);
        let shared = Shared::new(Snapshot { generation: 0, zone: writer.zone().clone(), ede: None });
        let updater = Self {
            inventory,
            writer,
            shared,
            generation: 0,
            retired: Vec::new(),
            stats: Arc::default(),
            reported: BTreeSet::new(),
            skipped: BTreeSet::new(),
            tell: None,
            max_resources: MAX_RESOURCES,
            ede: None,
            held: Held::default(),
            preemption: Preemption::new(),
        };
        updater.count();
        updater
    }

    /// The same updater with an inventory of before the restart, published, and `ede` said with every answer until a
    /// [`Message::Remark`] says otherwise. What a first pass over one of its clusters finds is published when that is
    /// through, complete or not: while it is under way, tasks that are gone are known before those that have replaced them.
    #[must_use]
    pub fn restored(mut self, inventory: Inventory, ede: Ede) -> Self {
        let clusters: BTreeSet<_> =
            inventory.clusters.values().filter(|record| record.synced).map(|it| it.cluster.arn.clone()).collect();
        let touched = inventory.clusters.keys().cloned().map(Subject::Cluster).collect();
        (self.inventory, self.ede, self.held) = (inventory, Some(ede), Held::until_passed(clusters));
        self.publish(&touched, None, None);
        self
    }

    /// The same updater, telling `tell` after each publication which names have changed.
    #[must_use]
    pub fn telling(self, tell: Tell) -> Self {
        Self { tell: Some(tell), ..self }
    }

    /// The same updater, with room for `resources` services, tasks and container instances together.
    #[must_use]
    pub fn holding(self, resources: usize) -> Self {
        Self { max_resources: resources, ..self }
    }

    /// Where it publishes.
    #[must_use]
    pub fn shared(&self) -> Shared {
        self.shared.clone()
    }

    /// Its counters.
    #[must_use]
    pub fn stats(&self) -> Arc<UpdaterStats> {
        Arc::clone(&self.stats)
    }

    /// Works until every [`Updates`](crate::source::Updates) is gone.
    pub async fn run(mut self, mut messages: mpsc::Receiver<Message>) {
        let mut waiting = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                biased;
                () = passes(self.held.deadline()) => self.give_up(),
                count = messages.recv_many(&mut waiting, BATCH) => {
                    if count == 0 {
                        return;
                    }
                    self.process(waiting.drain(..));
                }
            }
            // A long queue must not keep the rest of the runtime waiting.
            tokio::task::yield_now().await;
        }
    }

    /// Takes messages in their order: deliveries are gathered and published together, a question sees all before it.
    fn process(&mut self, messages: impl Iterator<Item = Message>) {
        let mut touched = BTreeSet::new();
        let mut done: Vec<oneshot::Sender<()>> = Vec::new();
        let (mut settings, mut hosted) = (None, None);
        let mut anew = false;
        for message in messages {
            match message {
                Message::Ask(look) => look(&self.inventory),
                Message::Deliver(Delivery { changes, origin, done: waiting }) => {
                    touched.extend(self.reduce(changes, origin));
                    done.extend(waiting);
                }
                Message::Passed(cluster, waiting) => {
                    touched.append(&mut self.held.release(&cluster));
                    done.push(waiting);
                }
                Message::Hosted(records, waiting) => {
                    hosted = Some(records);
                    done.push(waiting);
                }
                Message::Remark(ede) => {
                    anew |= self.ede != ede;
                    self.ede = ede;
                }
                Message::Configure(other, resources, waiting) => {
                    self.max_resources = resources;
                    settings = Some(*other);
                    done.push(waiting);
                }
            }
        }
        self.preemption.point();
        let settings = settings.filter(|other| *other != *self.writer.zone().settings);
        if !touched.is_empty() || settings.is_some() || hosted.is_some() || anew {
            self.publish(&touched, settings, hosted.as_ref());
        }
        self.stats.held.store(self.held.subjects().len() as u64, Ordering::Relaxed);
        self.stats.full.store(self.full(), Ordering::Relaxed);
        for waiting in done {
            // Who delivered may have stopped waiting.
            let _ = waiting.send(());
        }
    }

    /// Publishes what a pass has found that takes too long.
    fn give_up(&mut self) {
        let late = self.held.give_up();
        tracing::warn!(
            "the first pass after the start is not through after {:?}: what it has found so far of {} services, tasks and \
             hosts is answered from now on",
            held::LONGEST,
            late.len()
        );
        self.publish(&late, None, None);
        self.stats.held.store(self.held.subjects().len() as u64, Ordering::Relaxed);
    }

    fn reduce(&mut self, changes: Vec<Change>, origin: Origin) -> BTreeSet<Subject> {
        let mut touched = BTreeSet::new();
        let mut released = BTreeSet::new();
        for change in changes {
            if self.inventory.has_no_room_for(&change, self.max_resources) {
                self.refuse();
                continue;
            }
            // What happened while we were down, no event could tell us.
            let reconciled = origin == Origin::Reconcile && self.held.is_all_read();
            let missed = if reconciled { drift::missed(&self.inventory, &change) } else { None };
            match &change {
                Change::Synced { cluster } => self.held.read(cluster),
                Change::Unsynced { cluster } => released.append(&mut self.held.release(cluster)),
                _ => {}
            }
            let (inventory, outcome) = reduce(std::mem::take(&mut self.inventory), change);
            self.inventory = inventory;
            let counter = match outcome {
                Outcome::Changed(subjects) => {
                    touched.extend(subjects);
                    if let Some(counter) = missed.and_then(|told| self.stats.drift.get(told as usize)) {
                        counter.fetch_add(1, Ordering::Relaxed);
                    }
                    &self.stats.changed
                }
                Outcome::Unchanged => &self.stats.unchanged,
                Outcome::Stale => &self.stats.stale,
            };
            counter.fetch_add(1, Ordering::Relaxed);
        }
        let mut touched = self.held.sift(touched, origin, &self.inventory, Instant::now());
        touched.append(&mut released);
        touched
    }

    /// What is held, if no more can be and something was refused for it.
    fn full(&self) -> u64 {
        let held = self.inventory.size();
        let full = self.stats.refused.load(Ordering::Relaxed) > 0 && held >= self.max_resources;
        if full { held as u64 } else { 0 }
    }

    /// Counts a change for which there is no room, and says so when it is the first one.
    fn refuse(&self) {
        if self.stats.refused.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::error!(
                "the inventory holds {} services, tasks and container instances and takes no new ones, which will have \
                 no names: follow fewer clusters (ecs.clusters), or raise limits.inventory and the memory",
                self.inventory.size(),
            );
        }
    }

    fn publish(&mut self, touched: &BTreeSet<Subject>, settings: Option<Settings>, hosted: Option<&HostedRecords>) {
        let (inventory, held, told) = (&self.inventory, self.held.subjects(), self.tell.is_some());
        let render = |subjects: &[Subject], render: Render<'_>| render_all(subjects, render, &self.preemption);
        let mut diff = self.writer.update_by(inventory, touched, held, told, render);
        if let Some(settings) = settings {
            let of_settings = self.writer.reconfigure(settings, inventory, held, told, render);
            diff.changed.extend(of_settings.changed);
            diff.contested.extend(of_settings.contested);
        }
        if let Some(hosted) = hosted {
            let of_hosted = self.writer.replace_hosted(hosted);
            self.report_skipped(
                of_hosted.skipped.iter().map(ToString::to_string).chain(hosted.unreadable.iter().cloned()),
            );
            diff.changed.extend(of_hosted.changed);
        }
        self.report(diff.contested);
        self.preemption.point();
        self.generation += 1;
        let next = Snapshot { generation: self.generation, zone: self.writer.zone().clone(), ede: self.ede.clone() };
        self.retired.push(self.shared.replace(next));
        self.retired.retain(|snapshot| Arc::strong_count(snapshot) > 1);
        self.count();
        if let Some(tell) = self.tell.as_mut().filter(|_| !diff.changed.is_empty()) {
            tell(&diff.changed);
        }
    }

    /// Says once of each record of the hosted zone why it is not answered.
    fn report_skipped(&mut self, skipped: impl Iterator<Item = String>) {
        if self.skipped.len() > MAX_REPORTED {
            self.skipped.clear();
        }
        for record in skipped {
            if !self.skipped.contains(&record) {
                tracing::warn!("a record of the hosted zone is left out: {record}");
                self.skipped.insert(record);
            }
        }
    }

    /// Says once for each pair of services that they want the same name.
    fn report(&mut self, contested: BTreeSet<(Subject, Subject)>) {
        if self.reported.len() > MAX_REPORTED {
            self.reported.clear();
        }
        for pair in contested {
            if self.reported.insert(pair.clone()) {
                self.stats.contested.fetch_add(1, Ordering::Relaxed);
                let (winner, loser) = pair;
                tracing::warn!(%winner, %loser, "two services want one name: the first has it; rename the other");
            }
        }
    }

    fn count(&self) {
        let zone = self.writer.zone();
        let (stats, counts) = (&self.stats, self.inventory.counts());
        let sizes = [
            (&stats.generation, self.generation),
            (&stats.serial, u64::from(zone.soa.serial())),
            (&stats.names, zone.len() as u64),
            (&stats.clusters, counts.clusters as u64),
            (&stats.synced_clusters, counts.synced_clusters as u64),
            (&stats.services, counts.services as u64),
            (&stats.tasks, counts.tasks as u64),
            (&stats.container_instances, counts.container_instances as u64),
            (&stats.failed_open, self.writer.failed_open() as u64),
            (&stats.kept_draining, self.writer.kept_draining() as u64),
        ];
        for (gauge, value) in sizes {
            gauge.store(value, Ordering::Relaxed);
        }
    }
}

/// Renders subjects, on several cores if there are many.
fn render_all(subjects: &[Subject], render: Render<'_>, preemption: &Preemption) -> Vec<Option<Block>> {
    spread::over_cores(subjects, SUBJECTS, |subject| {
        let block = render(subject, &|| preemption.point());
        preemption.point();
        block
    })
}

/// Waits until then; without a time, for ever.
async fn passes(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
