//! Permissions and credentials that are missing: the daemon starts, forwards, says what is missing, and recovers
//! without a restart.

use crate::aws_source::{NOBODY, environment, follow};
use crate::daemon::Daemon;
use crate::fake_aws::world::Scheme;
use crate::fake_aws::{FakeAws, Fault, Op};
use crate::upstream::Upstream;

/// A service of each kind: `own` with addresses, `bridge` on a host, `balanced` behind an ALB.
fn world(fake: &FakeAws) {
    let mut world = fake.world();
    let host = world.add_host("prod", 'a');
    world.service("prod", "own").fargate_tasks(2);
    world.service("prod", "bridge").bridge_task(&host, 32768);
    let alb = world.add_application_load_balancer("balanced", Scheme::Internal);
    let group = world.add_target_group("balanced", "ip", Some(&alb));
    world.service("prod", "balanced").target_group(&group, 80).fargate_tasks(1);
}

fn upstream() -> Upstream {
    Upstream::start(&["own.ecs.internal. 60 IN A 10.9.9.1", "legacy.ecs.internal. 60 IN A 10.9.9.2"])
}

fn start(fake: &FakeAws, upstream: &Upstream) -> Daemon {
    follow(fake, &["--cluster", "prod", "--upstream", &upstream.flag()])
}

/// Before the first complete pass: others' names are forwarded, ours are Route 53's or nobody's.
fn answers_as_not_synced(daemon: &Daemon) {
    daemon.wait_for("example.com", &["192.0.2.7"]);
    // The Route 53 side has these.
    daemon.wait_for("own.ecs.internal", &["10.9.9.1"]);
    daemon.wait_for("legacy.ecs.internal", &["10.9.9.2"]);
    for name in ["bridge.ecs.internal", "bridge.prod.ecs.internal", "SRV _http._tcp.own.prod.task.ecs.internal"] {
        let reply = daemon.ask(name);
        assert!(reply.is_servfail("14"), "{name}: {reply:?}");
    }
    assert_eq!(daemon.get("/health").0, 200);
}

/// Everything is known.
fn answers_as_synced(daemon: &Daemon) {
    assert_eq!(daemon.short("own.ecs.internal").len(), 2);
    assert_eq!(daemon.short("bridge.prod.task.ecs.internal"), ["10.5.10.10"]);
    daemon.wait_status("nosuch.ecs.internal", "NXDOMAIN");
}

/// Without `op` there is no complete pass; with it there is.
fn blocking(op: Op, permission: &str) {
    let fake = FakeAws::start();
    world(&fake);
    fake.knobs().fail(op, Fault::AccessDenied);
    let upstream = upstream();
    let daemon = start(&fake, &upstream);
    let said = format!("{permission} is not allowed: add {permission} to the role");
    daemon.wait("the missing permission in /ready", || daemon.get("/ready").1.contains(&said));
    let (status, ready) = daemon.get("/ready");
    assert_eq!(status, 503, "{ready}");
    assert!(ready.contains("cluster prod has not been read completely yet"), "{ready}");
    daemon.wait_log(&said);
    answers_as_not_synced(&daemon);

    fake.knobs().heal(op);
    daemon.wait_ready();
    answers_as_synced(&daemon);
    daemon.wait("no complaint any more", || !daemon.get("/ready").1.contains("not allowed"));
    let denied = format!("ecs_resolver_aws_requests_total{{operation=\"{permission}\",result=\"denied\"}}");
    assert!(daemon.metric(&denied).is_some_and(|count| count >= 1.0), "{denied}");
}

#[test]
fn without_list_services_nothing_is_published() {
    blocking(Op::ListServices, "ecs:ListServices");
}

#[test]
fn without_describe_services_nothing_is_published() {
    blocking(Op::DescribeServices, "ecs:DescribeServices");
}

#[test]
fn without_list_tasks_nothing_is_published() {
    blocking(Op::ListTasks, "ecs:ListTasks");
}

#[test]
fn without_describe_tasks_nothing_is_published() {
    blocking(Op::DescribeTasks, "ecs:DescribeTasks");
}

#[test]
fn without_describe_clusters_nothing_is_published() {
    blocking(Op::DescribeClusters, "ecs:DescribeClusters");
}

/// Without `op` the daemon is ready, warns, and `name` is SERVFAIL and not something wrong.
fn degrading(op: Op, permission: &str, name: &str, kind: &str) {
    let fake = FakeAws::start();
    world(&fake);
    fake.knobs().fail(op, Fault::AccessDenied);
    let upstream = upstream();
    let daemon = start(&fake, &upstream);
    daemon.wait_ready();
    let warning = format!("{permission} is not allowed: add {permission} to the role");
    daemon.wait("the warning", || daemon.get("/ready").1.contains(&warning));
    assert_eq!(daemon.get("/ready").0, 200);
    assert_eq!(daemon.short("own.ecs.internal").len(), 2);
    let reply = daemon.ask(name);
    assert!(reply.is_servfail("0"), "{reply:?}");

    fake.knobs().heal(op);
    daemon.wait_reply(name, "answered", |reply| !reply.data(kind).is_empty());
    daemon.wait("no warning any more", || !daemon.get("/ready").1.contains("not allowed"));
}

#[test]
fn without_describe_instances_bridge_tasks_have_no_address() {
    degrading(Op::DescribeInstances, "ec2:DescribeInstances", "bridge.ecs.internal", "A");
}

#[test]
fn without_list_container_instances_bridge_tasks_have_no_address() {
    degrading(Op::ListContainerInstances, "ecs:ListContainerInstances", "bridge.ecs.internal", "A");
}

#[test]
fn without_describe_task_definition_ports_are_not_known() {
    let fake = FakeAws::start();
    world(&fake);
    fake.knobs().fail(Op::DescribeTaskDefinition, Fault::AccessDenied);
    let upstream = upstream();
    let daemon = start(&fake, &upstream);
    daemon.wait_ready();
    daemon.wait("the warning", || daemon.get("/ready").1.contains("add ecs:DescribeTaskDefinition to the role"));
    answers_as_synced(&daemon);
    for name in
        ["_http._tcp.bridge", "_80._tcp.bridge.prod.task", "_bridge._tcp", "_bridge._tcp.prod", "bridge.prod.task"]
    {
        let reply = daemon.ask(&format!("SRV {name}.ecs.internal"));
        assert!(reply.is_servfail("0"), "it may well exist: {reply:?}");
        assert!(reply.ede.as_ref().is_some_and(|ede| ede.contains("task definition bridge:1")), "{reply:?}");
    }
    fake.knobs().heal(Op::DescribeTaskDefinition);
    for name in
        ["_http._tcp.bridge", "_80._tcp.bridge.prod.task", "_bridge._tcp", "_bridge._tcp.prod", "bridge.prod.task"]
    {
        daemon.wait(name, || daemon.ask(&format!("SRV {name}.ecs.internal")).data("SRV").len() == 1);
    }
    assert_eq!(daemon.ask("SRV _nosuch._tcp.bridge.ecs.internal").status, "NXDOMAIN");
    daemon.wait("no warning any more", || !daemon.get("/ready").1.contains("not allowed"));
}

#[test]
fn without_describe_target_groups_the_load_balancer_is_not_known() {
    let permission = "elasticloadbalancing:DescribeTargetGroups";
    degrading(Op::DescribeTargetGroups, permission, "balanced.ecs.internal", "CNAME");
}

#[test]
fn without_credentials_the_daemon_forwards_and_says_so() {
    let fake = FakeAws::start();
    world(&fake);
    let upstream = upstream();
    let endpoint = fake.endpoint_url();
    let mut variables = environment(&endpoint);
    variables.retain(|(name, _)| !name.contains("KEY"));
    let arguments = ["run", "--config", "/dev/null", "--cluster", "prod", "--upstream", &upstream.flag()];
    let daemon = Daemon::start(&arguments, &variables);
    daemon.wait("/ready says it", || daemon.get("/ready").1.contains("has no valid AWS credentials"));
    assert_eq!(daemon.get("/ready").0, 503);
    answers_as_not_synced(&daemon);
    assert!(fake.calls().is_empty(), "nothing to sign with: {:?}", fake.calls());
}

#[test]
fn a_cluster_that_does_not_exist_yet_is_waited_for() {
    let fake = FakeAws::start();
    let upstream = upstream();
    let daemon = start(&fake, &upstream);
    daemon.wait("/ready says it", || daemon.get("/ready").1.contains("there is no ACTIVE cluster `prod`"));
    assert_eq!(daemon.get("/ready").0, 503);
    answers_as_not_synced(&daemon);
    world(&fake);
    daemon.wait_ready();
    answers_as_synced(&daemon);
}

#[test]
fn without_any_cluster_the_daemon_forwards_and_says_what_to_set() {
    let fake = FakeAws::start();
    world(&fake);
    let upstream = upstream();
    let daemon = follow(&fake, &["--upstream", &upstream.flag(), "--agent-config", "/nonexistent/ecs.config"]);
    let (status, ready) = daemon.get("/ready");
    assert!(status == 503 && ready.contains("set ecs.clusters, or ECS_CLUSTER"), "{ready}");
    answers_as_not_synced(&daemon);
}

#[test]
fn the_cluster_and_the_region_of_the_host_are_found() {
    let fake = FakeAws::start();
    world(&fake);
    let instance = fake.world().instances.keys().next().cloned();
    fake.world().metadata_of = instance;
    let folder = tempfile::tempdir().unwrap();
    let agent = folder.path().join("ecs.config");
    std::fs::write(&agent, "ECS_LOGLEVEL=info\nECS_CLUSTER=prod\n").unwrap();
    let endpoint = fake.endpoint_url();
    let mut variables = environment(&endpoint);
    variables.retain(|(name, _)| !matches!(*name, "AWS_REGION" | "AWS_EC2_METADATA_DISABLED"));
    variables.push(("AWS_EC2_METADATA_SERVICE_ENDPOINT", &endpoint));
    let arguments = ["run", "--config", "/dev/null", "--upstream", NOBODY, "--fallback", "off", "--agent-config"];
    let daemon = Daemon::start(&[&arguments[..], &[agent.to_str().unwrap()]].concat(), &variables);
    daemon.wait_ready();
    answers_as_synced(&daemon);
}
