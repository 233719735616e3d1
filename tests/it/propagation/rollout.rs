//! A rolling deployment of everything in a cluster of 2,000 tasks, watched all the time.
//!
//! Whatever is asked meanwhile: no answer holds a task that AWS had stopped for more than a second, and no service is
//! empty that AWS never left without a ready task.

mod plan;
mod truth;
mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use plan::{Kind, Plan};
use truth::Truth;

use super::Followed;
use crate::fake_aws::Travel;

/// Services that are deployed at a time.
const DEPLOYERS: usize = 4;

#[test]
fn nothing_wrong_is_answered_while_everything_is_deployed() {
    let plan = Arc::new(Plan::of_2000_tasks());
    let it = Arc::new(Followed::new(|fake| plan.build(fake)));
    // Late, doubled and out of order, as SNS and SQS may be.
    let travel = Travel {
        seed: 7,
        duplicate_every: 7,
        delay: Duration::from_millis(5),
        shuffle_within: Duration::from_millis(100),
        ..Travel::default()
    };
    it.fake.emit_events(&it.topic, travel);
    let truth = Arc::new(Truth::of(&plan, &it.fake));
    let over = Arc::new(AtomicBool::new(false));
    let lag = watch::Lag::start(&over);
    let watcher = {
        let (dns, plan, truth, over) = (it.daemon.dns, Arc::clone(&plan), Arc::clone(&truth), Arc::clone(&over));
        thread::spawn(move || watch::watch(dns, &plan, &truth, &over))
    };
    let next = Arc::new(AtomicUsize::new(0));
    let deployers: Vec<_> = (0..DEPLOYERS)
        .map(|_| {
            let (it, plan, truth, next) = (Arc::clone(&it), Arc::clone(&plan), Arc::clone(&truth), Arc::clone(&next));
            thread::spawn(move || {
                while let Some(service) = plan.services.get(next.fetch_add(1, Ordering::Relaxed)) {
                    service.deploy(&it, &truth);
                }
            })
        })
        .collect();
    for deployer in deployers {
        deployer.join().expect("a deployment goes through");
    }
    it.wait_handled();
    over.store(true, Ordering::Relaxed);
    let seen = watcher.join().expect("the watcher goes on to the end");
    let lag = lag.worst();
    let (_, page) = it.daemon.get("/metrics");
    let told = ["ecs_resolver_events_held", "ecs_resolver_aws_requests_total{operation=\"ecs:", "_interval_seconds "];
    for line in page.lines().filter(|line| told.iter().any(|part| line.contains(part)) && !line.starts_with('#')) {
        eprintln!("{line}");
    }
    eprintln!("{seen:?}, worst lag of this machine {lag:?}, {} events", it.fake.events_so_far());
    assert!(seen.answers > 1_000, "{seen:?}");
    // On a machine that stands still nothing is in time, whoever answers.
    assert!(seen.longest_hole <= 4 * lag, "empty for {:?} without need: {}", seen.longest_hole, seen.longest_hole_of);
    let allowed = Duration::from_secs(1) + 4 * lag;
    assert!(seen.oldest <= allowed, "{:?} was answered {:?} after it had stopped", seen.oldest_of, seen.oldest);
    for service in &plan.services {
        let (name, expected) = (&service.name, truth.addresses(&service.name));
        if service.kind != Kind::Bridge {
            it.daemon.wait(name, || it.daemon.short(&format!("{name}.prod.task.ecs.internal")) == expected);
        }
    }
    assert!(it.daemon.metric("ecs_resolver_events_total{type=\"task\",result=\"served\"}") >= Some(8_000.0));
}
