//! Events as AWS sends them, and what they ask for.

use super::*;
use crate::ecs::event;
use crate::ecs::event::{HealthOfTask, TaskHealth};
use crate::ecs::{Health, TaskArn, Timestamp};

const TASK: &str = "arn:aws:ecs:us-east-1:123456789012:task/prod/0123456789abcdef0123456789abcdef";

fn cluster(name: &str) -> ClusterArn {
    ClusterArn::of("us-east-1", "123456789012", name).unwrap()
}

fn task(group: &str) -> Detail {
    let text = serde_json::json!({
        "version": "0", "id": "1", "detail-type": "ECS Task State Change", "source": "aws.ecs",
        "account": "123456789012", "time": "2026-11-23T10:00:00Z", "region": "us-east-1", "resources": [TASK],
        "detail": {
            "taskArn": TASK, "clusterArn": cluster("prod").as_str(), "group": group, "version": 3,
            "taskDefinitionArn": "arn:aws:ecs:us-east-1:123456789012:task-definition/web:1",
            "lastStatus": "RUNNING", "desiredStatus": "RUNNING", "containers": [],
        },
    });
    event::parse(text.to_string().as_bytes()).unwrap().detail
}

fn health(tasks: usize) -> Detail {
    let told =
        HealthOfTask { task: TaskArn::parse(TASK).unwrap(), containers: vec![("web".to_owned(), Health::Healthy)] };
    let interval = std::time::Duration::from_secs(10);
    let tasks = vec![told; tasks];
    Detail::TaskHealth(TaskHealth { cluster: cluster("prod"), at: Timestamp::UNIX_EPOCH, interval, tasks })
}

fn asked(clusters: &[&str], kinds: &[Kind], detail: &Detail) -> Asked {
    let clusters: Vec<_> = clusters.iter().map(|name| (*name).to_owned()).collect();
    Relevance::new(&clusters, &kinds.iter().copied().collect()).of(&Inventory::default(), detail)
}

#[test]
fn a_service_of_ours_is_looked_at() {
    let service = ServiceArn::of(&cluster("prod"), "web").unwrap();
    let hint = ServiceHint { cluster: cluster("prod"), service };
    let detail = Detail::Service(hint.clone());
    assert_eq!(asked(&["test", "prod"], &[Kind::Cname], &detail), Asked::Of(hint.clone()));
    assert_eq!(asked(&[cluster("prod").as_str()], &[Kind::Cname], &detail), Asked::Of(hint));
    assert_eq!(asked(&["test"], &[Kind::Cname], &detail), Asked::Nothing);
}

#[test]
fn tasks_matter_only_where_tasks_are_registered() {
    for (detail, what) in [(task("service:web"), "a task"), (health(1), "its health")] {
        assert_eq!(asked(&["prod"], &[Kind::Cname], &detail), Asked::Nothing, "{what}");
        assert_ne!(asked(&["prod"], &[Kind::Cname, Kind::A], &detail), Asked::Nothing, "{what}");
        assert_eq!(asked(&["test"], &[Kind::Cname, Kind::A], &detail), Asked::Nothing, "{what}");
    }
    assert_eq!(asked(&["prod"], &[Kind::A], &task("family:batch")), Asked::Nothing);
    assert_eq!(asked(&["prod"], &[Kind::A], &health(0)), Asked::Nothing, "a mere sign of life");
}
