//! The events of our own fake are ones that our rule passes and our parser reads, and say what its world is.

use std::collections::BTreeSet;

use ecs_resolver::ecs::TaskStatus;
use ecs_resolver::ecs::event::{self, Detail};
use serde_json::Value;

use super::pattern::passes;
use super::rule::rule;
use crate::fake_aws::{FakeAws, Travel};

/// What the rule would see in the place that config/event-rule.json names.
fn in_the_place_of_the_rule(body: &str, region: &str, account: &str) -> Value {
    serde_json::from_str(&body.replace(region, "us-east-1").replace(account, "123456789012")).unwrap()
}

#[test]
fn the_fakes_events_are_read() {
    let fake = FakeAws::start();
    let topic = fake.messaging().add_topic("changes");
    fake.messaging().add_queue_for("q", &topic);
    fake.messaging().subscribe_raw(&topic, "q");
    fake.emit_events(&topic, Travel::default());
    let host = fake.world().add_host("prod", 'a');
    let arns = fake.world().service("prod", "web").awsvpc_tasks(2).task_arns();
    let on_host = fake.world().service("prod", "bridged").bridge_task(&host, 32_768).task_arns();
    fake.world().task(&arns[0]).ipv6("2001:db8::1");
    fake.world().task(&arns[1]).stopping();
    fake.world().task(&arns[1]).stop();
    fake.world().container_instance(&host.instance_id).status("DRAINING");
    fake.world().instance(&host.instance_id).state("shutting-down");
    fake.emit_service_event("prod", "web", "SERVICE_STEADY_STATE");
    fake.emit_service_event("prod", "web", "SERVICE_DEPLOYMENT_COMPLETED");
    let region = fake.world().region.clone();
    let account = fake.world().account.clone();
    let bodies = fake.messaging().queue("q").clear();

    let (mut kinds, mut stopped) = (BTreeSet::new(), false);
    for body in bodies {
        let there = in_the_place_of_the_rule(&body, &region, &account);
        assert!(passes(&rule(), &there), "{body}");
        kinds.insert(there["detail-type"].as_str().unwrap().to_owned());
        match event::parse(body.as_bytes()).unwrap_or_else(|error| panic!("{error}: {body}")).detail {
            Detail::Ignored(why) => panic!("{why:?}: {body}"),
            Detail::Task(task) if on_host.contains(&task.arn.to_string()) => {
                let bindings: Vec<_> =
                    task.containers.iter().flat_map(|container| &container.network_bindings).collect();
                assert!(
                    task.container_instance.is_some() && bindings.iter().any(|one| one.host_port == 32_768),
                    "{body}"
                );
            }
            Detail::Task(task) => {
                let address = fake.world().task(task.arn.as_str()).private_address().unwrap();
                assert_eq!(task.ipv4.iter().map(ToString::to_string).collect::<Vec<_>>(), [address], "{body}");
                stopped |= task.last_status == TaskStatus::Stopped;
            }
            _ => {}
        }
    }
    assert!(stopped && kinds.len() == 6, "{kinds:?}");
}
