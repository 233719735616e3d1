//! Tasks that leave: never before their successors are there, if those are to be had.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::rig::{Rig, change_task, set_health, task_event};
use crate::ecs::{Container, ContainerDefinition, Health, NetworkMode, TaskDefinition, TaskStatus};
use crate::inventory::ServiceKey;
use crate::source::describe::call::Call;
use crate::source::describe::tests::world::{World, cluster, definition, task};
use crate::source::ports::ApiErrorKind;
use crate::zone::readiness::{Standing, TaskView};

/// `web` with task 1, HEALTHY, and task 2, of which nothing is known yet but that it runs.
fn world() -> World {
    let world = World::with_prod();
    world.add_service("web", Vec::new());
    let app = ContainerDefinition {
        name: "app".to_owned(),
        essential: true,
        health_check: true,
        port_mappings: Vec::new(),
        docker_labels: [].into(),
    };
    let it = TaskDefinition { arn: definition("web"), network_mode: NetworkMode::Awsvpc, containers: vec![app] };
    world.change().definitions.insert(it.arn.clone(), it);
    for (id, health) in [("1", Health::Healthy), ("2", Health::Unknown)] {
        world.add_task(id, "web");
        let mut state = world.change();
        let task = state.tasks.get_mut(&task(id)).unwrap();
        task.group = Some("service:web".to_owned());
        task.version = Some(1);
        task.containers =
            vec![Container { name: "app".to_owned(), health: Some(health), network_bindings: Vec::new() }];
    }
    world
}

/// Ids of the tasks that are ready.
async fn ready(rig: &Rig) -> Vec<String> {
    rig.inventory(|inventory| {
        let web = ServiceKey::new(&cluster("prod"), "web");
        let tasks = inventory.tasks_of(&web);
        let ready = tasks.filter(|record| TaskView::of(inventory, record).standing == Standing::Ready);
        ready.map(|record| record.task.arn.id().to_owned()).collect()
    })
    .await
}

fn stops(rig: &Rig, id: &str) -> String {
    task_event(&change_task(&rig.world, id, |task| task.desired_status = TaskStatus::Stopped)).to_string()
}

#[tokio::test(start_paused = true)]
async fn the_last_ready_task_leaves_when_its_successor_has_been_seen_healthy() {
    let rig = Rig::start(world());
    rig.is_live().await;
    assert_eq!(ready(&rig).await, ["1"]);
    // ECS stops the old task as soon as the new one is HEALTHY.
    set_health(&rig.world, "2", Health::Healthy);
    let receipt = rig.queue.send(&stops(&rig, "1"));
    while !rig.queue.is_deleted(&receipt) {
        assert_ne!(ready(&rig).await, [""; 0], "a hole that AWS does not have");
        sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(ready(&rig).await, ["2"]);
    assert_eq!((rig.stats.held.load(Relaxed), rig.stats.held_in_vain.load(Relaxed)), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_successor_that_no_event_has_told_of_is_found() {
    let rig = Rig::start(world());
    rig.is_live().await;
    rig.world.add_task("3", "web");
    {
        let mut state = rig.world.change();
        let like = state.tasks[&task("1")].clone();
        *state.tasks.get_mut(&task("3")).unwrap() = crate::ecs::Task { arn: task("3"), ..like };
    }
    rig.deliver(&stops(&rig, "1")).await;
    assert_eq!(ready(&rig).await, ["3"]);
}

#[tokio::test(start_paused = true)]
async fn the_wait_is_two_seconds_at_most() {
    let rig = Rig::start(world());
    rig.is_live().await;
    rig.world.change().hanging.push(Call::DescribeTasks);
    let began = Instant::now();
    rig.deliver(&stops(&rig, "1")).await;
    assert!((Duration::from_secs(2)..Duration::from_millis(2_200)).contains(&began.elapsed()), "{:?}", began.elapsed());
    assert_eq!(ready(&rig).await, [""; 0]);
    assert_eq!(rig.stats.held_in_vain.load(Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_look_that_fails_is_repeated_while_the_task_waits() {
    let rig = Rig::start(world());
    rig.is_live().await;
    set_health(&rig.world, "2", Health::Healthy);
    rig.world.change().broken.push((Call::DescribeTasks, ApiErrorKind::Throttled));
    let receipt = rig.queue.send(&stops(&rig, "1"));
    sleep(Duration::from_millis(500)).await;
    assert_eq!(ready(&rig).await, ["1"]);
    rig.world.change().broken.clear();
    rig.until("the message is deleted", |rig| rig.queue.is_deleted(&receipt)).await;
    assert_eq!(ready(&rig).await, ["2"]);
    assert_eq!(rig.stats.held_in_vain.load(Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn while_one_waits_others_do_not() {
    let rig = Rig::start(world());
    rig.is_live().await;
    rig.world.change().hanging.push(Call::DescribeTasks);
    let held = rig.queue.send(&stops(&rig, "1"));
    sleep(Duration::from_millis(100)).await;
    rig.world.add_task("9", "web");
    let began = Instant::now();
    rig.deliver(&task_event(&change_task(&rig.world, "9", |_| {}))).await;
    assert!(began.elapsed() < Duration::from_secs(1));
    assert!(!rig.queue.is_deleted(&held), "it is still held, and comes again if we die");
}

#[tokio::test(start_paused = true)]
async fn two_that_leave_together_do_not_each_rely_on_the_other() {
    let rig = Rig::start(world());
    set_health(&rig.world, "2", Health::Healthy);
    rig.is_live().await;
    assert_eq!(ready(&rig).await, ["1", "2"]);
    rig.world.change().hanging.push(Call::DescribeTasks);
    let first = rig.queue.send(&stops(&rig, "1"));
    rig.until("the first is gone", |rig| rig.queue.is_deleted(&first)).await;
    let second = rig.queue.send(&stops(&rig, "2"));
    sleep(Duration::from_millis(500)).await;
    assert!(!rig.queue.is_deleted(&second));
    assert_eq!(ready(&rig).await, ["2"], "it is all there is");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_has_stopped_is_not_answered_for_long() {
    let rig = Rig::start(world());
    rig.is_live().await;
    rig.world.change().hanging.push(Call::DescribeTasks);
    let began = Instant::now();
    let over = change_task(&rig.world, "1", |task| {
        (task.desired_status, task.last_status) = (TaskStatus::Stopped, TaskStatus::Stopped);
    });
    rig.deliver(&task_event(&over)).await;
    assert!(began.elapsed() < Duration::from_millis(900), "{:?}", began.elapsed());
    assert_eq!(ready(&rig).await, [""; 0]);
}
