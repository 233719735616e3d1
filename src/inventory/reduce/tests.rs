//! The rules of `reduce` for tasks; those of the other resources are in `tests/`.

mod lists;
mod others;

use super::samples::{World, apply, at, changed, container, definition, definition_arn, seen, subject, task, task_arn};
use crate::ecs::{Health, NetworkBinding, Protocol, Task, TaskStatus};
use crate::inventory::{Change, Outcome, Resource, ResourceId, Subject};

fn stopped(number: u32, version: u64) -> Task {
    Task { last_status: TaskStatus::Stopped, desired_status: TaskStatus::Stopped, ..task(number, version) }
}

fn with_health(version: u64, health: Health) -> Task {
    Task { containers: vec![container("app", Some(health))], ..task(1, version) }
}

fn health_of(world: &World) -> Option<Health> {
    world.0.tasks[&task_arn(1)].task.containers[0].health
}

#[test]
fn an_older_version_never_wins_however_late_it_was_requested() {
    let mut world = World::default();
    assert_eq!(world.step(seen(task(1, 5), 10)), changed([subject("web")]));
    let older = Task { desired_status: TaskStatus::Stopped, ..task(1, 4) };
    assert_eq!(world.step(seen(older, 20)), Outcome::Stale);
    let record = &world.0.tasks[&task_arn(1)];
    assert_eq!((record.task.desired_status, record.at, record.lifecycle_at), (TaskStatus::Running, at(20), at(10)));
    let newer = Task { desired_status: TaskStatus::Stopped, ..task(1, 6) };
    assert_eq!(world.step(seen(newer, 5)), changed([subject("web")]));
    assert_eq!(world.0.tasks[&task_arn(1)].task.desired_status, TaskStatus::Stopped);
}

#[test]
fn the_same_version_again_only_fills_what_was_missing() {
    let bare = Task { availability_zone: None, containers: Vec::new(), ..task(1, 5) };
    let mut world = World::after([seen(bare.clone(), 10)]);
    let mut full = task(1, 5);
    full.containers[0].network_bindings =
        vec![NetworkBinding { container_port: 80, host_port: 32768, protocol: Protocol::Tcp }];
    assert_eq!(world.step(seen(full.clone(), 20)), changed([subject("web")]));
    assert_eq!(world.0.tasks[&task_arn(1)].task, full);
    assert_eq!(world.step(seen(bare, 30)), Outcome::Unchanged);
    assert_eq!(world.0.tasks[&task_arn(1)].at, at(30), "the time of the last sight moves");
    let bare_and_newer = Task { availability_zone: None, containers: Vec::new(), ..task(1, 6) };
    assert_eq!(world.step(seen(bare_and_newer, 40)), Outcome::Unchanged, "what is absent clears nothing");
    assert_eq!(world.0.tasks[&task_arn(1)].task.availability_zone.as_deref(), Some("us-east-1a"));
}

#[test]
fn without_a_version_the_later_request_wins() {
    let unversioned = |desired_status| Task { version: None, desired_status, ..task(1, 0) };
    let mut world = World::after([seen(unversioned(TaskStatus::Stopped), 10)]);
    assert_eq!(world.step(seen(unversioned(TaskStatus::Running), 9)), Outcome::Stale);
    assert_eq!(world.step(seen(unversioned(TaskStatus::Running), 10)), changed([subject("web")]), "equal wins");
    assert_eq!(world.step(seen(unversioned(TaskStatus::Running), 11)), Outcome::Unchanged);
}

#[test]
fn health_flips_at_a_constant_version_and_is_ordered_by_request() {
    let mut world = World::after([seen(with_health(5, Health::Healthy), 10)]);
    assert_eq!(world.step(seen(with_health(5, Health::Unhealthy), 20)), changed([subject("web")]));
    assert_eq!(world.step(seen(with_health(5, Health::Healthy), 15)), Outcome::Unchanged, "an older request");
    assert_eq!(health_of(&world), Some(Health::Unhealthy));
    assert_eq!(world.step(seen(with_health(4, Health::Healthy), 30)), changed([subject("web")]), "by itself");
    assert_eq!(health_of(&world), Some(Health::Healthy));
    assert_eq!(world.step(seen(with_health(5, Health::Unhealthy), 30)), changed([subject("web")]), "a tie");
    assert_eq!(world.step(seen(with_health(5, Health::Healthy), 30)), Outcome::Unchanged);
}

#[test]
fn once_healthy_only_unhealthy_withdraws() {
    let mut world = World::after([seen(with_health(5, Health::Healthy), 10)]);
    assert_eq!(world.step(seen(with_health(6, Health::Unknown), 20)), Outcome::Unchanged);
    assert_eq!(world.step(seen(task(1, 7), 30)), Outcome::Unchanged, "an event has no health");
    assert_eq!(health_of(&world), Some(Health::Healthy));
}

#[test]
fn a_stopped_task_stays_stopped() {
    let mut world = World::after([seen(task(1, 5), 10)]);
    assert_eq!(world.step(seen(stopped(1, 6), 20)), changed([subject("web")]));
    assert!(world.0.tasks.is_empty() && world.0.links.tasks_of.is_empty());
    assert_eq!(world.step(seen(task(1, 9), 30)), Outcome::Stale);
    assert!(world.0.tasks.is_empty());
    assert_eq!(world.step(seen(stopped(2, 6), 40)), Outcome::Unchanged, "one that we never saw");
    assert_eq!(world.step(seen(task(2, 5), 50)), Outcome::Stale);
    let deleted = Task { last_status: TaskStatus::Deleted, ..task(3, 1) };
    let mut world = World::after([seen(task(3, 1), 10), seen(deleted, 20)]);
    assert!(world.0.tasks.is_empty());
    assert_eq!(world.step(seen(task(3, 2), 30)), Outcome::Stale);
}

#[test]
fn a_missing_task_goes_unless_it_was_seen_since() {
    let missing = |second| Change::Delete { id: ResourceId::Task(task_arn(1)), at: at(second) };
    let mut world = World::after([seen(task(1, 5), 10)]);
    assert_eq!(world.step(missing(9)), Outcome::Stale);
    assert_eq!(world.step(missing(10)), changed([subject("web")]));
    assert_eq!(world.step(seen(task(1, 6), 20)), Outcome::Stale);
    assert_eq!(world.step(missing(30)), Outcome::Unchanged);
}

#[test]
fn a_task_of_no_service_is_a_subject_of_its_own() {
    let mut world = World::default();
    let standalone = Task { group: Some("family:batch".to_owned()), ..task(1, 1) };
    assert_eq!(world.step(seen(standalone.clone(), 10)), changed([Subject::Task(task_arn(1))]));
    let adopted = Task { version: Some(2), group: Some("service:web".to_owned()), ..standalone };
    assert_eq!(world.step(seen(adopted, 20)), changed([Subject::Task(task_arn(1)), subject("web")]));
}

#[test]
fn a_definition_touches_its_users_once_and_goes_with_the_last() {
    let known = |number| apply(Resource::TaskDefinition(definition(number)), 0);
    let other = Task { group: None, ..task(2, 1) };
    let mut world = World::after([seen(task(1, 1), 10), seen(other, 10)]);
    assert_eq!(world.step(known(1)), changed([subject("web"), Subject::Task(task_arn(2))]));
    assert_eq!(world.step(known(1)), Outcome::Unchanged);
    let _ = world.step(seen(stopped(1, 2), 20));
    assert!(world.0.task_definitions.contains_key(&definition_arn(1)));
    let _ = world.step(seen(stopped(2, 2), 20));
    assert!(world.0.task_definitions.is_empty());
    assert_eq!(world.step(known(7)), changed([]), "nobody uses it yet");
}

#[test]
fn containers_are_kept_in_the_order_of_their_names() {
    let of = |names: &[&str]| names.iter().map(|name| container(name, None)).collect();
    let mut world = World::after([seen(Task { containers: of(&["b", "a"]), ..task(1, 1) }, 10)]);
    assert_eq!(world.step(seen(Task { containers: of(&["a", "b"]), ..task(1, 1) }, 20)), Outcome::Unchanged);
    assert_eq!(world.0.tasks[&task_arn(1)].task.containers, of(&["a", "b"]));
}
