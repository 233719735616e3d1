//! An event source on a scripted queue and a scripted AWS, with the real updater behind it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::dns::DomainName;
use crate::ecs::{Health, Task, TaskStatus, Timestamp};
use crate::inventory::Inventory;
use crate::source::Updates;
use crate::source::clock::Clock;
use crate::source::describe::tests::world::World;
use crate::source::describe::{Apis, DescribeSettings, DescribeSource, Describer};
use crate::source::events::EventSource;
use crate::source::events::stats::EventStats;
use crate::source::ports::{ApiError, ApiErrorKind, EventQueue, Owner, QueueMessage};
use crate::source::status::SourceStatus;
use crate::updater::{Updater, UpdaterStats};
use crate::zone::Settings;

/// What happened at the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Deed {
    Opened,
    Asked,
    Deleted(String),
}

#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<QueueState>,
    arrived: Notify,
}

#[derive(Default)]
pub(super) struct QueueState {
    messages: VecDeque<QueueMessage>,
    sent: usize,
    /// Every call fails so.
    pub(super) broken: Option<ApiErrorKind>,
    pub(super) owner: Option<String>,
    pub(super) deeds: Vec<Deed>,
}

impl Queue {
    pub(super) fn state(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap()
    }

    /// Puts a message in. Returns its receipt.
    pub(super) fn send(&self, body: &(impl ToString + ?Sized)) -> String {
        let mut state = self.state();
        state.sent += 1;
        let receipt = format!("receipt {}", state.sent);
        let id = format!("message {}", state.sent);
        state.messages.push_back(QueueMessage { id, body: body.to_string(), receipt: receipt.clone() });
        self.arrived.notify_one();
        receipt
    }

    pub(super) fn is_deleted(&self, receipt: &str) -> bool {
        self.state().deeds.contains(&Deed::Deleted(receipt.to_owned()))
    }

    pub(super) fn count(&self, deed: &Deed) -> usize {
        self.state().deeds.iter().filter(|it| *it == deed).count()
    }

    fn fault(&self) -> Result<(), ApiError> {
        let error = |kind| ApiError { operation: "sqs:ReceiveMessage", kind, message: "broken".to_owned() };
        self.state().broken.map_or(Ok(()), |kind| Err(error(kind)))
    }
}

#[async_trait]
impl EventQueue for Queue {
    async fn open(&self) -> Result<(), ApiError> {
        self.state().deeds.push(Deed::Opened);
        sleep(Duration::from_millis(5)).await;
        self.fault()
    }

    async fn receive(&self) -> Result<Vec<QueueMessage>, ApiError> {
        self.state().deeds.push(Deed::Asked);
        sleep(Duration::from_millis(5)).await;
        self.fault()?;
        if self.state().messages.is_empty() {
            // A long poll; nothing may come.
            let _ = timeout(Duration::from_secs(20), self.arrived.notified()).await;
        }
        self.fault()?;
        let mut state = self.state();
        let count = state.messages.len().min(10);
        Ok(state.messages.drain(..count).collect())
    }

    async fn delete(&self, receipts: &[String]) -> Result<(), ApiError> {
        self.state().deeds.extend(receipts.iter().cloned().map(Deed::Deleted));
        Ok(())
    }

    async fn claim(&self, _: Timestamp) -> Result<Owner, ApiError> {
        self.fault()?;
        Ok(self.state().owner.clone().map_or(Owner::Ours, Owner::Other))
    }
}

pub(super) struct Rig {
    pub(super) world: Arc<World>,
    pub(super) queue: Arc<Queue>,
    pub(super) updates: Updates,
    pub(super) status: Arc<SourceStatus>,
    pub(super) stats: Arc<EventStats>,
    pub(super) updater: Arc<UpdaterStats>,
    cancel: CancellationToken,
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

impl Rig {
    /// Starts both sources on cluster `prod` of `world`.
    pub(super) fn start(world: World) -> Self {
        let rig = Self::start_with(world, None);
        rig.queue.state().deeds.clear();
        rig
    }

    /// The same with a queue that fails.
    pub(super) fn start_with(world: World, broken: Option<ApiErrorKind>) -> Self {
        let (world, queue) = (Arc::new(world), Arc::new(Queue::default()));
        queue.state().broken = broken;
        let updater = Updater::new(settings(), 1);
        let updater_stats = updater.stats();
        let (updates, messages) = Updates::channel();
        tokio::spawn(updater.run(messages));
        let (status, stats) = (Arc::new(SourceStatus::default()), Arc::new(EventStats::default()));
        let apis = Apis { ecs: world.clone(), ec2: world.clone(), load_balancers: world.clone() };
        let clock = Clock::at(Timestamp::from_second(1_000_000).unwrap());
        let describer = Arc::new(Describer::new(apis, updates.clone(), Arc::clone(&status), clock));
        let settings = DescribeSettings {
            clusters: vec!["prod".to_owned()],
            all: false,
            poll_interval: Duration::from_secs(30),
            reconcile_interval: Duration::from_secs(600),
        };
        let source = DescribeSource::new(settings, Arc::clone(&describer));
        let health_interval = Duration::from_secs(10);
        let of_events = Arc::clone(&queue) as Arc<dyn EventQueue>;
        let events = EventSource::new(of_events, &describer, source.trigger(), health_interval, Arc::clone(&stats));
        let cancel = CancellationToken::new();
        let token = cancel.clone();
        tokio::spawn(async move {
            events.open_first().await;
            tokio::join!(source.run(token.clone()), events.run(token));
        });
        Self { world, queue, updates, status, stats, updater: updater_stats, cancel }
    }

    /// Waits until the queue is read, so that everything has been listed.
    pub(super) async fn is_live(&self) {
        self.until("the queue is read", |rig| rig.queue.count(&Deed::Asked) > 0).await;
        sleep(Duration::from_millis(50)).await;
    }

    pub(super) async fn until(&self, what: &str, mut condition: impl FnMut(&Self) -> bool) {
        for _ in 0..100_000 {
            if condition(self) {
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
        panic!("waited in vain until {what}");
    }

    /// Sends a message and waits until it is deleted.
    pub(super) async fn deliver(&self, body: &(impl ToString + ?Sized)) {
        let receipt = self.queue.send(body);
        self.until("the message is deleted", |rig| rig.queue.is_deleted(&receipt)).await;
    }

    pub(super) async fn inventory<R: Send + 'static>(&self, look: fn(&Inventory) -> R) -> R {
        self.updates.ask(look).await.unwrap()
    }

    /// How often each kind of event came to each end.
    pub(super) fn counted(&self, kind: &str, verdict: &str) -> u64 {
        self.stats.events().find(|it| (it.0, it.1) == (kind, verdict)).map_or(0, |it| it.2)
    }
}

fn settings() -> Settings {
    Settings::new(DomainName::from_text("ecs.internal").unwrap(), vec!["prod".to_owned()])
}

/// An event of this type, as EventBridge has it.
pub(super) fn event(detail_type: &str, resources: &[&str], detail: &Value) -> Value {
    json!({
        "version": "0",
        "id": "0d9dc4be-6f7d-4b0c-8d51-7a2a2d3a6d5e",
        "detail-type": detail_type,
        "source": "aws.ecs",
        "account": "123456789012",
        "time": "2026-11-25T10:00:00Z",
        "region": "us-east-1",
        "resources": resources,
        "detail": detail,
    })
}

fn word(status: TaskStatus) -> Value {
    serde_json::to_value(status).unwrap()
}

/// The event that tells of `task` as it is.
pub(super) fn task_event(task: &Task) -> Value {
    let containers: Vec<Value> = task.containers.iter().map(|it| json!({"name": it.name})).collect();
    let mut detail = json!({
        "clusterArn": task.cluster.as_str(),
        "taskArn": task.arn.as_str(),
        "taskDefinitionArn": task.task_definition.as_str(),
        "group": task.group,
        "lastStatus": word(task.last_status),
        "desiredStatus": word(task.desired_status),
        "version": task.version,
        "containers": containers,
    });
    if let Some(host) = &task.container_instance {
        detail["containerInstanceArn"] = json!(host.as_str());
    }
    event("ECS Task State Change", &[task.arn.as_str()], &detail)
}

/// A task is changed in AWS, with a new version. Returns it as it is then.
pub(super) fn change_task(world: &World, id: &str, change: impl FnOnce(&mut Task)) -> Task {
    let mut state = world.change();
    let task = state.tasks.values_mut().find(|task| task.arn.id() == id).expect("such a task");
    change(task);
    task.version = Some(task.version.unwrap_or(0) + 1);
    task.clone()
}

/// The check of the task's only container now says `health`; no version, no event.
pub(super) fn set_health(world: &World, id: &str, health: Health) {
    let mut state = world.change();
    let task = state.tasks.values_mut().find(|task| task.arn.id() == id).expect("such a task");
    task.containers.iter_mut().for_each(|container| container.health = Some(health));
}
