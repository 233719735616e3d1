//! The whole daemon on moto's server, a second opinion about AWS: the seed's world, and what changes in it.

use aws_sdk_ecs::Client;
use aws_sdk_ecs::types::{LaunchType, NetworkConfiguration};
use serde_json::Value;

use crate::daemon::Daemon;
use crate::moto::Moto;
use crate::upstream::Upstream;

/// A daemon that follows the seeded cluster.
fn follow(moto: &Moto, upstream: &Upstream) -> Daemon {
    let endpoint = moto.endpoint_url();
    let environment = [
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    let upstream = upstream.flag();
    let flags = ["--cluster", "prod", "--poll-interval", "500ms", "--upstream", &upstream];
    let daemon = Daemon::start(&[&["run", "--config", "/dev/null"], &flags[..]].concat(), &environment);
    daemon.wait_ready();
    daemon
}

/// Passes over the tasks that are through.
fn passes(daemon: &Daemon) -> f64 {
    let name = "ecs_resolver_aws_requests_total{operation=\"ecs:DescribeTasks\",result=\"ok\"}";
    daemon.metric(name).expect("calls are counted")
}

/// Waits until one poll that began from now on is through: the next to be counted may have begun before, and is
/// served only when the one after it is asked for.
fn wait_poll(daemon: &Daemon) {
    let before = passes(daemon);
    daemon.wait("one poll", || passes(daemon) >= before + 3.0);
}

fn sorted(values: impl Iterator<Item = String>) -> Vec<String> {
    let mut values: Vec<String> = values.collect();
    values.sort();
    values
}

/// The addresses of a service's own interfaces, as the seeding script tells them.
fn addresses(seeded: &Value, service: &str) -> Vec<String> {
    let tasks = seeded["services"][service]["tasks"].as_array().unwrap();
    sorted(tasks.iter().map(|task| task["eniAddress"].as_str().unwrap().to_owned()))
}

fn balancer(seeded: &Value, service: &str) -> String {
    seeded["services"][service]["loadBalancers"][0].as_str().unwrap().to_owned()
}

#[test]
fn the_seeds_names_answer() {
    let moto = Moto::start();
    let seeded = moto.seed();
    let records = ["TwitchApp", "GoodreadsApp", "PortalApp"]
        .map(|service| format!("{}. 60 IN A 10.5.10.200", balancer(&seeded, service)));
    let upstream = Upstream::start(&records.each_ref().map(String::as_str));
    let daemon = follow(&moto, &upstream);
    for service in ["TwitchApp", "GoodreadsApp", "PortalApp"] {
        let reply = daemon.wait_reply(&format!("{service}.ECS.internal"), "chased", |reply| reply.status == "NOERROR");
        assert_eq!(reply.data("CNAME"), [format!("{}.", balancer(&seeded, service).to_lowercase())], "{reply:?}");
        assert_eq!((reply.ttls("CNAME"), reply.data("A")), (vec![60], vec!["10.5.10.200"]), "in the same reply");
    }
    let hosts = sorted(
        seeded["instances"].as_array().unwrap().iter().map(|host| host["privateIp"].as_str().unwrap().to_owned()),
    );
    let of_twitch = daemon.short("twitchapp.prod.task.ecs.internal");
    assert!(
        !of_twitch.is_empty() && of_twitch.iter().all(|address| hosts.contains(address)),
        "{of_twitch:?} {hosts:?}"
    );
    for host in seeded["instances"].as_array().unwrap() {
        let (name, address) = (host["instanceId"].as_str().unwrap(), host["privateIp"].as_str().unwrap());
        assert_eq!(daemon.short(&format!("{name}.host.ecs.internal")), [address]);
        assert_eq!(daemon.short(&format!("-x {address}")), [format!("{name}.host.ecs.internal.")]);
    }
    assert_eq!(daemon.short("portalapp.prod.task.ecs.internal"), addresses(&seeded, "PortalApp"));
    assert_eq!(daemon.short("calc.ecs.internal"), addresses(&seeded, "calc"));
    let reply = daemon.ask("SRV _calc._tcp.ecs.internal");
    assert!(
        reply.data("SRV").len() == 2 && reply.data("SRV").iter().all(|data| data.starts_with("10 100 7070 ")),
        "{reply:?}"
    );
    assert_eq!(reply.additional.len(), 2, "{reply:?}");
    for address in addresses(&seeded, "calc") {
        let name = daemon.short(&format!("-x {address}"));
        assert!(name.len() == 1 && name[0].ends_with(".calc.prod.task.ecs.internal."), "{name:?}");
    }
    daemon.wait_status("nosuch.ecs.internal", "NXDOMAIN");
    daemon.wait_for("example.com", &["192.0.2.7"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_in_ecs_is_answered_within_one_poll() {
    let moto = Moto::start();
    let seeded = moto.seed();
    let upstream = Upstream::start(&[]);
    let daemon = follow(&moto, &upstream);
    let ecs = Client::new(&moto.sdk().await);
    daemon.wait_status("fresh.ecs.internal", "NXDOMAIN");

    let address = create(&ecs, &seeded, "Fresh_App").await;
    wait_poll(&daemon);
    assert_eq!(daemon.short("fresh_app.ecs.internal"), [address.as_str()]);
    assert_eq!(daemon.short("fresh-app.ecs.internal"), [address.as_str()]);

    let tasks = seeded["services"]["calc"]["tasks"].as_array().unwrap();
    let (stopped, left) = (tasks[0]["arn"].as_str().unwrap(), tasks[1]["eniAddress"].as_str().unwrap());
    assert_eq!(daemon.short("calc.ecs.internal").len(), 2);
    ecs.stop_task().cluster("prod").task(stopped).send().await.unwrap();
    wait_poll(&daemon);
    assert_eq!(daemon.short("calc.ecs.internal"), [left]);
    assert_eq!(daemon.ask("SRV _calc._tcp.ecs.internal").data("SRV").len(), 1);

    ecs.delete_service().cluster("prod").service("Fresh_App").force(true).send().await.unwrap();
    wait_poll(&daemon);
    daemon.wait_status("fresh_app.ecs.internal", "NXDOMAIN");
}

/// A service in calc's network with one running task; returns the task's address.
async fn create(ecs: &Client, seeded: &Value, name: &str) -> String {
    let calc = &seeded["services"]["calc"];
    let found = ecs.describe_services().cluster("prod").services("calc").send().await.unwrap();
    let network: NetworkConfiguration = found.services()[0].network_configuration().unwrap().clone();
    let definition = calc["taskDefinitionArn"].as_str().unwrap();
    let service = ecs.create_service().cluster("prod").service_name(name).task_definition(definition);
    let service = service.desired_count(1).launch_type(LaunchType::Ec2).network_configuration(network.clone());
    service.send().await.unwrap();
    let task = ecs.run_task().cluster("prod").task_definition(definition).launch_type(LaunchType::Ec2);
    let task = task.group(format!("service:{name}")).network_configuration(network).send().await.unwrap();
    let details = task.tasks()[0].attachments().iter().flat_map(aws_sdk_ecs::types::Attachment::details);
    let mut address = details.filter(|detail| detail.name() == Some("privateIPv4Address"));
    address.next().and_then(|detail| detail.value()).unwrap().to_owned()
}
