//! The source at work: order, deletion, loss of the queue, what is asked because of events.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::rig::{Deed, Rig, change_task, event, set_health, task_event};
use crate::ecs::{ContainerDefinition, Health, NetworkMode, TaskDefinition, TaskStatus};
use crate::source::describe::call::Call;
use crate::source::describe::tests::world::{World, cluster, definition, host, service, task};
use crate::source::ports::ApiErrorKind;

/// `web`, behind two load balancers, with task 1 from a definition with a health check; HEALTHY.
fn world() -> World {
    let world = World::small();
    with_check(&world, "web");
    of_service(&world, "1", "web");
    set_health(&world, "1", Health::Healthy);
    world
}

fn with_check(world: &World, family: &str) {
    let app = ContainerDefinition {
        name: "app".to_owned(),
        essential: true,
        health_check: true,
        port_mappings: Vec::new(),
        docker_labels: [].into(),
    };
    let it = TaskDefinition { arn: definition(family), network_mode: NetworkMode::Awsvpc, containers: vec![app] };
    world.change().definitions.insert(it.arn.clone(), it);
}

fn of_service(world: &World, id: &str, name: &str) {
    let mut state = world.change();
    let task = state.tasks.get_mut(&task(id)).unwrap();
    task.group = Some(format!("service:{name}"));
    task.version = Some(1);
    task.containers = vec![crate::ecs::Container { name: "app".to_owned(), ..Default::default() }];
}

async fn status(rig: &Rig) -> Vec<(String, TaskStatus)> {
    rig.inventory(|it| it.tasks.values().map(|it| (it.task.arn.id().to_owned(), it.task.desired_status)).collect())
        .await
}

#[tokio::test(start_paused = true)]
async fn the_queue_is_opened_first_and_read_last() {
    let rig = Rig::start_with(world(), None);
    rig.until("the queue is read", |rig| rig.queue.count(&Deed::Asked) > 0).await;
    assert_eq!(rig.queue.state().deeds[0], Deed::Opened);
    assert!(!rig.world.sizes(Call::DescribeTasks).is_empty(), "everything was listed before the first message");
    assert!(rig.status.report().complete.contains_key(&cluster("prod")));
}

#[tokio::test(start_paused = true)]
async fn a_message_is_deleted_once_it_is_served() {
    let rig = Rig::start(world());
    rig.is_live().await;
    let stopping = change_task(&rig.world, "1", |task| task.last_status = TaskStatus::Stopped);
    rig.deliver(&task_event(&stopping)).await;
    assert!(status(&rig).await.is_empty());
    assert_eq!(rig.counted("task", "served"), 1);
    let (counts, _) = rig.stats.serving.read();
    assert_eq!(counts.iter().sum::<u64>(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_means_nothing_is_counted_and_removed() {
    let rig = Rig::start(world());
    rig.is_live().await;
    rig.deliver("{\"detail-type\": \"ECS Task State Change\", \"detail\": 7").await;
    rig.deliver("").await;
    assert_eq!(rig.counted("other", "malformed"), 2);
    rig.deliver(&event("ECS Weather Report", &[], &serde_json::json!({}))).await;
    assert_eq!(rig.counted("other", "ignored"), 1);
    let staging =
        task_event(&change_task(&rig.world, "1", |_| {})).to_string().replace("cluster/prod", "cluster/staging");
    rig.deliver(&staging).await;
    assert_eq!(rig.counted("task", "foreign"), 1);
    assert_eq!(status(&rig).await, [("1".to_owned(), TaskStatus::Running)]);
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_is_gone_is_opened_again_and_everything_is_read() {
    let rig = Rig::start(world());
    rig.is_live().await;
    let passes = rig.world.sizes(Call::ListTasks).len();
    rig.queue.state().broken = Some(ApiErrorKind::NotFound);
    rig.until("it is opened again", |rig| rig.queue.count(&Deed::Opened) > 2).await;
    rig.until("and polled", |rig| rig.world.sizes(Call::ListTasks).len() > passes + 2).await;
    // Nobody tells of this one.
    change_task(&rig.world, "1", |task| task.desired_status = TaskStatus::Stopped);
    rig.queue.state().broken = None;
    rig.queue.state().deeds.clear();
    rig.until("it is read again", |rig| rig.queue.count(&Deed::Asked) > 0).await;
    assert_eq!(status(&rig).await, [("1".to_owned(), TaskStatus::Stopped)]);
}

#[tokio::test(start_paused = true)]
async fn a_silent_queue_is_replaced_by_polling_and_says_so() {
    let rig = Rig::start(world());
    rig.is_live().await;
    sleep(Duration::from_secs(90)).await;
    let quiet = rig.world.sizes(Call::ListTasks).len();
    rig.queue.state().broken = Some(ApiErrorKind::Unreachable);
    rig.until("the failure is noted", |rig| !rig.status.report().failing.is_empty()).await;
    sleep(Duration::from_secs(300)).await;
    let polled = rig.world.sizes(Call::ListTasks).len() - quiet;
    assert!((7..=11).contains(&polled), "every 30 s after a minute of silence, but {polled} in 5 minutes");
    assert!(rig.status.report().events.unwrap().heard < rig.status.report().complete[&cluster("prod")]);
}

#[tokio::test(start_paused = true)]
async fn without_a_queue_the_clusters_are_polled() {
    let rig = Rig::start_with(world(), Some(ApiErrorKind::Denied));
    sleep(Duration::from_secs(300)).await;
    let polled = rig.world.sizes(Call::ListTasks).len();
    assert!((9..=13).contains(&polled), "{polled}");
}

#[tokio::test(start_paused = true)]
async fn a_steady_cluster_costs_nothing_but_looks_at_health_and_everything_now_and_then() {
    let rig = Rig::start(world());
    rig.is_live().await;
    rig.world.change().requests.clear();
    sleep(Duration::from_secs(500)).await;
    let state = rig.world.change();
    let others = state.requests.iter().filter(|(call, ..)| *call != Call::DescribeTasks);
    let others: Vec<_> = others.map(|(call, _, at)| (*call, *at)).collect();
    // The pass that was due at the interval of polling, from before the events came.
    let passes = others.iter().filter(|(call, _)| *call == Call::ListTasks).count();
    assert!(passes <= 1, "{others:?}");
    let looks = state.requests.iter().filter(|(call, size, _)| *call == Call::DescribeTasks && *size == 1).count();
    assert!((45..=60).contains(&looks), "every 10 s: {looks}");
}

#[tokio::test(start_paused = true)]
async fn a_controller_spares_us_the_looks_at_health() {
    let rig = Rig::start(world());
    rig.is_live().await;
    let said = crate::ecs::event::TaskHealth {
        cluster: cluster("prod"),
        at: crate::ecs::Timestamp::from_second(999_000).unwrap(),
        interval: Duration::from_secs(600),
        tasks: vec![crate::ecs::event::HealthOfTask {
            task: task("1"),
            containers: vec![("app".to_owned(), Health::Unhealthy)],
        }],
    };
    rig.deliver(&crate::ecs::event::task_health_message(&said, "1")).await;
    let health = rig.inventory(|it| it.tasks.values().next().and_then(|it| it.task.containers[0].health)).await;
    assert_eq!(health, Some(Health::Unhealthy), "although its clock is an hour behind");
    sleep(Duration::from_secs(60)).await;
    rig.world.change().requests.clear();
    sleep(Duration::from_secs(400)).await;
    assert_eq!(rig.world.sizes(Call::DescribeTasks), [0; 0]);
    sleep(Duration::from_secs(400)).await;
    assert!(!rig.world.sizes(Call::DescribeTasks).is_empty(), "it has fallen silent");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_changes_is_looked_at_until_it_has_settled() {
    let rig = Rig::start(world());
    rig.is_live().await;
    rig.world.add_task("2", "web");
    of_service(&rig.world, "2", "web");
    set_health(&rig.world, "2", Health::Unknown);
    rig.world.change().requests.clear();
    let began = Instant::now();
    rig.deliver(&task_event(&change_task(&rig.world, "2", |_| {}))).await;
    sleep(Duration::from_secs(9)).await;
    let looks: Vec<_> =
        rig.world.change().requests.iter().filter(|it| it.0 == Call::DescribeTasks).map(|it| it.2 - began).collect();
    assert!(looks[0] < Duration::from_millis(200), "now: {looks:?}");
    assert!((4..=6).contains(&looks.len()), "every 2 s, and one look at everything: {looks:?}");
    set_health(&rig.world, "2", Health::Healthy);
    sleep(Duration::from_secs(3)).await;
    rig.world.change().requests.clear();
    sleep(Duration::from_secs(60)).await;
    let steady = rig.world.sizes(Call::DescribeTasks).len();
    assert!((5..=7).contains(&steady), "only what is steady: {steady}");
}

#[tokio::test(start_paused = true)]
async fn what_an_event_refers_to_is_asked_for() {
    let rig = Rig::start(world());
    rig.is_live().await;
    let balancer = rig.world.add_group("api");
    rig.world.add_service("api", vec![balancer]);
    rig.world.add_host("b", "i-b");
    rig.world.add_definition("api");
    rig.world.add_task("7", "api");
    of_service(&rig.world, "7", "api");
    // The API does not know the service at first.
    rig.world.change().undescribed.insert(service("api").to_string());
    let born = change_task(&rig.world, "7", |task| task.container_instance = Some(host("b")));
    rig.deliver(&task_event(&born)).await;
    sleep(Duration::from_millis(500)).await;
    assert_eq!(rig.inventory(|it| (it.services.len(), it.ec2_instances.len())).await, (1, 2));
    rig.world.change().undescribed.clear();
    sleep(Duration::from_secs(20)).await;
    let known = rig.inventory(|it| (it.services.len(), it.load_balancers.len(), it.task_definitions.len())).await;
    assert_eq!(known, (2, 3, 2));
    assert_eq!(rig.status.report().failing, []);
}

#[tokio::test(start_paused = true)]
async fn what_aws_has_not_answered_is_asked_again() {
    let rig = Rig::start(world());
    rig.is_live().await;
    rig.world.add_host("b", "i-b");
    let calls = [Call::DescribeServices, Call::DescribeContainerInstances];
    rig.world.change().broken.extend(calls.map(|call| (call, ApiErrorKind::Unreachable)));
    rig.world.change().services.get_mut(&service("web")).unwrap().desired_count = 7;
    let born = change_task(&rig.world, "1", |task| task.container_instance = Some(host("b")));
    rig.deliver(&task_event(&born)).await;
    let action = serde_json::json!({
        "eventType": "INFO", "eventName": "SERVICE_STEADY_STATE", "clusterArn": cluster("prod").as_str(),
        "createdAt": "2026-11-25T10:00:00Z",
    });
    rig.deliver(&event("ECS Service Action", &[service("web").as_str()], &action)).await;
    sleep(Duration::from_millis(500)).await;
    rig.world.change().broken.clear();
    sleep(Duration::from_secs(5)).await;
    let known = rig.inventory(|it| (it.services.values().next().unwrap().value.desired_count, it.ec2_instances.len()));
    assert_eq!(known.await, (7, 2));
}

#[tokio::test(start_paused = true)]
async fn looks_at_a_service_that_never_settles_become_seldom() {
    let world = world();
    set_health(&world, "1", Health::Unknown);
    let rig = Rig::start(world);
    rig.is_live().await;
    let looks = |rig: &Rig| rig.world.sizes(Call::DescribeTasks).len();
    sleep(Duration::from_secs(40)).await;
    rig.world.change().requests.clear();
    sleep(Duration::from_secs(20)).await;
    assert!(looks(&rig) >= 10, "every 2 s, although no event told of it: {}", looks(&rig));
    sleep(Duration::from_secs(100)).await;
    rig.world.change().requests.clear();
    sleep(Duration::from_secs(100)).await;
    assert!((15..=25).contains(&looks(&rig)), "every 10 s, and the steady ones: {}", looks(&rig));
}

#[tokio::test(start_paused = true)]
async fn a_service_event_has_the_service_described() {
    let rig = Rig::start(world());
    rig.is_live().await;
    let arn = service("web");
    rig.world.change().services.get_mut(&arn).unwrap().desired_count = 7;
    let action = serde_json::json!({
        "eventType": "INFO", "eventName": "SERVICE_STEADY_STATE", "clusterArn": cluster("prod").as_str(),
        "createdAt": "2026-11-25T10:00:00Z",
    });
    rig.deliver(&event("ECS Service Action", &[arn.as_str()], &action)).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(rig.inventory(|it| it.services.values().next().unwrap().value.desired_count).await, 7);
}

#[tokio::test(start_paused = true)]
async fn what_a_pass_finds_beside_events_is_drift() {
    // Without a check, or a look at its health would find it first.
    let world = World::small();
    of_service(&world, "1", "web");
    let rig = Rig::start(world);
    rig.is_live().await;
    let drift = |rig: &Rig| rig.updater.drift.each_ref().map(|it| it.load(std::sync::atomic::Ordering::Relaxed));
    assert_eq!(drift(&rig), [0; 4], "the first pass finds everything, and that is no drift");
    change_task(&rig.world, "1", |task| task.desired_status = TaskStatus::Stopped);
    sleep(Duration::from_secs(800)).await;
    assert_eq!(drift(&rig), [1, 0, 0, 0]);
    assert_eq!(rig.status.report().interval.unwrap().configured, Duration::from_secs(600));
}

#[tokio::test(start_paused = true)]
async fn a_second_reader_of_the_queue_is_told_of() {
    let rig = Rig::start(world());
    rig.is_live().await;
    rig.queue.state().owner = Some("i-2 (boot 7)".to_owned());
    sleep(Duration::from_secs(400)).await;
    assert_eq!(rig.status.report().events.unwrap().shared_with.as_deref(), Some("i-2 (boot 7)"));
    rig.queue.state().owner = None;
    sleep(Duration::from_secs(600)).await;
    assert_eq!(rig.status.report().events.unwrap().shared_with, None);
}
