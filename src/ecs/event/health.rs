//! "ecs-resolver Task Health": what a controller has seen of the health of tasks, told to all agents of the cluster
//! through the topic that brings them AWS's events, because no event of AWS tells it.
//!
//! # Format
//! EventBridge's envelope with a `source` of our own. EventBridge lets nobody but AWS use `aws.…`, and the rule of
//! `config/event-rule.json` passes nothing else, so who may publish to the topic decides who may say such a thing.
//!
//! ```json
//! {
//!   "version": "0",
//!   "id": "5f0b7c1e-4a53-4c83-9d0e-0d6a3f7d1b52",
//!   "detail-type": "ecs-resolver Task Health",
//!   "source": "ecs-resolver",
//!   "account": "123456789012",
//!   "time": "2026-11-23T10:00:00.25Z",
//!   "region": "us-east-1",
//!   "resources": ["arn:aws:ecs:us-east-1:123456789012:cluster/prod"],
//!   "detail": {
//!     "formatVersion": 1,
//!     "clusterArn": "arn:aws:ecs:us-east-1:123456789012:cluster/prod",
//!     "observedAt": "2026-11-23T10:00:00.25Z",
//!     "intervalMillis": 10000,
//!     "tasks": [
//!       {
//!         "taskArn": "arn:aws:ecs:us-east-1:123456789012:task/prod/0123456789abcdef0123456789abcdef",
//!         "containers": [{"name": "web", "healthStatus": "HEALTHY"}]
//!       }
//!     ]
//!   }
//! }
//! ```
//!
//! | field of `detail` | what it is |
//! |---|---|
//! | `formatVersion` | 1. A message of another one is ignored and counted, so it changes only when old readers must not read on; fields may be added without |
//! | `clusterArn` | the cluster |
//! | `observedAt` | start of the DescribeTasks request that reported it, RFC 3339, by the sender's clock |
//! | `intervalMillis` | the sender says something again within this time, if only that it lives; an integer, 1,000 to 3,600,000 |
//! | `tasks` | tasks whose health is new, at most 500; none in a mere sign of life |
//! | `tasks[].taskArn` | the task |
//! | `tasks[].containers` | its containers with a health check, at most 100 |
//! | `tasks[].containers[].name` | name in the task definition, 1 to 255 characters |
//! | `tasks[].containers[].healthStatus` | HEALTHY, UNHEALTHY or UNKNOWN, as DescribeTasks spells it; another word counts as UNKNOWN |
//!
//! All fields are required. A number or a length out of bounds makes the whole message unreadable. The envelope's
//! `account`, `region`, `time` and `resources` repeat what `detail` says, for filters and metrics; a reader trusts
//! `detail`. SNS takes messages of up to 256 KiB: 500 tasks of one container with usual names are about 100 KiB.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::envelope::Envelope;
use super::{Detail, EventError, HealthOfTask, Ignored, TaskHealth, detail as read_detail, read};
use crate::ecs::{ClusterArn, Health, TaskArn, Timestamp};

/// `detail-type` of the message.
pub const DETAIL_TYPE: &str = "ecs-resolver Task Health";
/// `source` of the message.
pub const SOURCE: &str = "ecs-resolver";
/// Most tasks of one message.
pub const MAX_TASKS: usize = 500;
/// Bounds of the interval.
pub const INTERVAL: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(1);

const FORMAT: u64 = 1;
const MAX_CONTAINERS: usize = 100;
const MAX_NAME: usize = 255;

/// What every version of the format has.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Format {
    format_version: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    cluster_arn: ClusterArn,
    observed_at: Timestamp,
    interval_millis: u64,
    #[serde(deserialize_with = "read::list")]
    tasks: Vec<ToldTask>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToldTask {
    task_arn: TaskArn,
    #[serde(deserialize_with = "read::list")]
    containers: Vec<ToldContainer>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToldContainer {
    name: String,
    health_status: Health,
}

pub(super) fn detail(envelope: &Envelope<'_>) -> Result<Detail, EventError> {
    let format: Format = read_detail(envelope)?;
    if format.format_version != FORMAT {
        return Ok(Detail::Ignored(Ignored::UnknownVersion));
    }
    let told: Told = read_detail(envelope)?;
    let wrong = |why: String| EventError::detail(&envelope.detail_type, &why);
    told.read().map(Detail::TaskHealth).map_err(wrong)
}

impl Told {
    /// What it says, or what is out of bounds.
    fn read(self) -> Result<TaskHealth, String> {
        let interval = Duration::from_millis(self.interval_millis);
        if !INTERVAL.contains(&interval) {
            let (least, most) = (INTERVAL.start().as_millis(), INTERVAL.end().as_millis());
            return Err(format!("`intervalMillis` is {}: expected {least} to {most}", self.interval_millis));
        }
        if self.tasks.len() > MAX_TASKS {
            return Err(format!("`tasks` has {} entries: expected at most {MAX_TASKS}", self.tasks.len()));
        }
        let tasks = self.tasks.into_iter().map(ToldTask::read).collect::<Result<_, _>>()?;
        Ok(TaskHealth { cluster: self.cluster_arn, at: self.observed_at, interval, tasks })
    }
}

impl ToldTask {
    fn read(self) -> Result<HealthOfTask, String> {
        let (task, told) = (self.task_arn, self.containers);
        if told.len() > MAX_CONTAINERS {
            return Err(format!("{task} has {} `containers`: expected at most {MAX_CONTAINERS}", told.len()));
        }
        if told.iter().any(|one| !(1..=MAX_NAME).contains(&one.name.chars().count())) {
            return Err(format!(
                "a container of {task} has a `name` that is empty or longer than {MAX_NAME} characters"
            ));
        }
        let containers = told.into_iter().map(|one| (one.name, one.health_status)).collect();
        Ok(HealthOfTask { task, containers })
    }
}

/// Writes `health` as a message under the given `id`, which should be unique. An interval out of bounds is written as
/// the nearest in bounds; what is less than a millisecond is dropped.
///
/// The caller cuts what it has to tell into messages of at most [`MAX_TASKS`]: a longer one is not read.
#[must_use]
pub fn task_health_message(health: &TaskHealth, id: &str) -> String {
    let (cluster, at) = (health.cluster.as_str(), health.at.to_string());
    let interval = health.interval.clamp(*INTERVAL.start(), *INTERVAL.end());
    let message = json!({
        "version": "0",
        "id": id,
        "detail-type": DETAIL_TYPE,
        "source": SOURCE,
        "account": health.cluster.account(),
        "time": at,
        "region": health.cluster.region(),
        "resources": [cluster],
        "detail": {
            "formatVersion": FORMAT,
            "clusterArn": cluster,
            "observedAt": at,
            "intervalMillis": u64::try_from(interval.as_millis()).unwrap_or(u64::MAX),
            "tasks": health.tasks.iter().map(task).collect::<Value>(),
        },
    });
    message.to_string()
}

fn task(from: &HealthOfTask) -> Value {
    let container = |(name, health): &(String, Health)| json!({"name": name, "healthStatus": health});
    json!({
        "taskArn": from.task.as_str(),
        "containers": from.containers.iter().map(container).collect::<Value>(),
    })
}
