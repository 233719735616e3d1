//! Health and the life of tasks: who answers, and for how long the answer may be kept.

use crate::aws_source::{NOBODY, follow, follow_prod, id, wait_pass};
use crate::fake_aws::FakeAws;
use crate::fake_aws::world::TaskDefinition;

/// A service `web` of `count` healthy Fargate tasks with a health check; their ARNs and addresses.
fn checked(fake: &FakeAws, count: usize) -> Vec<(String, String)> {
    let mut world = fake.world();
    let definition = TaskDefinition::new("web", "awsvpc").port("http", 8080).health_check();
    let tasks = world.service("prod", "web").task_definition(definition).fargate_tasks(count).task_arns();
    let address = |task: String| (task.clone(), world.task(&task).private_address().unwrap());
    tasks.into_iter().map(address).collect()
}

#[test]
fn health_counts_although_the_version_stays() {
    let fake = FakeAws::start();
    let tasks = checked(&fake, 2);
    let daemon = follow_prod(&fake);
    let (first, second) = (tasks[0].1.as_str(), tasks[1].1.as_str());
    daemon.wait_for("web.ecs.internal", &[first, second]);
    let version = fake.world().task(&tasks[0].0).version;

    fake.world().task(&tasks[0].0).health("web", "UNHEALTHY");
    daemon.wait_for("web.ecs.internal", &[second]);
    assert_eq!(daemon.short("web.prod.all.ecs.internal"), [first, second], "unhealthy, but running");
    fake.world().task(&tasks[0].0).health("web", "HEALTHY");
    daemon.wait_for("web.ecs.internal", &[first, second]);
    assert_eq!(fake.world().task(&tasks[0].0).version, version, "or the test tests something else");

    // An agent that restarts shows UNKNOWN for a while.
    fake.world().task(&tasks[0].0).health("web", "UNKNOWN");
    wait_pass(&daemon, &fake);
    assert_eq!(daemon.short("web.ecs.internal"), [first, second]);
}

#[test]
fn a_task_that_was_never_healthy_waits_for_its_check() {
    let fake = FakeAws::start();
    let tasks = checked(&fake, 1);
    fake.world().task(&tasks[0].0).health("web", "UNKNOWN");
    let daemon = follow_prod(&fake);
    let reply = daemon.ask("web.ecs.internal");
    assert!(reply.is_nodata(), "{reply:?}");
    assert!(reply.ede.as_ref().is_some_and(|ede| ede.contains("1 not yet healthy")), "{reply:?}");
    fake.world().task(&tasks[0].0).health("web", "HEALTHY");
    daemon.wait_for("web.ecs.internal", &[&tasks[0].1]);
}

#[test]
fn when_all_are_unhealthy_all_answer() {
    let fake = FakeAws::start();
    let tasks = checked(&fake, 2);
    let daemon = follow_prod(&fake);
    let closed = follow(&fake, &["--cluster", "prod", "--upstream", NOBODY, "--fail-open", "false"]);
    closed.wait_ready();
    assert_eq!(daemon.metric("ecs_resolver_zone_fail_open_services"), Some(0.0));
    for (task, _) in &tasks {
        fake.world().task(task).health("web", "UNHEALTHY");
    }
    let reply = daemon.wait_reply("web.ecs.internal", "failing open", |reply| reply.ede.is_some());
    assert_eq!(reply.data("A").len(), 2, "{reply:?}");
    assert_eq!(reply.ttls("A"), [1, 1]);
    assert!(reply.ede.as_ref().is_some_and(|ede| ede.contains("UNHEALTHY")), "{reply:?}");
    daemon.wait_metric("ecs_resolver_zone_fail_open_services", 1.0);
    let reply = closed.wait_reply("web.ecs.internal", "empty", |reply| reply.answer.is_empty());
    assert!(reply.is_nodata() && reply.ede.as_ref().is_some_and(|ede| ede.contains("2 unhealthy")), "{reply:?}");

    fake.world().task(&tasks[0].0).health("web", "HEALTHY");
    for daemon in [&daemon, &closed] {
        daemon.wait_for("web.ecs.internal", &[&tasks[0].1]);
    }
    assert_eq!(daemon.ask("web.ecs.internal").ede, None);
}

#[test]
fn tasks_come_and_go_and_the_ttl_is_short_meanwhile() {
    let fake = FakeAws::start();
    let tasks = checked(&fake, 2);
    let daemon = follow_prod(&fake);
    assert_eq!(daemon.ask("web.ecs.internal").ttls("A"), [5, 5]);

    // Wanted to stop, and still running: out at once.
    fake.world().task(&tasks[0].0).stopping();
    daemon.wait_for("web.ecs.internal", &[&tasks[1].1]);
    assert_eq!(daemon.ask("web.ecs.internal").ttls("A"), [1]);
    assert_eq!(daemon.short("web.prod.all.ecs.internal"), [tasks[1].1.as_str()]);
    let own = format!("{}.task.ecs.internal", id(&tasks[0].0));
    assert_eq!(daemon.ask(&own).status, "NXDOMAIN");

    fake.world().task(&tasks[0].0).stop();
    daemon.wait_reply("web.ecs.internal", "calm", |reply| reply.ttls("A") == [5]);

    // A deployment: the new task has its interface before it runs.
    let (new, address) = {
        let mut world = fake.world();
        let new = world.service("prod", "web").fargate_tasks(1).task_arns().pop().unwrap();
        let address = world.task(&new).status("PENDING", "RUNNING").private_address().unwrap();
        (new, address)
    };
    daemon.wait_for("web.prod.all.ecs.internal", &[&tasks[1].1, &address]);
    let reply = daemon.ask("web.ecs.internal");
    assert_eq!((reply.data("A"), reply.ttls("A")), (vec![tasks[1].1.as_str()], vec![1]));
    fake.world().task(&new).status("RUNNING", "RUNNING");
    daemon.wait_for("web.ecs.internal", &[&tasks[1].1, &address]);
    assert_eq!(daemon.ask("web.ecs.internal").ttls("A"), [5, 5]);

    // The last of its tasks gone, the name is still there.
    for task in [&tasks[1].0, &new] {
        fake.world().task(task).stop();
    }
    let reply = daemon.wait_reply("web.ecs.internal", "empty", |reply| reply.answer.is_empty());
    assert!(reply.is_nodata() && reply.ede.is_some(), "{reply:?}");
    fake.world().service("prod", "web").status("INACTIVE");
    daemon.wait("the name is gone", || daemon.ask("web.ecs.internal").status == "NXDOMAIN");
}
