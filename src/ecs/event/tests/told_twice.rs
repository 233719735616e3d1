//! Messages of our own type are read as they were written.

use proptest::prelude::*;

use super::*;
use crate::ecs::event::health::MAX_TASKS;

fn any_health() -> impl Strategy<Value = TaskHealth> {
    let health = prop::sample::select(vec![Health::Healthy, Health::Unhealthy, Health::Unknown]);
    let containers = prop::collection::vec(("\\PC{1,20}", health), 0..4);
    let task = ("[0-9a-f]{32}", containers).prop_map(|(id, containers)| HealthOfTask {
        task: TaskArn::parse(&format!("{PREFIX}:task/prod/{id}")).unwrap(),
        containers,
    });
    let at = (0..4_000_000_000_i64, 0..1_000_000_000_i32);
    (at, 1_000..=3_600_000_u64, prop::collection::vec(task, 0..5)).prop_map(|(at, interval, tasks)| TaskHealth {
        cluster: ClusterArn::parse(&format!("{PREFIX}:cluster/prod")).unwrap(),
        at: Timestamp::new(at.0, at.1).unwrap(),
        interval: Duration::from_millis(interval),
        tasks,
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read(health in any_health(), id in "[0-9a-f-]{1,36}") {
        let event = parse(task_health_message(&health, &id).as_bytes()).unwrap();
        prop_assert_eq!((event.id, event.time), (id, Some(health.at)));
        prop_assert_eq!((event.account.as_str(), event.region.as_str()), ("123456789012", "us-east-1"));
        prop_assert_eq!(event.detail, Detail::TaskHealth(health));
    }
}

fn health() -> TaskHealth {
    let Detail::TaskHealth(health) = parsed(fixture!("task-health")) else { panic!("the fixture is of this type") };
    health
}

#[test]
fn the_format_stays_as_it_is_documented() {
    let health = health();
    assert_eq!((health.interval, health.tasks.len()), (Duration::from_secs(10), 2));
    assert_eq!(health.tasks[0].containers[0], ("web".to_owned(), Health::Healthy));
    let mut fixture: Value = serde_json::from_str(fixture!("task-health")).unwrap();
    fixture["time"] = fixture["detail"]["observedAt"].clone();
    let written = task_health_message(&health, fixture["id"].as_str().unwrap());
    assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), fixture);
    let documented = include_str!("../health.rs").lines().filter_map(|line| line.strip_prefix("//!"));
    let documented: String =
        documented.skip_while(|line| *line != " ```json").skip(1).take_while(|line| *line != " ```").collect();
    assert!(matches!(parsed(&documented), Detail::TaskHealth(told) if told.tasks.len() == 1));
}

#[test]
fn what_is_out_of_bounds_is_not_read() {
    let task = json!({"taskArn": format!("{PREFIX}:task/prod/1"), "containers": []});
    let container = json!({"name": "web", "healthStatus": "HEALTHY"});
    // where, what, and what the error says; nothing if it is in bounds
    let table = [
        ("/intervalMillis", json!(999), "expected 1000 to 3600000"),
        ("/intervalMillis", json!(1000), ""),
        ("/intervalMillis", json!(3_600_000), ""),
        ("/intervalMillis", json!(3_600_001), "expected 1000 to 3600000"),
        ("/intervalMillis", json!(u64::MAX), "expected 1000 to 3600000"),
        ("/intervalMillis", json!(-1), "expected u64"),
        ("/intervalMillis", json!(1.5), "expected u64"),
        ("/formatVersion", json!("1"), "expected u64"),
        ("/observedAt", json!(1_767_225_600), "expected a timestamp string"),
        ("/tasks", vec![task.clone(); MAX_TASKS].into(), ""),
        ("/tasks", vec![task; MAX_TASKS + 1].into(), "at most 500"),
        ("/tasks/0/containers", vec![container.clone(); 100].into(), ""),
        ("/tasks/0/containers", vec![container; 101].into(), "at most 100"),
        ("/tasks/0/containers/0/name", json!("ü".repeat(255)), ""),
        ("/tasks/0/containers/0/name", json!("x".repeat(256)), "longer than 255"),
        ("/tasks/0/containers/0/name", json!(""), "empty"),
        ("/tasks/0/containers/0/healthStatus", json!("RECOVERING"), ""),
        ("/tasks/0/taskArn", json!("a1"), "not an ARN of an ECS task"),
    ];
    for (at, value, says) in table {
        let shown = value.to_string().chars().take(40).collect::<String>();
        let body = changed(fixture!("task-health"), |detail| *detail.pointer_mut(at).unwrap() = value);
        match parse(body.as_bytes()) {
            Ok(event) => assert!(says.is_empty() && matches!(event.detail, Detail::TaskHealth(_)), "{at} {shown}"),
            Err(error) => assert!(!says.is_empty() && error.to_string().contains(says), "{at} {shown}: {error}"),
        }
    }
}

#[test]
fn every_field_is_required() {
    for field in ["formatVersion", "clusterArn", "observedAt", "intervalMillis", "tasks"] {
        let body = changed(fixture!("task-health"), |detail| {
            detail.as_object_mut().unwrap().remove(field);
        });
        assert!(error(&body).contains(&format!("missing field `{field}`")), "{}", error(&body));
    }
}

#[test]
fn an_interval_out_of_bounds_is_written_as_the_nearest() {
    for (given, written) in [(Duration::ZERO, 1), (Duration::MAX, 3600), (Duration::from_secs(7), 7)] {
        let body = task_health_message(&TaskHealth { interval: given, ..health() }, "x");
        let Detail::TaskHealth(read) = parsed(&body) else { panic!("{body}") };
        assert_eq!(read.interval, Duration::from_secs(written));
    }
}
