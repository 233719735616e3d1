//! Services without a load balancer, by option: addresses and ports of their tasks.

use super::{Ended, controller};
use crate::fake_aws::FakeAws;

fn with_tasks(fake: &FakeAws) -> Ended {
    controller(fake, &["--once", "--record-type", "CNAME,A,SRV"])
}

/// The parts of a zone's records that tasks make: types, and how many of each.
fn count(fake: &FakeAws, zone: &str, kind: &str, prefix: &str) -> usize {
    let records = fake.hosting().records(zone);
    records.iter().filter(|record| record.contains(&format!(" {kind} ")) && record.starts_with(prefix)).count()
}

#[test]
fn tasks_have_addresses_and_ports_in_the_zone_and_are_followed() {
    let fake = FakeAws::start();
    let zone = fake.hosting().add_zone("ecs.internal");
    fake.world().service("prod", "web").fargate_tasks(3);
    super::add_balanced(&fake, "TwitchApp");
    with_tasks(&fake).ok();
    assert_eq!(count(&fake, &zone, "A", "web.ecs.internal."), 3);
    assert_eq!(count(&fake, &zone, "CNAME", "twitchapp.ecs.internal."), 1);
    let records = fake.hosting().records(&zone);
    let srv = records.iter().find(|record| record.contains(" SRV ")).unwrap();
    assert!(srv.starts_with("_http._tcp.web.ecs.internal. 5 SRV 10 100 8080 "), "{srv}");
    for target in srv.split(' ').filter(|word| word.ends_with(".web.prod.task.ecs.internal.")) {
        assert!(records.iter().any(|record| record.starts_with(&format!("{target} 5 A 10."))), "{target} {records:?}");
    }
    assert_eq!(fake.hosting().owned(&zone).len(), 6, "two names, an SRV owner, three tasks");

    let gone = fake.world().tasks_of("prod", "web")[0].clone();
    fake.world().task(&gone).stop();
    fake.world().service("prod", "web").fargate_tasks(1);
    with_tasks(&fake).ok();
    assert_eq!(count(&fake, &zone, "A", "web.ecs.internal."), 3);
    let id = gone.rsplit('/').next().unwrap();
    assert!(!fake.hosting().records(&zone).iter().any(|record| record.contains(id)), "the stopped task is out");

    let all = fake.world().tasks_of("prod", "web");
    for task in all {
        fake.world().task(&task).stop();
    }
    let said = with_tasks(&fake).ok().said;
    assert!(said.contains("Kept: web.ecs.internal. (service web): no task of its service is ready"), "{said}");
    assert_eq!(count(&fake, &zone, "A", "web.ecs.internal."), 3, "ECS still wants tasks: they may be the last word");
    fake.world().service("prod", "web").desired(0);
    with_tasks(&fake).ok();
    assert_eq!(count(&fake, &zone, "A", ""), 0);
    fake.world().service("prod", "web").status("INACTIVE");
    with_tasks(&fake).ok();
    assert_eq!(fake.hosting().owned(&zone), ["twitchapp.ecs.internal."]);
}

#[test]
fn hundreds_of_tasks_stay_within_the_limits() {
    let fake = FakeAws::start();
    let zone = fake.hosting().add_zone("ecs.internal");
    fake.world().service("prod", "many").fargate_tasks(130);
    let said = with_tasks(&fake).ok().said;
    assert!(said.contains("only 100 of its 130 tasks are registered"), "{said}");
    assert_eq!(count(&fake, &zone, "A", "many.ecs.internal."), 100);
}

#[test]
fn bridge_tasks_are_registered_with_the_ports_of_their_host() {
    let fake = FakeAws::start();
    let zone = fake.hosting().add_zone("ecs.internal");
    let mut world = fake.world();
    let hosts = [world.add_host("prod", 'a'), world.add_host("prod", 'b')];
    let service = world.service("prod", "calc");
    service.bridge_task(&hosts[0], 32768).bridge_task(&hosts[0], 32769).bridge_task(&hosts[1], 32768);
    drop(world);
    with_tasks(&fake).ok();
    assert_eq!(count(&fake, &zone, "A", "calc.ecs.internal."), 2, "two tasks share a host, which is there once");
    let records = fake.hosting().records(&zone);
    let srv = records.iter().find(|record| record.contains(" SRV ")).unwrap();
    assert_eq!((srv.matches(" 32768 ").count(), srv.matches(" 32769 ").count()), (2, 1), "{srv}");
}
