//! A task that is seen by DescribeTasks and by its event is the same task, but for its health: each event of
//! `tests/fixtures/events` is told again as the API would.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::*;
use crate::ecs::Timestamp;
use crate::ecs::event::{self, Detail};

/// The `detail` of an event as DescribeTasks has it: times are numbers, an interface has another type, and there is
/// health.
fn as_described(mut detail: Value) -> Value {
    for (name, value) in detail.as_object_mut().unwrap() {
        if let Some(time) = value.as_str().filter(|_| name.ends_with("At")) {
            let time: Timestamp = time.parse().unwrap();
            *value = json!(time.as_millisecond() as f64 / 1000.0);
        }
    }
    for attachment in detail["attachments"].as_array_mut().into_iter().flatten() {
        if attachment["type"] == "eni" {
            attachment["type"] = json!("ElasticNetworkInterface");
        }
    }
    for container in detail["containers"].as_array_mut().into_iter().flatten() {
        container["healthStatus"] = json!("HEALTHY");
    }
    detail["healthStatus"] = json!("HEALTHY");
    detail
}

fn task_events() -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/events");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let is_task = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.starts_with("task-") && !name.starts_with("task-health")
    };
    files.filter(is_task).collect()
}

#[tokio::test]
async fn a_task_is_the_same_by_its_event_and_by_its_description() {
    let mut addresses = 0;
    for path in task_events() {
        let body = std::fs::read(&path).unwrap();
        let Detail::Task(told) = event::parse(&body).unwrap().detail else { panic!("{}: no task", path.display()) };
        let event: Value = serde_json::from_slice(&body).unwrap();
        let answer = json!({"tasks": [as_described(event["detail"].clone())], "failures": []});
        let (ecs, ..) = ecs(&[&answer.to_string()]).await;
        let mut described = ecs.describe_tasks(&prod(), &[task_arn("a1")]).await.unwrap().found.pop().unwrap();
        for container in &mut described.containers {
            assert_eq!(container.health.take(), Some(Health::Healthy));
        }
        addresses += described.ipv4.len();
        assert_eq!(described, told, "{}", path.display());
    }
    assert!(addresses >= 5, "the events hold {addresses} addresses");
}
