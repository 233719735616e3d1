//! AWS says "slow down" and the daemon is up all the same.

use crate::aws_source::{follow_prod, wait_pass};
use crate::fake_aws::{Bucket, FakeAws, Fault, Op};

#[test]
fn small_buckets_only_delay_the_start() {
    let fake = FakeAws::start();
    {
        let mut world = fake.world();
        for index in 0..60 {
            world.service("prod", &format!("s{index:02}")).fargate_tasks(1);
        }
        let one = world.clusters["prod"].services["s00"].task_definition.clone();
        for index in 0..60 {
            let name = format!("s{index:02}");
            world.service("prod", &name).edit(|service| service.task_definition.clone_from(&one));
            for task in world.tasks_of("prod", &name) {
                world.task(&task).task_definition_arn.clone_from(&one);
            }
        }
    }
    for bucket in Bucket::ALL {
        fake.knobs().throttle(bucket, 3, 4.0);
    }
    let daemon = follow_prod(&fake);
    let throttled = |call: &crate::fake_aws::Call| call.error == Some("ThrottlingException");
    assert!(fake.calls().iter().any(throttled), "the limit was never met: the test tests nothing");
    for index in 0..60 {
        assert_eq!(daemon.short(&format!("s{index:02}.ecs.internal")).len(), 1, "s{index:02}");
    }
}

#[test]
fn throttling_after_the_start_takes_nothing_away() {
    let fake = FakeAws::start();
    fake.world().service("prod", "web").fargate_tasks(2);
    let daemon = follow_prod(&fake);
    let (_, before) = daemon.get("/zone");
    fake.knobs().fail(Op::DescribeTasks, Fault::Throttled);
    daemon.wait("throttling is reported", || daemon.get("/ready").1.contains("ecs:DescribeTasks is throttled"));
    assert_eq!(daemon.get("/ready").0, 200);
    assert_eq!(daemon.get("/zone").1, before);
    fake.knobs().heal(Op::DescribeTasks);
    daemon.wait("the warning goes", || !daemon.get("/ready").1.contains("throttled"));
    wait_pass(&daemon, &fake);
    assert_eq!(daemon.get("/zone").1, before);
}
