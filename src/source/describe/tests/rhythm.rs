//! When passes are made.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::super::call::Call;
use super::super::{DescribeSource, Trigger};
use super::Rig;
use super::world::{World, cluster};
use crate::source::Updates;
use crate::source::pace::Bucket;
use crate::source::ports::ApiErrorKind;

/// A source that runs.
struct Running {
    cancel: CancellationToken,
    trigger: Trigger,
    task: JoinHandle<()>,
}

impl Rig {
    fn run(&self) -> Running {
        let source = self.source();
        let (cancel, trigger) = (CancellationToken::new(), source.trigger());
        let task = tokio::spawn(source.run(cancel.clone()));
        Running { cancel, trigger, task }
    }

    /// Times between the passes made so far.
    fn pauses(&self) -> Vec<Duration> {
        let state = self.world.change();
        let began: Vec<Instant> =
            state.requests.iter().filter(|it| it.0 == Call::DescribeClusters).map(|it| it.2).collect();
        began.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    /// Waits until that many passes have begun.
    async fn passes(&self, count: usize) {
        while self.world.sizes(Call::DescribeClusters).len() < count {
            sleep(Duration::from_millis(50)).await;
        }
    }
}

fn within(pauses: &[Duration], seconds: f64) -> bool {
    pauses.iter().all(|it| (seconds * 0.9 - 0.1..=seconds * 1.1 + 0.1).contains(&it.as_secs_f64()))
}

#[tokio::test(start_paused = true)]
async fn passes_follow_one_another_at_the_interval() {
    let rig = Rig::new(World::small());
    let began = Instant::now();
    let running = rig.run();
    rig.passes(1).await;
    assert!(began.elapsed() < Duration::from_secs(4), "a short delay at the start");
    rig.passes(6).await;
    let pauses = rig.pauses();
    assert!(within(&pauses, 30.0), "{pauses:?}");
    assert!(pauses.windows(2).any(|pair| pair[0] != pair[1]), "no jitter: {pauses:?}");
    running.cancel.cancel();
    running.task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn many_agents_stretch_the_interval() {
    let world = World::with_prod();
    for n in 0..100 {
        world.add_host(&n.to_string(), &format!("i-{n}"));
    }
    let rig = Rig::new(world);
    let running = rig.run();
    rig.passes(5).await;
    // ListTasks, ListContainerInstances, DescribeContainerInstances: 3 × 100 agents against 5/s.
    let pauses = rig.pauses();
    assert!(within(&pauses, 60.0), "{pauses:?}");
    let interval = rig.report().interval.unwrap();
    assert_eq!((interval.agents, interval.limited_by), (100, Some(Bucket::ClusterResource)));
    assert_eq!((interval.configured.as_secs(), interval.effective.as_secs()), (30, 60));
    // The list fails, which costs fewer calls; the hosts are still known.
    rig.world.change().broken = vec![(Call::ListTasks, ApiErrorKind::Throttled)];
    rig.passes(8).await;
    assert!(rig.report().interval.unwrap().effective.as_secs() >= 60);
    running.cancel.cancel();
}

#[tokio::test(start_paused = true)]
async fn while_nothing_works_it_keeps_trying_ever_more_slowly() {
    let rig = Rig::new(World::small());
    let throttled = |call| (call, ApiErrorKind::Throttled);
    let broken = [Call::DescribeClusters, Call::ListServices, Call::ListTasks, Call::DescribeTasks];
    rig.world.change().broken = broken.map(throttled).into();
    let running = rig.run();
    rig.passes(9).await;
    for (pause, expected) in rig.pauses().iter().zip([1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]) {
        assert!(within(&[*pause], expected), "{pause:?} instead of {expected}");
    }
    let report = rig.report();
    assert!(report.complete.is_empty() && report.incomplete_passes >= 8 && report.complete_passes == 0);
    assert_eq!(rig.failing(), ["ecs:DescribeClusters"]);

    rig.world.change().broken.clear();
    while !rig.report().complete.contains_key(&cluster("prod")) {
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(rig.failing(), [""; 0]);
    // Once there is something to serve, a failure is no reason to hurry.
    rig.world.change().broken = broken.map(throttled).into();
    rig.passes(13).await;
    let later = &rig.pauses()[10..];
    assert!(within(later, 30.0), "{later:?}");
    running.cancel.cancel();
}

#[tokio::test(start_paused = true)]
async fn a_poke_starts_a_pass_at_once() {
    let rig = Rig::new(World::small());
    let running = rig.run();
    rig.passes(1).await;
    sleep(Duration::from_secs(5)).await;
    let poked = Instant::now();
    running.trigger.poke();
    running.trigger.poke();
    rig.passes(2).await;
    assert!(poked.elapsed() < Duration::from_secs(1));
    sleep(Duration::from_secs(10)).await;
    assert_eq!(rig.world.sizes(Call::DescribeClusters).len(), 2, "two pokes, one pass");
    running.cancel.cancel();
}

#[tokio::test(start_paused = true)]
async fn it_ends_with_the_updater() {
    let mut rig = Rig::new(World::small());
    let (updates, messages) = Updates::channel();
    drop(messages);
    let apis = rig.describer.apis.clone();
    let (status, clock) = (rig.status.clone(), rig.describer.clock);
    rig.describer = std::sync::Arc::new(super::Describer::new(apis, updates, status, clock));
    let source: DescribeSource = rig.source();
    source.run(CancellationToken::new()).await;
}
