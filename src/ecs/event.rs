//! What EventBridge tells of ECS and EC2, in our words: from the JSON of one message to one [`Event`].
//!
//! Only reading. Whether an event concerns us, what it changes and what must be asked after it is decided by
//! `source/events`. Unknown fields are ignored, unknown types and versions are [`Detail::Ignored`]; only what is no
//! event at all, or lacks what its type must have, is an error.
//!
//! A message is the event itself (SNS raw delivery, a queue as the target of a rule) or SNS's envelope around it.
//! [`health`] is a type of our own; its format is documented there.

mod call;
mod envelope;
mod error;
pub mod health;
mod host;
mod read;
mod service;
mod task;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde::de::DeserializeOwned;

use super::{ClusterArn, ContainerInstance, Ec2InstanceId, Ec2State, Health, ServiceArn, Task, TaskArn, Timestamp};
use envelope::Envelope;
pub use error::EventError;
pub use health::task_health_message;

/// Longest message that is read, in bytes: what SQS takes (1 MiB), and some slack for an emulator's idea of it.
pub const MAX_BYTES: usize = (1 << 20) + (64 << 10);

/// Reads one message of a queue.
///
/// # Errors
/// [`EventError`] when it is no event, or when an event lacks what its type must have. Such a message never becomes
/// readable: count it, log it and delete it.
pub fn parse(body: &[u8]) -> Result<Event, EventError> {
    if body.len() > MAX_BYTES {
        return Err(EventError::TooLong(body.len()));
    }
    let outer = Envelope::read(body)?;
    match outer.notification() {
        Some(event) => Envelope::read(event.as_bytes())?.into_event(),
        None => outer.into_event(),
    }
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// EventBridge's id of it, for logs.
    pub id: String,
    /// The account that it is from; empty if the message has none (moto's).
    pub account: String,
    /// The region that it is from; empty if the message has none.
    pub region: String,
    /// When it happened, by the clock of AWS. For metrics only: nothing is ordered by it.
    pub time: Option<Timestamp>,
    /// What happened.
    pub detail: Detail,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Detail {
    /// "ECS Task State Change": the task as it is now, without health.
    Task(Task),
    /// "ECS Container Instance State Change": the host's registration as it is now.
    ContainerInstance(ContainerInstance),
    /// "ECS Service Action", "ECS Deployment State Change", or a successful CreateService, UpdateService or
    /// DeleteService ("AWS API Call via CloudTrail"): something about this service is different, ask what.
    Service(ServiceHint),
    /// "EC2 Instance State-change Notification".
    Ec2Instance {
        /// The machine.
        id: Ec2InstanceId,
        /// Its state.
        state: Ec2State,
    },
    /// "ecs-resolver Task Health": what a controller has seen, for all agents.
    TaskHealth(TaskHealth),
    /// Nothing that we follow, and why.
    Ignored(Ignored),
}

/// A service that something has happened to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServiceHint {
    /// Its cluster.
    pub cluster: ClusterArn,
    /// The service.
    pub service: ServiceArn,
}

/// Health of tasks of one cluster, as a controller publishes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskHealth {
    /// The cluster.
    pub cluster: ClusterArn,
    /// Start of the DescribeTasks request that reported it, by the controller's clock.
    pub at: Timestamp,
    /// The controller says something again within this time; if it does not, agents poll for themselves.
    pub interval: Duration,
    /// Tasks whose health is new; may be empty.
    pub tasks: Vec<HealthOfTask>,
}

/// Health of the containers of one task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthOfTask {
    /// The task.
    pub task: TaskArn,
    /// By name of the container.
    pub containers: Vec<(String, Health)>,
}

/// Why an event means nothing to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ignored {
    /// A detail type that we do not follow.
    UnknownType,
    /// An envelope version that we do not know.
    UnknownVersion,
    /// A type that we follow, but not from the service that alone tells of it. EventBridge lets nobody else use the
    /// sources `aws.ecs` and `aws.ec2`, so such an event is a forgery that a rule without `source` let through.
    ForeignSource,
    /// An API call that failed, or one that we do not follow.
    Call,
}

/// The types that we follow, each with the `source` that its events have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Task,
    ContainerInstance,
    ServiceAction,
    Deployment,
    Call,
    Ec2Instance,
    TaskHealth,
}

impl Kind {
    const ALL: [(Self, &str, &str); 7] = [
        (Self::Task, "ECS Task State Change", "aws.ecs"),
        (Self::ContainerInstance, "ECS Container Instance State Change", "aws.ecs"),
        (Self::ServiceAction, "ECS Service Action", "aws.ecs"),
        (Self::Deployment, "ECS Deployment State Change", "aws.ecs"),
        (Self::Call, "AWS API Call via CloudTrail", "aws.ecs"),
        (Self::Ec2Instance, "EC2 Instance State-change Notification", "aws.ec2"),
        (Self::TaskHealth, health::DETAIL_TYPE, health::SOURCE),
    ];

    /// The type of this name and its source.
    fn named(detail_type: &str) -> Option<(Self, &'static str)> {
        let (kind, _, source) = Self::ALL.into_iter().find(|(_, name, _)| *name == detail_type)?;
        Some((kind, source))
    }

    /// Reads what happened.
    fn detail(self, envelope: &Envelope<'_>) -> Result<Detail, EventError> {
        match self {
            Self::Task => detail::<task::TaskChange>(envelope).map(|change| Detail::Task(change.into())),
            Self::ContainerInstance => {
                detail::<host::InstanceChange>(envelope).map(|change| Detail::ContainerInstance(change.into()))
            }
            Self::ServiceAction | Self::Deployment => service::hint(envelope).map(Detail::Service),
            Self::Call => call::detail(envelope),
            Self::Ec2Instance => detail::<host::Ec2Change>(envelope).map(Detail::from),
            Self::TaskHealth => health::detail(envelope),
        }
    }
}

/// The `detail` of an event, as the type that its kind has.
fn detail<T: DeserializeOwned>(envelope: &Envelope<'_>) -> Result<T, EventError> {
    let text = envelope.detail.map_or("null", serde_json::value::RawValue::get);
    serde_json::from_str(text).map_err(|error| EventError::detail(&envelope.detail_type, &error))
}
