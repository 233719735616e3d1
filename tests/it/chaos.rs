//! Everything that goes wrong on a host, for minutes, to one daemon under load: and no answer is wrong, no question about
//! our zone is lost but what a killed process had in its hands, and neither memory nor descriptors grow.
//!
//! The long run, on a release build (`ECS_RESOLVER_TEST_BINARY`), is started by hand and prints its report:
//!
//!     cargo test --all-features --test it chaos:: -- --ignored --nocapture

mod cluster;
mod faults;
mod load;
mod report;
mod subject;
mod upstream;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use fastrand::Rng;

use cluster::Cluster;
use faults::Fault;
use report::{Kind, Report};
use subject::Subject;
use upstream::Upstream;

/// Pause of a client between two questions.
const BETWEEN: Duration = Duration::from_millis(5);
/// Time between two changes in the cluster.
const CHANGE: Duration = Duration::from_millis(700);
/// Names the minutes of the long run.
const MINUTES: &str = "ECS_RESOLVER_CHAOS_MINUTES";
/// Growth of a process that is none: KiB and descriptors. Questions under way have some.
const FLAT: (u64, u64) = (32 << 10, 64);

/// Who plays.
pub struct Stage {
    cluster: Cluster,
    upstream: Upstream,
    subject: Subject,
}

/// How a run goes.
struct Plan {
    /// The end, after which no further fault is injected; at least each once.
    length: Duration,
    /// How long a fault lasts.
    hold: Duration,
    /// Time between faults.
    calm: Duration,
    clients: u64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn play(plan: &Plan) -> Report {
    let (cluster, upstream) = (Cluster::start(), Upstream::start());
    let subject = Subject::start(&cluster.fake.endpoint_url(), upstream.address);
    let stage = Stage { cluster, upstream, subject };
    let (report, now, is_over) = (Mutex::new(Report::default()), Mutex::new(None), AtomicBool::new(false));
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let (stage, report, now, is_over) = (&stage, &report, &now, &is_over);
        for seed in 0..plan.clients {
            scope.spawn(move || {
                let mut rng = Rng::with_seed(seed);
                while !is_over.load(Ordering::Relaxed) {
                    let before: Option<Fault> = *lock(now);
                    let (kind, outcome) = load::ask(stage.subject.dns, &stage.cluster, &mut rng);
                    // What began before a fault and ended within it belongs to it.
                    let during = before.or(*lock(now));
                    lock(report).count(during, kind, outcome);
                    std::thread::sleep(BETWEEN);
                }
            });
        }
        scope.spawn(|| {
            let mut rng = Rng::with_seed(7);
            while !is_over.load(Ordering::Relaxed) {
                stage.cluster.change(&mut rng);
                std::thread::sleep(CHANGE);
            }
        });
        // Should a fault not go as planned, the others are to end as well.
        let directed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| direct(plan, stage, report, now)));
        is_over.store(true, Ordering::Relaxed);
        directed.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
    let mut report = report.into_inner().unwrap_or_else(PoisonError::into_inner);
    report.took = begun.elapsed();
    report.growth = stage.subject.finish();
    report
}

/// Injects every fault, in an order that differs from round to round.
fn direct(plan: &Plan, stage: &Stage, report: &Mutex<Report>, now: &Mutex<Option<Fault>>) {
    let (begun, mut rng) = (Instant::now(), Rng::with_seed(1));
    loop {
        let mut faults = faults::all(&stage.subject);
        rng.shuffle(&mut faults);
        for fault in faults {
            std::thread::sleep(plan.calm);
            stage.subject.look();
            *lock(now) = Some(fault);
            *lock(report).injected.entry(fault).or_default() += 1;
            fault.happen(stage, plan.hold);
            *lock(now) = None;
        }
        if begun.elapsed() >= plan.length {
            std::thread::sleep(plan.calm);
            return stage.subject.look();
        }
    }
}

/// What must hold of every run.
fn check(plan: &Plan) {
    let (report, clients) = (&play(plan), plan.clients);
    println!("{report}");
    assert_eq!(report.sum(|_, _| true).wrong, 0, "wrong answers:\n{report}");
    let killed = |fault| fault == Some(Fault::Killed);
    let zone = report.sum(|fault, kind| kind == Kind::Zone && !killed(fault));
    assert!(zone.asked > 0);
    assert_eq!((zone.lost, zone.refused), (0, 0), "questions about the zone:\n{report}");
    // What a process has read and not answered goes with it.
    let (lost, kills) = (report.sum(|fault, _| killed(fault)).lost, report.injected[&Fault::Killed]);
    assert!(lost <= clients * kills, "lost by SIGKILL: {lost} of {clients} clients, {kills} times:\n{report}");
    for growth in &report.growth {
        assert!(growth.memory[1] <= growth.memory[0] + FLAT.0, "{growth:?}");
        assert!(growth.descriptors[1] <= growth.descriptors[0] + FLAT.1, "{growth:?}");
    }
}

#[test]
fn a_minute_of_chaos() {
    let (hold, calm) = (Duration::from_millis(500), Duration::from_millis(300));
    check(&Plan { length: Duration::ZERO, hold, calm, clients: 2 });
}

#[test]
#[ignore = "takes minutes, and wants the machine for itself"]
fn minutes_of_chaos() {
    let minutes = std::env::var(MINUTES).ok().and_then(|minutes| minutes.parse().ok()).unwrap_or(5);
    let (hold, calm) = (Duration::from_secs(5), Duration::from_secs(5));
    check(&Plan { length: Duration::from_secs(60 * minutes), hold, calm, clients: 8 });
}
