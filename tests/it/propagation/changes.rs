//! What happens in the cluster is what is answered.

use super::Followed;
use crate::fake_aws::Op;
use crate::fake_aws::world::{Scheme, TaskDefinition};

#[test]
fn tasks_come_and_go_by_events_alone() {
    let it = Followed::new(|fake| {
        fake.world().service("prod", "web").fargate_tasks(1);
    });
    it.fake.forget_calls();
    let arn = it.fake.world().launch("prod", "web");
    let address = it.fake.world().come_up(&arn).private_address().expect("an address");
    it.daemon.wait("the new task", || it.daemon.short("web.prod.task.ecs.internal").contains(&address));
    it.fake.world().task(&arn).stopping();
    it.daemon.wait("it leaves", || !it.daemon.short("web.prod.task.ecs.internal").contains(&address));
    it.fake.world().task(&arn).stop();
    it.wait_handled();
    assert_eq!(it.fake.count(Op::ListServices), 0, "nothing was read for it");
    assert_eq!(it.daemon.metric("ecs_resolver_events_total{type=\"task\",result=\"served\"}"), Some(4.0));
    assert!(it.daemon.metric("ecs_resolver_event_serve_duration_seconds_count").is_some_and(|count| count >= 4.0));
    assert_eq!(it.daemon.metric("ecs_resolver_drift_total{resource=\"task\"}"), Some(0.0));
}

#[test]
fn a_new_service_is_found_with_its_load_balancer() {
    let it = Followed::new(|fake| {
        fake.world().service("prod", "web").fargate_tasks(1);
    });
    {
        let mut world = it.fake.world();
        let balancer = world.add_application_load_balancer("api", Scheme::Internal);
        let group = world.add_target_group("api", "ip", Some(&balancer));
        world.service("prod", "api").target_group(&group, 80);
    }
    it.daemon
        .wait("the load balancer", || it.daemon.short("CNAME api.ecs.internal").iter().any(|it| it.contains("elb")));
    it.fake.world().service("prod", "api").desired(0).status("INACTIVE");
    it.daemon.wait_reply("api.ecs.internal", "gone", |reply| reply.status == "NXDOMAIN");
}

#[test]
fn a_machine_that_dies_takes_its_tasks_out_at_once() {
    let mut ids = Vec::new();
    let it = Followed::new(|fake| {
        let mut world = fake.world();
        for zone in ['a', 'b'] {
            let host = world.add_host("prod", zone);
            world.service("prod", "web").bridge_task(&host, 32_768);
            ids.push(host.instance_id.clone());
        }
    });
    assert_eq!(it.daemon.short("web.prod.task.ecs.internal").len(), 2);
    it.fake.world().instance(&ids[0]).state("shutting-down");
    it.daemon.wait("one is left", || it.daemon.short("web.prod.task.ecs.internal").len() == 1);
    // ECS goes on saying RUNNING for minutes.
    it.fake.world().instance(&ids[0]).state("terminated");
    it.wait_handled();
    assert_eq!(it.daemon.short("web.prod.task.ecs.internal").len(), 1);
}

#[test]
fn a_host_that_is_drained_serves_as_long_as_there_is_no_other() {
    let mut ids = Vec::new();
    let it = Followed::new(|fake| {
        let mut world = fake.world();
        for zone in ['a', 'b'] {
            let host = world.add_host("prod", zone);
            world.service("prod", "web").bridge_task(&host, 32_768);
            ids.push(host.instance_id.clone());
        }
    });
    it.fake.world().container_instance(&ids[0]).status("DRAINING");
    it.daemon.wait("one is left", || it.daemon.short("web.prod.task.ecs.internal").len() == 1);
    it.fake.world().container_instance(&ids[1]).status("DRAINING");
    it.daemon.wait("both are kept", || it.daemon.short("web.prod.task.ecs.internal").len() == 2);
}

#[test]
fn health_is_looked_at_although_no_event_tells_of_it() {
    let it = Followed::new(|fake| {
        let checked = TaskDefinition::new("web", "awsvpc").port("http", 80).health_check();
        let mut world = fake.world();
        let arns = world.service("prod", "web").task_definition(checked).fargate_tasks(1).task_arns();
        world.task(&arns[0]).health("web", "HEALTHY");
    });
    let arn = it.fake.world().launch("prod", "web");
    let address = it.fake.world().come_up(&arn).private_address().expect("an address");
    it.wait_handled();
    assert!(!it.daemon.short("web.prod.task.ecs.internal").contains(&address), "it has not passed its check yet");
    it.fake.world().task(&arn).health("web", "HEALTHY");
    it.daemon.wait("the new task", || it.daemon.short("web.prod.task.ecs.internal").contains(&address));
    it.fake.world().task(&arn).health("web", "UNHEALTHY");
    it.daemon.wait("it is out", || !it.daemon.short("web.prod.task.ecs.internal").contains(&address));
}
