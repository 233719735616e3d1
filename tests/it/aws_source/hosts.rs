//! Hosts that are drained, die, or are not known to EC2.

use crate::aws_source::{follow_prod, wait_pass};
use crate::daemon::Daemon;
use crate::fake_aws::world::Host;
use crate::fake_aws::{FakeAws, Op};

/// Two hosts with a bridge task of `web` on each.
fn two_hosts(fake: &FakeAws) -> (Host, Host) {
    let mut world = fake.world();
    let (a, b) = (world.add_host("prod", 'a'), world.add_host("prod", 'b'));
    world.service("prod", "web").bridge_task(&a, 32768).bridge_task(&b, 32769);
    (a, b)
}

fn address(host: &Host) -> String {
    host.private_ip.to_string()
}

fn both(daemon: &Daemon, a: &Host, b: &Host) {
    assert_eq!(daemon.short("web.ecs.internal"), [address(a), address(b)]);
    assert_eq!(daemon.ask("web.ecs.internal").ttls("A"), [5, 5]);
}

#[test]
fn a_draining_host_serves_only_while_there_is_no_other() {
    let fake = FakeAws::start();
    let (a, b) = two_hosts(&fake);
    let daemon = follow_prod(&fake);
    both(&daemon, &a, &b);

    fake.world().container_instance(&a.instance_id).status("DRAINING");
    daemon.wait_for("web.ecs.internal", &[&address(&b)]);
    let port = daemon.ask("SRV _http._tcp.web.ecs.internal");
    assert!(port.data("SRV").len() == 1 && port.data("SRV")[0].starts_with("10 100 32769 "), "{port:?}");
    assert_eq!(daemon.metric("ecs_resolver_zone_kept_draining_tasks"), Some(0.0));

    fake.world().container_instance(&b.instance_id).status("DRAINING");
    let reply = daemon.wait_reply("web.ecs.internal", "both again", |reply| reply.data("A").len() == 2);
    assert_eq!(reply.ttls("A"), [1, 1], "for the time being");
    daemon.wait_metric("ecs_resolver_zone_kept_draining_tasks", 2.0);

    fake.world().container_instance(&b.instance_id).status("ACTIVE");
    daemon.wait_for("web.ecs.internal", &[&address(&b)]);
    fake.world().container_instance(&a.instance_id).status("ACTIVE");
    daemon.wait_for("web.ecs.internal", &[&address(&a), &address(&b)]);
    assert_eq!(daemon.ask("web.ecs.internal").ttls("A"), [5, 5]);
}

#[test]
fn the_last_task_stays_on_a_draining_host_until_its_replacement_is_ready() {
    let fake = FakeAws::start();
    let (a, b) = two_hosts(&fake);
    let daemon = follow_prod(&fake);
    let tasks = fake.world().tasks_of("prod", "web");
    {
        let mut world = fake.world();
        world.container_instance(&a.instance_id).status("DRAINING");
        world.task(&tasks[1]).status("PENDING", "RUNNING");
    }
    daemon.wait_for("web.ecs.internal", &[&address(&a)]);
    assert_eq!(daemon.ask("web.ecs.internal").ttls("A"), [1]);
    fake.world().task(&tasks[1]).status("RUNNING", "RUNNING");
    daemon.wait_for("web.ecs.internal", &[&address(&b)]);
}

#[test]
fn a_terminated_host_takes_its_tasks_along() {
    let fake = FakeAws::start();
    let (a, b) = two_hosts(&fake);
    fake.world().service("prod", "api").awsvpc_tasks(2);
    let daemon = follow_prod(&fake);
    both(&daemon, &a, &b);
    let api = daemon.short("api.ecs.internal");
    assert_eq!(api.len(), 2);

    // ECS still says that everything runs.
    fake.world().instance(&a.instance_id).state("terminated");
    daemon.wait_for("web.ecs.internal", &[&address(&b)]);
    daemon.wait("its awsvpc task goes too", || daemon.short("api.ecs.internal").len() == 1);
    assert_eq!(daemon.ask(&format!("{}.host.ecs.internal", a.instance_id)).answer.len(), 0);
    assert_eq!(daemon.get("/ready").0, 200);
}

#[test]
fn a_host_that_ec2_does_not_know_any_more_takes_its_tasks_along() {
    let fake = FakeAws::start();
    let (a, b) = two_hosts(&fake);
    let daemon = follow_prod(&fake);
    both(&daemon, &a, &b);

    fake.world().instances.remove(&b.instance_id);
    daemon.wait_for("web.ecs.internal", &[&address(&a)]);
    let lost = fake.world().instances.remove(&a.instance_id).unwrap();
    daemon.wait_reply("web.ecs.internal", "empty", |reply| reply.is_nodata() && reply.ede.is_some());

    fake.world().instances.insert(lost.instance_id.clone(), lost);
    daemon.wait_for("web.ecs.internal", &[&address(&a)]);
}

#[test]
fn a_dead_instance_in_a_batch_does_not_fail_the_others() {
    let fake = FakeAws::start();
    let (a, b) = two_hosts(&fake);
    // EC2 has forgotten it before we ever asked.
    fake.world().instances.remove(&a.instance_id);
    let daemon = follow_prod(&fake);
    assert_eq!(daemon.short("web.ecs.internal"), [address(&b)]);
    wait_pass(&daemon, &fake);
    assert!(fake.batches(Op::DescribeInstances).iter().all(|batch| *batch == 2), "both in one batch");
    let failed: Vec<_> = fake.calls_of(Op::DescribeInstances).into_iter().filter(|call| call.status != 200).collect();
    assert!(failed.is_empty(), "a filter does not fail: {failed:?}");
    assert!(!daemon.get("/ready").1.contains("ec2:"), "{}", daemon.get("/ready").1);
}
