//! More than a page, more than a batch: nothing is lost, and no call asks for more than AWS allows.

use crate::aws_source::{follow_prod, wait_pass};
use crate::fake_aws::{FakeAws, Op, PageStyle};

#[test]
fn two_hundred_and_fifty_services_are_read_in_full_pages_and_batches() {
    let fake = FakeAws::start();
    {
        let mut world = fake.world();
        for index in 0..120 {
            world.add_host("prod", if index % 2 == 0 { 'a' } else { 'b' });
        }
        // One task definition for all: each is read for itself, and 120 agents share the rate.
        world.service("prod", "s000").awsvpc_tasks(1);
        let definition = world.clusters["prod"].services["s000"].task_definition.clone();
        for index in 1..250 {
            let name = format!("s{index:03}");
            let service = world.service("prod", &name).edit(|service| service.task_definition = definition.clone());
            service.awsvpc_tasks(1);
        }
    }
    let daemon = follow_prod(&fake);
    for (op, most, items) in [
        (Op::DescribeServices, 10, 250),
        (Op::DescribeTasks, 100, 250),
        (Op::DescribeContainerInstances, 100, 120),
        (Op::DescribeInstances, 200, 120),
    ] {
        let batches = fake.batches(op);
        assert_eq!(batches.iter().max(), Some(&most.min(items)), "{op:?}");
        assert_eq!(batches.iter().sum::<usize>(), items, "{op:?} asks for everything once: {batches:?}");
        assert_eq!(batches.len(), items.div_ceil(most), "{op:?} fills its batches: {batches:?}");
    }
    for (op, pages) in [(Op::ListServices, 3), (Op::ListTasks, 3), (Op::ListContainerInstances, 2)] {
        let calls = fake.calls_of(op);
        assert_eq!(calls.len(), pages, "{op:?}");
        assert!(calls.iter().all(|call| call.max_results == Some(100)), "{op:?} asks for full pages: {calls:?}");
    }
    for (kind, count) in [("service", 250.0), ("task", 250.0), ("container_instance", 120.0)] {
        daemon.wait_metric(&format!("ecs_resolver_inventory_resources{{kind=\"{kind}\"}}"), count);
    }
    let (_, zone) = daemon.get("/zone");
    for index in 0..250 {
        let name = format!("s{index:03}.ecs.internal. 5 IN A 10.64.");
        assert!(zone.lines().any(|line| line.starts_with(&name)), "no {name} in the zone");
    }
    assert_eq!(daemon.short("s249.ecs.internal").len(), 1);
    let reverse = zone.lines().filter(|line| line.contains(" IN PTR i-")).count();
    assert_eq!(reverse, 120, "every host has a PTR record");

    // 28 calls about services in each pass, of which 120 agents together may make 5 a second.
    daemon.wait_log("120 agents share AWS's limit on reading services");
    daemon.wait_metric("ecs_resolver_source_interval_seconds", 28.0 * 120.0 / 5.0);
}

/// Pages that are short, empty, or overlap, as AWS promises no more than "at most".
#[test]
fn odd_pages_lose_nothing() {
    for style in [PageStyle::Short, PageStyle::Overlapping] {
        let fake = FakeAws::start();
        for index in 0..30 {
            fake.world().service("prod", &format!("s{index:02}")).awsvpc_tasks(1);
        }
        fake.knobs().page_style = style;
        for op in [Op::ListServices, Op::ListTasks, Op::ListContainerInstances, Op::DescribeInstances] {
            fake.knobs().set_page_size(op, 12);
        }
        let daemon = follow_prod(&fake);
        wait_pass(&daemon, &fake);
        for index in 0..30 {
            assert_eq!(daemon.short(&format!("s{index:02}.ecs.internal")).len(), 1, "{style:?}: s{index:02}");
        }
        let (_, ready) = daemon.get("/ready");
        assert!(!ready.contains("warning"), "{style:?}: {ready}");
    }
}
