//! AWS fails after it has been read: what was known stays.

use std::time::Duration;

use crate::aws_source::{follow, follow_prod, wait_pass};
use crate::fake_aws::world::Scheme;
use crate::fake_aws::{FakeAws, Fault, Op};
use crate::upstream::Upstream;

/// A service with addresses, one on a host, one behind a load balancer.
fn world(fake: &FakeAws) {
    let mut world = fake.world();
    let host = world.add_host("prod", 'a');
    world.service("prod", "own").awsvpc_tasks(2);
    world.service("prod", "bridge").bridge_task(&host, 32768);
    world.add_classic_load_balancer("web", Scheme::Internal);
    world.service("prod", "web").classic_load_balancer("web", 80).bridge_task(&host, 32769);
}

#[test]
fn when_aws_is_down_the_zone_stays_as_it_is() {
    let fake = FakeAws::start();
    world(&fake);
    let daemon = follow_prod(&fake);
    wait_pass(&daemon, &fake);
    let (_, before) = daemon.get("/zone");
    assert!(before.contains("web.ecs.internal. 60 IN CNAME internal-web-"), "{before}");

    drop(fake);
    daemon.wait("/ready says it", || daemon.get("/ready").1.contains("ecs:DescribeClusters got no answer"));
    assert_eq!(daemon.get("/ready").0, 200, "what it has is worth serving");
    assert_eq!(daemon.get("/zone").1, before);
    assert_eq!(daemon.short("own.ecs.internal").len(), 2);
    assert!(daemon.metric("ecs_resolver_source_failing_calls").is_some_and(|calls| calls >= 1.0));
}

#[test]
fn each_call_may_fail_alone_and_takes_nothing_away() {
    let fake = FakeAws::start();
    world(&fake);
    let daemon = follow_prod(&fake);
    wait_pass(&daemon, &fake);
    let (_, before) = daemon.get("/zone");
    for (op, call) in [
        (Op::DescribeClusters, "ecs:DescribeClusters"),
        (Op::ListServices, "ecs:ListServices"),
        (Op::DescribeServices, "ecs:DescribeServices"),
        (Op::ListTasks, "ecs:ListTasks"),
        (Op::DescribeTasks, "ecs:DescribeTasks"),
        (Op::ListContainerInstances, "ecs:ListContainerInstances"),
        (Op::DescribeContainerInstances, "ecs:DescribeContainerInstances"),
        (Op::DescribeInstances, "ec2:DescribeInstances"),
        (Op::DescribeClassicLoadBalancers, "elasticloadbalancing:DescribeLoadBalancers"),
    ] {
        fake.knobs().fail(op, Fault::AccessDenied);
        daemon.wait(call, || daemon.get("/ready").1.contains(&format!("{call} is not allowed: add {call}")));
        assert_eq!(daemon.get("/ready").0, 200, "{call}");
        assert_eq!(daemon.get("/zone").1, before, "{call}");
        fake.knobs().heal(op);
        daemon.wait("it is healed", || !daemon.get("/ready").1.contains("is not allowed"));
    }
    assert_eq!(daemon.get("/zone").1, before);
}

#[test]
fn a_fault_of_the_server_is_tried_again() {
    let fake = FakeAws::start();
    world(&fake);
    for op in [Op::ListServices, Op::DescribeTasks, Op::DescribeInstances] {
        fake.knobs().fail_times(op, Fault::InternalFailure, 1);
        fake.knobs().fail_times(op, Fault::Drop, 1);
    }
    let daemon = follow_prod(&fake);
    assert_eq!(daemon.short("own.ecs.internal").len(), 2);
    assert_eq!(daemon.short("bridge.ecs.internal"), ["10.5.10.10"]);
    assert_eq!(fake.calls_of(Op::ListServices)[0].status, 500);
}

#[test]
fn when_aws_is_down_at_the_start_it_is_waited_for() {
    let fake = FakeAws::start();
    world(&fake);
    fake.knobs().fail_all(Fault::Drop);
    let upstream = Upstream::start(&[]);
    let daemon = follow(&fake, &["--cluster", "prod", "--upstream", &upstream.flag()]);
    daemon.wait("/ready says it", || daemon.get("/ready").1.contains("ecs:DescribeClusters failed: "));
    assert_eq!(daemon.get("/ready").0, 503);
    daemon.wait_for("example.com", &["192.0.2.7"]);
    let reply = daemon.ask("own.ecs.internal");
    assert!(reply.is_servfail("14"), "{reply:?}");
    fake.knobs().heal_all();
    daemon.wait_ready();
    assert_eq!(daemon.short("own.ecs.internal").len(), 2);
}

#[test]
fn slow_answers_are_answers() {
    let fake = FakeAws::start();
    world(&fake);
    fake.knobs().set_latency(Duration::from_millis(300));
    let daemon = follow_prod(&fake);
    assert_eq!(daemon.short("own.ecs.internal").len(), 2);
    assert!(!daemon.get("/ready").1.contains("warning"), "{}", daemon.get("/ready").1);
}
