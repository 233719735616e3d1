//! The daemon starts anew, and AWS is away: what was known is answered, and said to be old.

use std::path::PathBuf;

use tempfile::TempDir;

use crate::aws_source::{NOBODY, follow, wait_pass};
use crate::daemon::Daemon;
use crate::fake_aws::world::Scheme;
use crate::fake_aws::{FakeAws, Fault, Op};

/// A host whose resolver keeps its inventory.
struct Host {
    fake: FakeAws,
    folder: TempDir,
}

impl Host {
    fn new() -> Self {
        Self { fake: FakeAws::start(), folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("inventory")
    }

    fn boot(&self, flags: &[&str]) -> Daemon {
        let file = self.file().into_os_string().into_string().unwrap();
        self.boot_with("prod", &file, flags)
    }

    fn boot_with(&self, cluster: &str, file: &str, flags: &[&str]) -> Daemon {
        let fixed = ["--cluster", cluster, "--upstream", NOBODY, "--fallback", "off", "--snapshot", file];
        follow(&self.fake, &[&fixed, flags].concat())
    }
}

/// The zone without its serial numbers, which go on.
fn records(daemon: &Daemon) -> Vec<String> {
    let (_, zone) = daemon.get("/zone");
    zone.lines().filter(|line| !line.contains(" SOA ")).map(str::to_owned).collect()
}

fn loads(daemon: &Daemon, result: &str) -> Option<f64> {
    daemon.metric(&format!("ecs_resolver_snapshot_loads_total{{file=\"inventory\",result=\"{result}\"}}"))
}

#[test]
fn until_aws_can_be_read_the_answers_are_those_of_before() {
    let host = Host::new();
    {
        let mut world = host.fake.world();
        let machine = world.add_host("prod", 'a');
        world.service("prod", "own").awsvpc_tasks(2);
        world.service("prod", "bridge").bridge_task(&machine, 32768);
        world.add_classic_load_balancer("web", Scheme::Internal);
        world.service("prod", "web").classic_load_balancer("web", 80).bridge_task(&machine, 32769);
    }
    let daemon = host.boot(&[]);
    assert_eq!(loads(&daemon, "absent"), Some(1.0));
    daemon.wait_ready();
    wait_pass(&daemon, &host.fake);
    let before = records(&daemon);
    assert!(daemon.ask("own.ecs.internal").ede.is_none());
    assert!(daemon.terminate().success());

    host.fake.knobs().fail_all(Fault::Drop);
    let daemon = host.boot(&[]);
    assert_eq!(records(&daemon), before);
    let reply = daemon.ask("own.ecs.internal");
    assert_eq!((reply.status.as_str(), reply.data("A").len()), ("NOERROR", 2));
    let ede = reply.ede.unwrap_or_default();
    assert!(ede.starts_with("3 (Stale Answer)") && ede.contains("as of 20") && ede.contains("cluster prod"), "{ede}");
    assert!(daemon.ask("nosuch.ecs.internal").ede.is_some_and(|ede| ede.starts_with("3 ")));
    let (status, body) = daemon.get("/ready");
    let why = "cluster prod has not been read since the start: answers are those of before it, as of 20";
    assert!(status == 503 && body.contains(why), "{status} {body}");
    daemon.wait("/ready says why", || daemon.get("/ready").1.contains("ecs:DescribeClusters failed: "));
    assert_eq!((loads(&daemon, "loaded"), daemon.metric("ecs_resolver_inventory_stale")), (Some(1.0), Some(1.0)));

    host.fake.knobs().heal_all();
    daemon.wait_ready();
    daemon.wait_metric("ecs_resolver_inventory_stale", 0.0);
    assert!(daemon.ask("own.ecs.internal").ede.is_none());
    assert_eq!(records(&daemon), before);
}

/// Puts new tasks in the place of those that run; returns the addresses of the new ones.
fn replace(fake: &FakeAws, service: &str, old: &[String]) -> Vec<String> {
    for task in old {
        fake.world().task(task).stopping().stop();
    }
    let all = fake.world().service("prod", service).fargate_tasks(old.len()).task_arns();
    let address = |task: &String| fake.world().task(task).private_address().unwrap();
    let new: Vec<_> = all.iter().filter(|task| !old.contains(task)).map(address).collect();
    assert_eq!(new.len(), old.len());
    new
}

const SAVED: &str = "ecs_resolver_snapshot_saves_total{file=\"inventory\",result=\"saved\"}";

#[test]
fn what_happened_meanwhile_is_seen_at_once_when_a_pass_is_through() {
    let host = Host::new();
    let old = host.fake.world().service("prod", "web").fargate_tasks(2).task_arns();
    let daemon = host.boot(&[]);
    daemon.wait_ready();
    let before = daemon.short("web.ecs.internal");
    assert_eq!(before.len(), 2);
    // Killed: it must have saved without being asked to.
    daemon.wait_metric(SAVED, 1.0);
    drop(daemon);

    let new = replace(&host.fake, "web", &old);
    // The old tasks are found to be gone, and the new ones are found, but no pass is ever complete.
    host.fake.knobs().fail(Op::ListServices, Fault::AccessDenied);
    let daemon = host.boot(&[]);
    daemon.wait_for("web.ecs.internal", &[&new[0], &new[1]]);
    assert_eq!(daemon.get("/ready").0, 503);
    // And it is kept: killed again, it knows them.
    daemon.wait_metric(SAVED, 1.0);
    drop(daemon);
    host.fake.knobs().fail_all(Fault::Drop);
    let daemon = host.boot(&[]);
    daemon.wait_for("web.ecs.internal", &[&new[0], &new[1]]);
    host.fake.knobs().heal_all();
    daemon.wait_ready();
}

#[test]
fn a_file_that_is_of_no_use_is_told_of_and_replaced() {
    let host = Host::new();
    host.fake.world().service("prod", "web").fargate_tasks(1);
    std::fs::write(host.file(), "ecs-resolver inventory 1 0000").unwrap();
    let daemon = host.boot(&[]);
    daemon.wait_log("inventory is not used: it holds 29 bytes instead of");
    assert_eq!(loads(&daemon, "torn"), Some(1.0));
    daemon.wait_ready();
    assert!(daemon.terminate().success());
    let good = std::fs::read(host.file()).unwrap();
    assert!(good.len() > 500);

    let other = host.boot_with("batch", host.file().to_str().unwrap(), &[]);
    other.wait_log("is not used: it is of cluster prod, which is not followed; the next save replaces it");
    drop(other);
    let daemon = host.boot(&["--max-age", "1ms"]);
    daemon.wait_log("is not used: cluster prod was last read ");
    assert_eq!(loads(&daemon, "too_old"), Some(1.0));
}

#[test]
fn a_place_that_cannot_be_written_is_told_of_and_disturbs_nobody() {
    let host = Host::new();
    host.fake.world().service("prod", "web").fargate_tasks(1);
    let daemon = host.boot_with("prod", "/proc/nowhere/inventory", &[]);
    daemon.wait_ready();
    daemon.wait_log("/proc/nowhere/inventory cannot be written: ");
    daemon.wait_metric("ecs_resolver_snapshot_saves_total{file=\"inventory\",result=\"failed\"}", 1.0);
    assert_eq!(daemon.short("web.ecs.internal").len(), 1);
    assert!(daemon.terminate().success());
}
