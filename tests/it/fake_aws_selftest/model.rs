//! The fake invents nothing: every member of every answer is one that botocore's models know.

use std::path::Path;
use std::process::Command;

use crate::fake_aws::FakeAws;
use crate::fake_aws::hosting::{Alias, Content, RecordSet};
use crate::fake_aws::world::{Scheme, TaskDefinition};
use crate::moto;

/// A world in which everything that the fake can tell is told.
fn everything(fake: &FakeAws) {
    let mut world = fake.world();
    let tag = serde_json::json!({ "key": "team", "value": "a" });
    let host = world.add_host("prod", 'a');
    for _ in 0..5 {
        world.add_host("prod", 'b');
    }
    world.instance(&host.instance_id).ipv6.push("2001:db8::1".parse().unwrap());
    let alb = world.add_application_load_balancer("web", Scheme::Internal);
    world.add_network_load_balancer("tcp", Scheme::InternetFacing);
    let group = world.add_target_group("web", "ip", Some(&alb));
    world.add_target_group("unused", "instance", None);
    world.add_classic_load_balancer("Web", Scheme::Internal);
    world.add_classic_load_balancer("Shop", Scheme::InternetFacing);
    let definition = TaskDefinition::new("web", "awsvpc").port("http", 80).health_check();
    let web = world.service("prod", "web").task_definition(definition.label("a", "b"));
    let web = web.classic_load_balancer("Web", 80).target_group(&group, 80);
    let web = web.task_set("PRIMARY", &group, 80).awsvpc_tasks(2).fargate_tasks(1);
    let arns = web.edit(|service| service.tags.push(tag.clone())).task_arns();
    world.task(&arns[0]).ipv6("2001:db8::2").tags.push(tag);
    world.task(&arns[1]).stop();
    world.service("prod", "bridged").bridge_task(&host, 32_768);
    world.service("prod", "hosted").host_task(&host);
}

/// A hosted zone with a record set of every kind; its id.
fn hosted_zone(fake: &FakeAws) -> String {
    let mut hosting = fake.hosting();
    let id = hosting.add_zone("ecs.internal");
    hosting.put(&id, "a.ecs.internal", "A", 60, &["10.0.0.1", "10.0.0.2"]);
    let mut alias = RecordSet::simple("b.ecs.internal", "A", 0, &[]);
    let target = Alias { zone: id.clone(), name: "a.ecs.internal.".to_owned(), evaluates_health: false };
    alias.content = Content::Alias(target);
    hosting.zone(&id).sets.push(alias);
    let policies = [("Weight", "1"), ("Region", "us-east-1"), ("Failover", "PRIMARY"), ("MultiValueAnswer", "true")];
    for (policy, value) in policies {
        let mut set = RecordSet::simple(&format!("{policy}.ecs.internal"), "A", 60, &["10.0.0.3"]);
        set.set_identifier = Some("one".to_owned());
        set.policy = vec![(policy, value.to_owned()), ("HealthCheckId", "h".to_owned())];
        hosting.zone(&id).sets.push(set);
    }
    hosting.zone(&id).linked_service = Some("servicediscovery.amazonaws.com".to_owned());
    id
}

#[test]
fn every_member_is_in_the_model() {
    let fake = FakeAws::start();
    everything(&fake);
    let topic = fake.messaging().add_topic("changes");
    let zone = hosted_zone(&fake);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/model_check.py");
    let mut check = Command::new(moto::venv().join("bin/python"));
    let checked = check.arg(script).args([&fake.endpoint_url(), "prod", &topic, &zone]).output();
    let checked = checked.expect("Python of the virtual environment runs");
    let errors = String::from_utf8_lossy(&checked.stderr);
    assert!(checked.status.success(), "{errors}");
    let seen: u32 = String::from_utf8_lossy(&checked.stdout).trim().parse().unwrap();
    assert!(seen > 200, "only {seen} members were looked at");
}
