//! What it costs to change one task, in clusters of 1,000, 10,000 and 100,000 tasks: reduce, render, claims, and a new
//! version of the zone while the one before is still held, as the workers hold it.
//!
//! The cost must follow the change and not the fleet: the three figures lie within 3x of one another.

use std::collections::BTreeSet;
use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use ecs_resolver::dns::DomainName;
use ecs_resolver::ecs::{Health, Task, TaskArn, TaskStatus, Timestamp};
use ecs_resolver::inventory::{Change, Inventory, Outcome, Resource, Subject, reduce};
use ecs_resolver::source::synthetic::synthetic;
use ecs_resolver::zone::{Settings, Zone, ZoneWriter};

fn settings() -> Settings {
    Settings::new(DomainName::from_text("ecs.internal").expect("a name"), vec!["prod".to_owned()])
}

/// A cluster, its zone, and the version of it that was published last.
struct Fleet {
    inventory: Inventory,
    writer: ZoneWriter,
    published: Zone,
    arns: Vec<TaskArn>,
    second: i64,
}

impl Fleet {
    fn of(tasks: usize) -> Self {
        let inventory = Inventory::default();
        let writer = ZoneWriter::new(settings(), &inventory, 1);
        let published = writer.zone().clone();
        let mut fleet = Self { inventory, writer, published, arns: Vec::new(), second: 1_700_000_000 };
        let mut touched = BTreeSet::new();
        for change in synthetic(tasks / 4, 4).into_changes(fleet.now()) {
            touched.extend(fleet.reduce(change));
        }
        fleet.writer.update(&fleet.inventory, &touched);
        fleet.arns = fleet.inventory.tasks.keys().cloned().collect();
        fleet
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.second).expect("a time")
    }

    fn reduce(&mut self, change: Change) -> BTreeSet<Subject> {
        let (inventory, outcome) = reduce(std::mem::take(&mut self.inventory), change);
        self.inventory = inventory;
        match outcome {
            Outcome::Changed(subjects) => subjects,
            Outcome::Unchanged | Outcome::Stale => BTreeSet::new(),
        }
    }

    /// A task of the fleet, each time another one, that stops or starts being ready.
    fn next_change(&mut self) -> Change {
        self.second += 1;
        let index = (self.second as usize).wrapping_mul(7919) % self.arns.len();
        let record = self.inventory.tasks.get(&self.arns[index]).expect("a task");
        let mut task: Task = record.task.clone();
        task.version = Some(task.version.unwrap_or(0) + 1);
        let ready = task.last_status == TaskStatus::Running;
        task.last_status = if ready { TaskStatus::Pending } else { TaskStatus::Running };
        for container in &mut task.containers {
            container.health = Some(Health::Healthy);
        }
        Change::Apply { resource: Resource::Task(task), at: self.now() }
    }

    /// What the updater does with a change.
    fn apply(&mut self, change: Change) -> usize {
        let touched = self.reduce(change);
        let changed = self.writer.update(&self.inventory, &touched).changed.len();
        self.published = self.writer.zone().clone();
        changed
    }
}

fn change_one_task(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("change_one_task");
    for tasks in [1_000, 10_000, 100_000] {
        let fleet = std::cell::RefCell::new(Fleet::of(tasks));
        group.bench_function(BenchmarkId::from_parameter(tasks), |bencher| {
            bencher.iter_batched(
                || fleet.borrow_mut().next_change(),
                |change| black_box(fleet.borrow_mut().apply(change)),
                BatchSize::PerIteration,
            );
        });
        assert!(!fleet.borrow().published.is_empty());
    }
    group.finish();
}

criterion_group!(benches, change_one_task);
criterion_main!(benches);
