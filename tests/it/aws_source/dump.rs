//! `dump --json` of one daemon is the fixture of another, which then serves the same zone.

use crate::aws_source::{NOBODY, follow_prod};
use crate::daemon::{self, Daemon};
use crate::fake_aws::FakeAws;
use crate::fake_aws::world::{Scheme, TaskDefinition};

/// A bit of everything that an inventory holds.
fn world(fake: &FakeAws) {
    let mut world = fake.world();
    let (a, b) = (world.add_host("prod", 'a'), world.add_host("prod", 'b'));
    world.add_classic_load_balancer("TwitchApp", Scheme::Internal);
    let twitch = world.service("prod", "TwitchApp").classic_load_balancer("TwitchApp", 80);
    twitch.bridge_task(&a, 32768).bridge_task(&b, 32769);
    let alb = world.add_application_load_balancer("portal", Scheme::Internal);
    let group = world.add_target_group("portal", "ip", Some(&alb));
    world.service("prod", "PortalApp").target_group(&group, 80).awsvpc_tasks(2);
    world.service("prod", "lost").classic_load_balancer("lost", 80);
    world.service("prod", "edge").host_task(&a);
    let checked = TaskDefinition::new("sick", "awsvpc").port("http", 8080).health_check().label("SERVICE_NAME", "ill");
    let tasks = world.service("prod", "sick").task_definition(checked).fargate_tasks(2).task_arns();
    world.task(&tasks[0]).health("sick", "UNHEALTHY");
    world.task(&tasks[1]).health("sick", "UNHEALTHY").ipv6("2001:db8::2");
    let leaving = world.service("prod", "leaving").fargate_tasks(2).task_arns();
    world.task(&leaving[0]).stopping();
    world.container_instance(&b.instance_id).status("DRAINING");
}

fn dump(daemon: &Daemon, what: &str) -> String {
    let output = daemon::command(&["dump", what, "--http", &daemon.http.to_string()]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The zone without what differs from daemon to daemon: the serial, and the word for the source.
fn zone(daemon: &Daemon) -> Vec<String> {
    let zone = dump(daemon, "--zone").replace("source=fixture", "source=describe");
    let lines = zone.lines().filter(|line| !line.contains(" IN SOA "));
    lines.map(str::to_owned).collect()
}

#[test]
fn a_dump_is_a_fixture() {
    let fake = FakeAws::start();
    world(&fake);
    let first = follow_prod(&fake);
    let inventory = dump(&first, "--json");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("inventory.json");
    std::fs::write(&file, &inventory).unwrap();
    let flags = ["--source", "fixture", "--fixture", file.to_str().unwrap(), "--upstream", NOBODY, "--fallback", "off"];
    let second = Daemon::start(&[&["run", "--config", "/dev/null"], &flags[..]].concat(), &[]);
    second.wait_ready();
    let expected = zone(&first);
    assert!(
        expected.len() > 100
            && expected.iter().any(|line| line.contains("failing open") || line.contains("2001:db8::2"))
    );
    assert_eq!(zone(&second), expected);
    assert_eq!(second.short("CNAME twitchapp.ecs.internal"), first.short("CNAME twitchapp.ecs.internal"));
    assert_eq!(second.ask("sick.ecs.internal").ede, first.ask("sick.ecs.internal").ede);

    let again: serde_json::Value = serde_json::from_str(&dump(&second, "--json")).unwrap();
    let inventory: serde_json::Value = serde_json::from_str(&inventory).unwrap();
    assert_eq!(again["services"], inventory["services"]);
    assert_eq!(again["tasks"].as_array().map(Vec::len), inventory["tasks"].as_array().map(Vec::len));
}
