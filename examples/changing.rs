//! A resolver whose cluster changes all the time: how long queries wait meanwhile is what it is for.
//!
//!     cargo run --release --example changing -- 127.0.0.1:1055 25000 4 1000
//!
//! Answers for 25,000 services of 4 tasks each and lets 1,000 of the tasks stop or start being ready each second, one by
//! one and each with a version of the zone of its own. Updater and workers are those of the daemon. After every 1,000
//! changes it prints how long they took.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ecs_resolver::access::Access;
use ecs_resolver::dns::DomainName;
use ecs_resolver::ecs::{Task, TaskStatus};
use ecs_resolver::forwarder::{ForwardSettings, Forwarder};
use ecs_resolver::inventory::{Change, Resource};
use ecs_resolver::link::UpstreamLink;
use ecs_resolver::metrics::Metrics;
use ecs_resolver::responder::Responder;
use ecs_resolver::server::{self, Limits};
use ecs_resolver::source::clock::Clock;
use ecs_resolver::source::synthetic::synthetic;
use ecs_resolver::source::{Origin, Updates};
use ecs_resolver::updater::Updater;
use ecs_resolver::zone::Settings;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Changes between two lines.
const LINE: u32 = 1_000;

/// Another task of the fleet each time.
struct Fleet {
    tasks: Vec<Task>,
    at: usize,
}

impl Fleet {
    /// A task that stops or starts being ready.
    fn next(&mut self) -> Resource {
        // A prime, so that it comes to all of them, and those in a row are of other services.
        self.at = (self.at + 7919) % self.tasks.len();
        let task = &mut self.tasks[self.at];
        let ready = task.last_status == TaskStatus::Running;
        task.last_status = if ready { TaskStatus::Pending } else { TaskStatus::Running };
        task.version = Some(task.version.unwrap_or_default() + 1);
        Resource::Task(task.clone())
    }
}

/// Changes a task at every tick; ticks that come too late are left out.
async fn change(updates: &Updates, mut fleet: Fleet, each_second: u32) {
    let clock = Clock::start();
    let mut ticks = interval(Duration::from_secs(1) / each_second);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        let begun = Instant::now();
        for _ in 0..LINE {
            ticks.tick().await;
            let change = Change::Apply { resource: fleet.next(), at: clock.now() };
            updates.serve(Origin::Event, vec![change]).await.expect("the updater runs");
        }
        println!("{LINE} changes in {} ms", begun.elapsed().as_millis());
    }
}

fn number(text: &str) -> usize {
    text.parse().expect("a number")
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [listen, services, tasks, changes] = &arguments[..] else {
        eprintln!("usage: changing ADDRESS:PORT SERVICES TASKS CHANGES");
        std::process::exit(2);
    };
    let listen: SocketAddr = listen.parse().expect("an address and a port");
    let document = synthetic(number(services), number(tasks));
    let fleet = Fleet { tasks: document.tasks.clone(), at: 0 };
    let origin = DomainName::from_text("ecs.internal").expect("a name");
    let updater = Updater::new(Settings::new(origin, vec!["prod".to_owned()]), 1);
    let shared = updater.shared();
    let (updates, messages) = Updates::channel();
    let own = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    std::thread::spawn(move || own.block_on(updater.run(messages)));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let changes_at_first = document.into_changes(Clock::start().now());
        updates.serve(Origin::Read, changes_at_first).await.expect("the updater runs");
        let upstream = SocketAddr::from((Ipv4Addr::LOCALHOST, 9));
        let settings = ForwardSettings::with_upstreams([upstream]);
        let forwarder = Forwarder::new(settings, Arc::new(UpstreamLink::default()));
        let responder = Arc::new(Responder::new(shared, forwarder, Arc::new(Access::open())));
        let sockets = server::bind(&[listen], 1).expect("the port is free");
        let metrics = Metrics::new("changing");
        let _server = server::serve(sockets, responder, &metrics, &Limits::default()).expect("a server");
        match u32::try_from(number(changes)).expect("a number of changes") {
            0 => std::future::pending().await,
            each_second => change(&updates, fleet, each_second).await,
        }
    });
}
