//! `ecs-resolver controller` as a process, on the fake AWS: what it registers, what it leaves alone, how it ends.

mod at_work;
mod bad_input;
mod events;
pub mod nothing_lost;
mod owners;
mod pairs;
mod queues;
mod tasks;

use std::process::Output;

use ecs_resolver::cli::exit;

use crate::aws_source::environment;
use crate::daemon;
use crate::fake_aws::world::Scheme;
use crate::fake_aws::{FakeAws, Op};

/// Services of the reference architecture of 2016.
const SEED: [&str; 3] = ["TwitchApp", "GoodreadsApp", "PortalApp"];

/// How a controller that was to do one thing ended.
pub struct Ended {
    pub status: u8,
    pub said: String,
    pub printed: String,
}

impl Ended {
    /// Asserts that all is well.
    pub fn ok(self) -> Self {
        assert_eq!(self.status, exit::OK, "{}", self.said);
        self
    }
}

/// A controller of the cluster `prod` with these flags.
pub fn controller(fake: &FakeAws, flags: &[&str]) -> Ended {
    let mut command = daemon::command(&["controller", "--config", "/dev/null", "--cluster", "prod", "--http", "off"]);
    let endpoint = fake.endpoint_url();
    let Output { status, stdout, stderr } =
        command.args(flags).envs(environment(&endpoint)).output().expect("the binary runs");
    Ended {
        status: status.code().and_then(|code| u8::try_from(code).ok()).expect("an exit status"),
        said: String::from_utf8_lossy(&stderr).into_owned(),
        printed: String::from_utf8_lossy(&stdout).into_owned(),
    }
}

/// One reconcile.
pub fn once(fake: &FakeAws) -> Ended {
    controller(fake, &["--once"])
}

/// Adds a service behind a classic load balancer of its name; returns the load balancer's DNS name.
pub fn add_balanced(fake: &FakeAws, service: &str) -> String {
    let mut world = fake.world();
    let target = world.add_classic_load_balancer(service, Scheme::Internal);
    world.service("prod", service).classic_load_balancer(service, 80).desired(2);
    target
}

/// The seed's world and its hosted zone; returns the zone's id.
pub fn seed(fake: &FakeAws) -> String {
    for service in SEED {
        add_balanced(fake, service);
    }
    fake.hosting().add_zone("ecs.internal")
}

/// What the seed's services are registered as, for those that are there.
pub fn registered(fake: &FakeAws) -> Vec<String> {
    let world = fake.world();
    let there = world.clusters["prod"].services.values().filter(|service| service.status == "ACTIVE");
    let line = |name: &str| {
        let target = &world.classic_load_balancers[name].dns_name;
        format!("{}.ecs.internal. 60 CNAME {target}", name.to_lowercase())
    };
    let mut lines: Vec<_> = there.map(|service| line(&service.service_name)).collect();
    lines.sort();
    lines
}

/// Requests that would have changed the zone.
pub fn changes(fake: &FakeAws) -> usize {
    fake.count(Op::ChangeResourceRecordSets)
}

#[test]
fn the_seeds_services_come_and_go() {
    let fake = FakeAws::start();
    let zone = seed(&fake);
    let planned = controller(&fake, &["--plan"]).ok().printed;
    assert!(planned.contains("CREATE  twitchapp.ecs.internal.") && planned.lines().count() == 7, "{planned}");
    assert_eq!((changes(&fake), fake.hosting().records(&zone)), (0, vec![]), "--plan touches nothing");
    once(&fake).ok();
    assert_eq!(fake.hosting().records(&zone), registered(&fake));
    assert_eq!(fake.hosting().records(&zone).len(), 3);
    assert_eq!(changes(&fake), 1, "all in one request");
    once(&fake).ok();
    assert_eq!(changes(&fake), 1, "nothing to change any more");
    assert!(controller(&fake, &["--plan"]).ok().printed.starts_with("Nothing to change."));

    for (service, status) in [("TwitchApp", "DRAINING"), ("PortalApp", "INACTIVE")] {
        fake.world().service("prod", service).status(status);
    }
    once(&fake).ok();
    assert_eq!(fake.hosting().records(&zone), registered(&fake));
    assert_eq!(fake.hosting().owned(&zone), ["goodreadsapp.ecs.internal."]);
    add_balanced(&fake, "TwitchApp");
    once(&fake).ok();
    fake.world().service("prod", "TwitchApp").status("ACTIVE");
    once(&fake).ok();
    assert_eq!(fake.hosting().records(&zone), registered(&fake), "created again under the same name");
}

/// The README shows what `--plan` prints of the seed's world.
#[test]
fn the_readme_shows_a_plan_as_it_is_printed() {
    let fake = FakeAws::start();
    let zone = seed(&fake);
    let target = fake.world().classic_load_balancers["PortalApp"].dns_name.clone();
    fake.hosting().put(&zone, "portalapp.ecs.internal", "CNAME", 60, &[&target]);
    let printed = controller(&fake, &["--plan"]).ok().printed;
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    assert!(
        readme.contains(&format!("```text\n$ ecs-resolver controller --plan --cluster prod\n{printed}```")),
        "{printed}"
    );
}

#[test]
fn load_balancers_of_all_kinds_are_registered_and_followed() {
    let fake = FakeAws::start();
    let zone = fake.hosting().add_zone("ecs.internal");
    let mut world = fake.world();
    let alb = world.add_application_load_balancer("app", Scheme::Internal);
    let group = world.add_target_group("app", "ip", Some(&alb));
    world.service("prod", "My_App").target_group(&group, 80);
    let nlb = world.add_network_load_balancer("stream", Scheme::InternetFacing);
    let group = world.add_target_group("stream", "ip", Some(&nlb));
    world.service("prod", "stream").task_set("PRIMARY", &group, 80);
    world.service("prod", "alone");
    let names = [&alb, &nlb].map(|arn| world.load_balancers[arn].dns_name.clone());
    drop(world);
    once(&fake).ok();
    let expected =
        [format!("my_app.ecs.internal. 60 CNAME {}", names[0]), format!("stream.ecs.internal. 60 CNAME {}", names[1])];
    assert_eq!(fake.hosting().records(&zone), expected);
    fake.world().load_balancers.get_mut(&alb).unwrap().dns_name = "internal-app-2.us-east-1.elb.amazonaws.com".into();
    once(&fake).ok();
    assert_eq!(
        fake.hosting().records(&zone)[0],
        "my_app.ecs.internal. 60 CNAME internal-app-2.us-east-1.elb.amazonaws.com"
    );
}

#[test]
fn a_large_zone_is_read_page_by_page_and_changed_in_several_requests() {
    let fake = FakeAws::start();
    let zone = fake.hosting().add_zone("ecs.internal");
    for number in 0..700 {
        let name = format!("old{number:03}.ecs.internal");
        fake.hosting().put(&zone, &name, "A", 60, &["10.0.0.1"]);
    }
    for weight in 0..20 {
        let mut set = crate::fake_aws::hosting::RecordSet::simple("w.ecs.internal", "A", 60, &["10.0.0.2"]);
        (set.set_identifier, set.policy) = (Some(format!("s{weight:02}")), vec![("Weight", weight.to_string())]);
        fake.hosting().zone(&zone).sets.push(set);
    }
    fake.knobs().set_page_size(Op::ListResourceRecordSets, 97);
    fake.knobs().set_page_size(Op::ListServices, 40);
    let alb = fake.world().add_application_load_balancer("app", Scheme::Internal);
    let group = fake.world().add_target_group("app", "ip", Some(&alb));
    for number in 0..200 {
        fake.world().service("prod", &format!("{}-{number:03}", "s".repeat(50))).target_group(&group, 80);
    }
    let before = fake.hosting().records(&zone);
    let said = once(&fake).ok().said;
    let after = fake.hosting().records(&zone);
    assert_eq!(after.len(), before.len() + 200, "{said}");
    assert!(before.iter().all(|record| after.contains(record)));
    assert_eq!(changes(&fake), 2, "32,000 characters are not enough for all");
    assert_eq!(fake.count(Op::ListResourceRecordSets), 8);
}
