//! Task definitions are read once, the most used first, within their budget.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::super::call::Call;
use super::super::definitions::Reading;
use super::Rig;
use super::passes::applied;
use super::world::{World, definition};
use crate::inventory::{Change, Resource};
use crate::source::ports::ApiErrorKind;

fn read(changes: &[Change]) -> Vec<String> {
    let definitions = applied(changes).into_iter().filter_map(|resource| match resource {
        Resource::TaskDefinition(it) => Some(it.arn.id().to_owned()),
        _ => None,
    });
    definitions.collect()
}

/// A world with a task and a definition for each of `count` families.
fn families(count: usize) -> World {
    let world = World::with_prod();
    for n in 0..count {
        world.add_task(&n.to_string(), &format!("f{n}"));
        world.add_definition(&format!("f{n}"));
    }
    world
}

#[tokio::test(start_paused = true)]
async fn each_is_read_once_and_the_most_used_first() {
    let world = families(2);
    world.add_task("other", "f1");
    world.add_service("idle", Vec::new());
    world.change().services.values_mut().for_each(|it| it.task_definition = Some(definition("idle")));
    world.add_definition("idle");
    let mut rig = Rig::new(world);
    assert_eq!(read(&rig.pass().await.1), ["f1:1", "f0:1", "idle:1"]);
    assert_eq!(read(&rig.pass().await.1), [""; 0]);
    assert_eq!(rig.world.sizes(Call::DescribeTaskDefinition).len(), 3);
    assert_eq!(rig.report().unread_definitions, 0);
}

#[tokio::test(start_paused = true)]
async fn one_that_can_not_be_read_is_reported_and_tried_once_a_pass() {
    let mut rig = Rig::new(families(3));
    rig.world.change().definitions.remove(&definition("f0"));
    let mut reading = Reading::default();
    let source = rig.source();
    assert!(source.pass(&mut reading, &mut rig.progress).await.unwrap());
    assert_eq!(rig.world.sizes(Call::DescribeTaskDefinition).len(), 3);
    assert_eq!(rig.failing(), ["ecs:DescribeTaskDefinition"]);
    assert_eq!(rig.report().unread_definitions, 1);
    source.rest(&mut reading, Instant::now() + Duration::from_secs(30)).await.unwrap();
    assert_eq!(rig.world.sizes(Call::DescribeTaskDefinition).len(), 3);
    assert_eq!(rig.failing(), ["ecs:DescribeTaskDefinition"]);
    rig.pass().await;
    assert_eq!(rig.world.sizes(Call::DescribeTaskDefinition).len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_missing_permission_is_asked_for_once_a_pass() {
    let mut rig = Rig::new(families(3));
    rig.world.change().broken = vec![(Call::DescribeTaskDefinition, ApiErrorKind::Denied)];
    assert!(rig.pass().await.0);
    assert_eq!(rig.world.sizes(Call::DescribeTaskDefinition).len(), 1);
    assert_eq!(rig.report().unread_definitions, 3);
}

#[tokio::test(start_paused = true)]
async fn the_first_pass_waits_for_them_but_not_for_long() {
    // 12 at once and 5 a second for 30 s.
    for (count, at_once) in [(100, 100), (500, 150)] {
        let mut rig = Rig::new(families(count));
        let began = Instant::now();
        let (complete, changes) = rig.pass().await;
        assert!(complete);
        assert!(began.elapsed() < Duration::from_secs(40));
        let read = read(&changes).len();
        assert!(read == count || (at_once..at_once + 20).contains(&read), "{read} of {count}");
        assert_eq!(rig.report().unread_definitions, count - read);
    }
}

#[tokio::test(start_paused = true)]
async fn the_rest_is_read_between_passes() {
    let rig = Rig::new(families(500));
    let cancel = CancellationToken::new();
    let running = tokio::spawn(rig.source().run(cancel.clone()));
    while rig.world.sizes(Call::DescribeTaskDefinition).len() < 500 {
        sleep(Duration::from_millis(100)).await;
    }
    cancel.cancel();
    running.await.unwrap();
    let state = rig.world.change();
    let times: Vec<_> =
        state.requests.iter().filter(|it| it.0 == Call::DescribeTaskDefinition).map(|it| it.2).collect();
    let took = *times.last().unwrap() - times[0];
    // 488 beyond the burst at 5 a second.
    assert!((97..=105).contains(&took.as_secs()), "{took:?}");
}
