//! Services that come, go, and want the same name; tasks without a service.

use crate::aws_source::{follow_prod, id, wait_pass};
use crate::fake_aws::{FakeAws, Op};

#[test]
fn a_service_is_deleted_and_made_anew() {
    let fake = FakeAws::start();
    fake.world().service("prod", "stays").fargate_tasks(1);
    let old = fake.world().service("prod", "web").fargate_tasks(1).task_arns().pop().unwrap();
    let daemon = follow_prod(&fake);
    let address = fake.world().task(&old).private_address().unwrap();
    assert_eq!(daemon.short("web.ecs.internal"), [address.as_str()]);

    // DeleteService: not listed any more, while its tasks still run.
    fake.world().service("prod", "web").status("DRAINING").desired(0);
    wait_pass(&daemon, &fake);
    assert_eq!(daemon.short("web.ecs.internal"), [address.as_str()], "its task still runs");
    fake.world().task(&old).stop();
    daemon.wait("nobody answers", || daemon.short("web.ecs.internal").is_empty());
    fake.world().service("prod", "web").status("INACTIVE");
    daemon.wait("the name is gone", || daemon.ask("web.ecs.internal").status == "NXDOMAIN");

    let tasks = fake.world().service("prod", "web").status("ACTIVE").created_at(1.8e9).fargate_tasks(1).task_arns();
    let address = fake.world().task(&tasks[1]).private_address().unwrap();
    daemon.wait_for("web.ecs.internal", &[&address]);
    assert_eq!(daemon.short("stays.ecs.internal").len(), 1);
}

#[test]
fn the_older_of_two_services_keeps_a_name_that_both_want() {
    let fake = FakeAws::start();
    let [younger, older, dashed] = [("Api", 2.0e9), ("aPI", 1.0e9), ("a_pi", 1.5e9)].map(|(name, created)| {
        let mut world = fake.world();
        let task = world.service("prod", name).created_at(created).fargate_tasks(1).task_arns().pop().unwrap();
        world.task(&task).private_address().unwrap()
    });
    let daemon = follow_prod(&fake);
    assert_eq!(daemon.short("api.ecs.internal"), [older.as_str()]);
    assert_eq!(daemon.short("a-pi.ecs.internal"), [dashed.as_str()]);
    daemon.wait_log("two services want one name");
    daemon.wait_metric("ecs_resolver_zone_contested_total", 1.0);
    fake.world().service("prod", "aPI").status("INACTIVE");
    daemon.wait_for("api.ecs.internal", &[&younger]);
}

#[test]
fn a_task_without_service_has_a_name() {
    let fake = FakeAws::start();
    let task = {
        let mut world = fake.world();
        let task = world.service("prod", "batch").fargate_tasks(1).task_arns().pop().unwrap();
        world.task(&task).group = Some("family:batch".to_owned());
        world.cluster("prod").services.clear();
        task
    };
    let daemon = follow_prod(&fake);
    let address = fake.world().task(&task).private_address().unwrap();
    let name = format!("{}.task.ecs.internal.", id(&task));
    assert_eq!(daemon.short(&name), [address.as_str()]);
    assert_eq!(daemon.short(&format!("-x {address}")), [name.as_str()]);
    assert_eq!(daemon.ask("batch.ecs.internal").status, "NXDOMAIN");
    fake.world().task(&task).stop();
    daemon.wait("the name is gone", || daemon.ask(&name).status == "NXDOMAIN");
}

#[test]
fn an_external_instance_is_no_business_of_ec2() {
    let fake = FakeAws::start();
    {
        let mut world = fake.world();
        let (here, elsewhere) = (world.add_host("prod", 'a'), world.add_host("prod", 'b'));
        world.container_instance(&elsewhere.instance_id).ec2_instance_id = "mi-0123456789abcdef0".to_owned();
        world.service("prod", "web").bridge_task(&here, 32768).bridge_task(&elsewhere, 32769);
        world.service("prod", "outside").bridge_task(&elsewhere, 32770);
    }
    let daemon = follow_prod(&fake);
    assert_eq!(daemon.short("web.ecs.internal"), ["10.5.10.10"]);
    let reply = daemon.ask("outside.ecs.internal");
    assert!(reply.is_servfail("0"), "its address is told by nobody: {reply:?}");
    assert!(fake.batches(Op::DescribeInstances).iter().all(|batch| *batch == 1), "only the EC2 instance is asked for");
}

#[test]
fn an_empty_cluster_is_ready() {
    let fake = FakeAws::start();
    fake.world().cluster("prod");
    let daemon = follow_prod(&fake);
    assert_eq!(daemon.ask("web.ecs.internal").status, "NXDOMAIN");
    assert_eq!(fake.count(Op::DescribeServices) + fake.count(Op::DescribeTasks), 0, "there is nothing to describe");
}
