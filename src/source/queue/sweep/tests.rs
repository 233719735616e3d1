//! Rounds over a scripted SQS, SNS and ECS: what goes, what stays, what is said.

use crate::ecs::{ContainerInstanceStatus, Timestamp};
use crate::source::clock::Clock;
use crate::source::describe::call::Call;
use crate::source::describe::tests::updater::Updater;
use crate::source::describe::tests::world::{World as Ecs, host};
use crate::source::describe::{Apis, Describer};
use crate::source::ports::EventQueue;
use crate::source::queue::name::queue_name;
use crate::source::queue::tests::world::World as Queues;
use crate::source::queue::{OwnQueue, Reader};
use crate::source::status::SourceStatus;

use super::*;

const GRACE: Duration = Duration::from_secs(900);
/// Longer than it takes until a queue goes.
const LONG: Duration = Duration::from_secs(1_500);
const STAYS: &str = "i-0a1b2c3d4e5f60001";
const GOES: &str = "i-0a1b2c3d4e5f60002";

/// A cluster of two hosts, each with a queue, and a sweep that is at work.
struct Rig {
    ecs: Arc<Ecs>,
    queues: Queues,
    status: Arc<SourceStatus>,
    stats: Arc<SweepStats>,
    working: tokio::task::JoinHandle<Result<(), Stopped>>,
    _updater: Updater,
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.working.abort();
    }
}

fn topic() -> TopicArn {
    TopicArn("arn:aws:sns:r:1:changes".to_owned())
}

/// The queue of an agent on this host.
fn agent(queues: &Queues, cluster: &str, instance: &str) -> OwnQueue {
    OwnQueue::new(Arc::new(queues.clone()), Arc::new(queues.clone()), topic(), Reader::new(cluster, instance, 1))
}

/// A sweep of `clusters` in these worlds.
fn sweep(ecs: &Arc<Ecs>, queues: &Queues, status: &Arc<SourceStatus>, clusters: &[&str]) -> (Sweep, Updater) {
    let (updater, updates) = Updater::start();
    let apis = Apis { ecs: ecs.clone(), ec2: ecs.clone(), load_balancers: ecs.clone() };
    let clock = Clock::at(Timestamp::from_second(1_000_000).unwrap());
    let describer = Arc::new(Describer::new(apis, updates, Arc::clone(status), clock));
    let clusters = clusters.iter().map(|name| (*name).to_owned()).collect();
    let calls = (Arc::new(queues.clone()) as Arc<dyn SqsApi>, Arc::new(queues.clone()) as Arc<dyn SnsApi>);
    (Sweep::new(describer, calls, topic(), clusters, GRACE), updater)
}

impl Rig {
    async fn start() -> Self {
        let (ecs, queues, status) = (Arc::new(Ecs::with_prod()), Queues::default(), Arc::default());
        for (id, machine) in [("a", STAYS), ("b", GOES)] {
            ecs.add_host(id, machine);
            agent(&queues, "prod", machine).open().await.unwrap();
        }
        let (sweep, updater) = sweep(&ecs, &queues, &status, &["prod"]);
        let stats = sweep.stats();
        let working = tokio::spawn(async move { sweep.run().await.map(drop) });
        sleep(LONG).await;
        let rig = Self { ecs, queues, status, stats, working, _updater: updater };
        assert_eq!(rig.left(), [STAYS, GOES], "both hosts are there");
        rig
    }

    fn lose(&self, id: &str) {
        self.ecs.change().hosts.remove(&host(id)).unwrap();
    }

    /// The hosts whose queues are left, each with its subscription.
    fn left(&self) -> Vec<String> {
        let state = self.queues.state();
        let subscribed = state.subscriptions.keys().map(|arn| arn.rsplit(':').next().unwrap().to_owned());
        assert_eq!(state.queues.keys().cloned().collect::<Vec<_>>(), subscribed.collect::<Vec<_>>());
        state.queues.keys().map(|name| name::instance("prod", name).unwrap_or(name).to_owned()).collect()
    }

    fn says(&self, text: &str) -> bool {
        self.status.report().failing.iter().any(|failing| failing.to_string().contains(text))
    }
}

#[tokio::test(start_paused = true)]
async fn the_queue_of_a_host_that_is_gone_goes_after_a_while_and_no_other() {
    let rig = Rig::start().await;
    rig.lose("b");
    sleep(Duration::from_secs(600)).await;
    assert_eq!((rig.left(), rig.stats.abandoned()), (vec![STAYS.to_owned(), GOES.to_owned()], 1), "not yet");
    sleep(LONG).await;
    assert_eq!((rig.left(), rig.stats.abandoned()), (vec![STAYS.to_owned()], 0));
    assert_eq!((rig.stats.removed(), rig.stats.failed()), (1, 0));
    assert_eq!(rig.status.report().failing, []);
}

#[tokio::test(start_paused = true)]
async fn a_host_in_any_state_but_inactive_is_there() {
    let rig = Rig::start().await;
    for status in [ContainerInstanceStatus::Draining, ContainerInstanceStatus::Other] {
        rig.ecs.change().hosts.get_mut(&host("b")).unwrap().status = status;
        sleep(LONG).await;
        assert_eq!(rig.left().len(), 2, "{status:?}");
    }
    rig.ecs.change().hosts.get_mut(&host("b")).unwrap().status = ContainerInstanceStatus::Inactive;
    sleep(LONG).await;
    assert_eq!(rig.left(), [STAYS]);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_comes_back_in_time_keeps_its_queue() {
    let rig = Rig::start().await;
    for _ in 0..3 {
        rig.lose("b");
        sleep(Duration::from_secs(800)).await;
        rig.ecs.add_host("b", GOES);
        sleep(Duration::from_secs(800)).await;
    }
    assert_eq!(rig.left(), [STAYS, GOES]);
}

/// One of another cluster that follows this one first, for example.
#[tokio::test(start_paused = true)]
async fn an_agent_that_lives_keeps_its_queue_wherever_its_host_is_registered() {
    let rig = Rig::start().await;
    let queue = agent(&rig.queues, "prod", GOES);
    queue.open().await.unwrap();
    rig.lose("b");
    for minute in 0..20 {
        queue.claim(Timestamp::from_second(minute).unwrap()).await.unwrap();
        sleep(Duration::from_secs(180)).await;
    }
    assert_eq!((rig.left().len(), rig.stats.abandoned()), (2, 1));
    sleep(LONG).await;
    assert_eq!(rig.left(), [STAYS], "once it is silent");
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_is_not_read_whole_removes_nothing() {
    let rig = Rig::start().await;
    rig.lose("b");
    for call in [Call::ListContainerInstances, Call::DescribeContainerInstances] {
        rig.ecs.change().broken = vec![(call, ApiErrorKind::Denied)];
        sleep(LONG).await;
        assert!(rig.left().len() == 2 && rig.says(call.operation()), "{call:?}");
        rig.ecs.change().broken.clear();
        sleep(Duration::from_secs(500)).await;
    }
    // Listed, and not described.
    rig.ecs.change().undescribed.insert(host("a").to_string());
    sleep(LONG).await;
    rig.ecs.change().undescribed.clear();
    rig.ecs.change().unanswered.insert(host("a").to_string());
    sleep(LONG).await;
    rig.ecs.change().unanswered.clear();
    // No cluster of that name.
    let cluster = std::mem::take(&mut rig.ecs.change().clusters);
    sleep(LONG).await;
    assert_eq!(rig.left().len(), 2);
    rig.ecs.change().clusters = cluster;
    sleep(LONG).await;
    assert_eq!(rig.left(), [STAYS]);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_tagged_as_made_for_a_host_of_ours_stays() {
    let rig = Rig::start().await;
    let names = [
        (queue_name("prod", "i-0a1b2c3d4e5f60009"), None),
        (queue_name("prod", "i-0a1b2c3d4e5f60008"), Some(Reader::new("prod", "i-0a1b2c3d4e5f60007", 1))),
        (queue_name("prod", "i-0a1b2c3d4e5f60006"), Some(Reader::new("test", "i-0a1b2c3d4e5f60006", 1))),
        (queue_name("test", "i-0a1b2c3d4e5f60005"), Some(Reader::new("test", "i-0a1b2c3d4e5f60005", 1))),
        (queue_name("prod", "controller"), Some(Reader::new("prod", "controller", 1))),
        (queue_name("prod", "laptop.example.com"), Some(Reader::new("prod", "laptop.example.com", 1))),
    ];
    for (name, reader) in &names {
        let tags = reader.as_ref().map(Reader::tags).unwrap_or_default();
        let settings = rig.queues.state().queues.values().next().unwrap().queue.settings.clone();
        rig.queues.create_queue(name, &settings, &tags).await.unwrap();
    }
    sleep(LONG * 2).await;
    let state = rig.queues.state();
    assert!(names.iter().all(|(name, _)| state.queues.contains_key(name)), "{:?}", state.queues.keys());
}

#[tokio::test(start_paused = true)]
async fn what_is_not_allowed_is_told_with_what_to_add_and_works_once_it_is() {
    let rig = Rig::start().await;
    rig.lose("b");
    for action in [
        "sqs:ListQueues",
        "sqs:ListQueueTags",
        "sns:ListSubscriptionsByTopic",
        "sqs:GetQueueAttributes",
        "sns:Unsubscribe",
        "sqs:DeleteQueue",
    ] {
        rig.queues.state().denied.insert(action);
        sleep(LONG).await;
        assert!(rig.says(&format!("add {action} to the role")), "{action}: {:?}", rig.status.report().failing);
        assert!(rig.queues.state().queues.contains_key(&queue_name("prod", GOES)), "{action}");
        rig.queues.state().denied.clear();
        if action != "sqs:DeleteQueue" {
            // Not long enough for it to go, but for the failure to be over.
            rig.ecs.add_host("b", GOES);
            agent(&rig.queues, "prod", GOES).open().await.unwrap();
            sleep(Duration::from_secs(400)).await;
            assert_eq!(rig.status.report().failing, [], "{action}");
            rig.lose("b");
        }
    }
    sleep(LONG).await;
    assert_eq!(rig.left(), [STAYS]);
    assert!(rig.stats.failed() > 0);
}

#[tokio::test(start_paused = true)]
async fn many_go_a_few_at_a_time() {
    let rig = Rig::start().await;
    for number in 0..50 {
        agent(&rig.queues, "prod", &format!("i-{number:017x}")).open().await.unwrap();
    }
    let (mut before, mut rounds) = (52, 0);
    while before > 2 {
        sleep(Duration::from_secs(5)).await;
        let left = rig.left().len();
        rounds += usize::from(left < before);
        // A round removes one every 200 ms.
        assert!(before - left <= MOST_REMOVALS + 5, "{before} to {left}");
        before = left;
    }
    assert!(rounds >= 3 && rig.stats.removed() == 50);
}

#[tokio::test(start_paused = true)]
async fn two_who_sweep_at_once_end_the_same() {
    let rig = Rig::start().await;
    let status = Arc::default();
    let (other, _updater) = sweep(&rig.ecs, &rig.queues, &status, &["prod"]);
    let stats = other.stats();
    let other = tokio::spawn(async move { other.run().await.map(drop) });
    rig.lose("b");
    sleep(LONG).await;
    assert_eq!(rig.left(), [STAYS]);
    assert_eq!(rig.stats.removed() + stats.removed(), 1, "one of the two");
    assert_eq!((rig.status.report().failing, status.report().failing), (vec![], vec![]));
    other.abort();
}

#[tokio::test(start_paused = true)]
async fn a_look_removes_nothing_and_says_whether_it_saw_all() {
    let rig = Rig::start().await;
    rig.lose("b");
    let (once, _updater) = sweep(&rig.ecs, &rig.queues, &Arc::default(), &["prod"]);
    let look = once.look().await.unwrap();
    assert_eq!((look.found.len(), look.found[0].instance.as_str(), look.complete), (1, GOES, true));
    let (once, _updater) = sweep(&rig.ecs, &rig.queues, &Arc::default(), &["prod", "nosuch"]);
    let look = once.look().await.unwrap();
    assert_eq!((look.found.len(), look.complete), (1, false));
    assert_eq!(rig.left(), [STAYS, GOES]);
}
