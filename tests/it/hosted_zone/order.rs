//! Who owns a name: the configuration, ECS, Route 53.

use super::{NOBODY, start};
use crate::daemon::Daemon;
use crate::fake_aws::FakeAws;
use crate::fake_aws::world::Scheme;
use crate::upstream::Upstream;

const RECORDS: &str = r#"
[records]
"db.ecs.internal" = "10.0.0.7"
"both.ecs.internal" = ["10.0.0.8", "fd00::8"]
"www.ecs.internal" = "300 CNAME web.ecs.internal"
"old.ecs.internal" = "CNAME only.ecs.internal."
"ext.ecs.internal" = "CNAME lb.example.com."
"deep.er.ecs.internal" = 'TXT "a b" "c"'
"x.ecs.internal" = ["SRV 10 5 8080 both.ecs.internal.", 'TXT "x"']
"#;

/// ECS has web (two tasks) and shop; Route 53 has web, only and wildcards.
fn world() -> FakeAws {
    let fake = FakeAws::start();
    {
        let mut world = fake.world();
        world.service("prod", "web").fargate_tasks(2);
        world.service("prod", "shop").fargate_tasks(1);
        world.add_classic_load_balancer("front", Scheme::Internal);
        let mut hosting = fake.hosting();
        let id = hosting.add_zone("ecs.internal");
        hosting.put(&id, "web.ecs.internal", "A", 60, &["10.9.0.1"]);
        hosting.put(&id, "both.ecs.internal", "A", 60, &["10.9.0.2"]);
        hosting.put(&id, "only.ecs.internal", "A", 60, &["10.9.0.3"]);
        hosting.put(&id, "*.ecs.internal", "A", 60, &["10.9.0.4"]);
        hosting.put(&id, "gone.web.prod.task.ecs.internal", "A", 60, &["10.9.0.5"]);
    }
    fake
}

fn run(fake: &FakeAws, flags: &[&str]) -> (Daemon, tempfile::TempDir) {
    let configuration = format!("[ecs]\npoll_interval = \"500ms\"\n{RECORDS}");
    let mut all = vec!["--cluster", "prod"];
    all.extend(flags);
    start(fake, &configuration, &all)
}

/// What holds whichever of ECS and Route 53 goes first.
fn check_records(daemon: &Daemon) {
    assert_eq!(daemon.short("db.ecs.internal"), ["10.0.0.7"]);
    assert_eq!(daemon.short("both.ecs.internal"), ["10.0.0.8"], "the configuration goes first");
    assert_eq!(daemon.short("AAAA both.ecs.internal"), ["fd00::8"]);
    assert!(daemon.ask("TXT both.ecs.internal").is_nodata(), "and owns the name, whatever the type");
    assert_eq!(daemon.short("TXT deep.er.ecs.internal"), ["\"a b\" \"c\""]);
    assert_eq!(daemon.short("SRV x.ecs.internal"), ["10 5 8080 both.ecs.internal."]);
    assert!(daemon.metric("ecs_resolver_dns_answers_total{source=\"records\"}") >= Some(5.0));
}

#[test]
fn the_configuration_then_ecs_then_route_53() {
    let fake = world();
    let (daemon, _folder) = run(&fake, &["--fallback", "api", "--upstream", NOBODY]);
    daemon.wait_ready();
    check_records(&daemon);
    assert_eq!(daemon.short("web.ecs.internal").len(), 2, "ECS has it");
    assert!(daemon.ask("AAAA web.ecs.internal").is_nodata());
    let www = daemon.ask("www.ecs.internal");
    assert_eq!(
        (www.data("CNAME"), www.data("A").len()),
        (vec!["web.ecs.internal."], 2),
        "from layer to layer: {www:?}"
    );
    assert_eq!(daemon.short("old.ecs.internal"), ["10.9.0.3", "only.ecs.internal."]);
    assert_eq!(daemon.short("only.ecs.internal"), ["10.9.0.3"]);
    assert_eq!(daemon.short("nosuch.ecs.internal"), ["10.9.0.4"], "the wildcard, for what nobody has");
    assert_eq!(daemon.short("er.ecs.internal"), ["10.9.0.4"], "an empty non-terminal owns nothing");
    for alone in ["gone.web.prod.task.ecs.internal", "x.web.ecs.internal", "nosuch.task.ecs.internal"] {
        assert_eq!(daemon.ask(alone).status, "NXDOMAIN", "{alone}: a wildcard answers for no task");
    }
    let (_, dump) = daemon.get("/zone");
    assert!(dump.contains("\nonly.ecs.internal. 60 IN A 10.9.0.3\n") && !dump.contains("10.9.0.1\n"), "{dump}");
    assert!(dump.contains("\ndb.ecs.internal. 5 IN A 10.0.0.7\n") && !dump.contains("10.9.0.5"), "{dump}");
}

#[test]
fn route_53_goes_before_ecs_if_it_is_preferred() {
    let fake = world();
    let flags = ["--fallback", "api", "--prefer", "route53", "--upstream", NOBODY];
    let (daemon, _folder) = run(&fake, &flags);
    daemon.wait_ready();
    check_records(&daemon);
    assert_eq!(daemon.short("web.ecs.internal"), ["10.9.0.1"]);
    assert_eq!(daemon.short("shop.ecs.internal"), ["10.9.0.4"], "a wildcard is a record, too");
    assert_eq!(daemon.short("shop.prod.task.ecs.internal").len(), 1, "but not of names that only ECS can have");
    let (_, dump) = daemon.get("/zone");
    assert!(dump.contains("\nweb.ecs.internal. 60 IN A 10.9.0.1\n"), "{dump}");
}

#[test]
fn the_order_holds_through_the_resolver_as_well() {
    let upstream = Upstream::start(&[
        "web.ecs.internal. 60 IN A 10.9.0.1",
        "only.ecs.internal. 60 IN A 10.9.0.3",
        "lb.example.com. 60 IN A 192.0.2.9",
        "internal-front-1.example.com. 60 IN A 192.0.2.10",
    ]);
    let fake = world();
    let (daemon, _folder) = run(&fake, &["--upstream", &upstream.flag()]);
    daemon.wait_ready();
    assert_eq!(daemon.short("web.ecs.internal").len(), 2);
    assert_eq!(daemon.short("only.ecs.internal"), ["10.9.0.3"]);
    let before = daemon.metric("ecs_resolver_dns_answers_total{source=\"route53\"}");
    assert!(before >= Some(1.0), "{before:?}");
    assert_eq!(daemon.short("old.ecs.internal"), ["10.9.0.3", "only.ecs.internal."]);
    assert_eq!(daemon.short("ext.ecs.internal"), ["192.0.2.9", "lb.example.com."]);
    let chased = daemon.ask("+norecurse www.ecs.internal");
    assert_eq!((chased.data("CNAME").len(), chased.data("A").len()), (1, 2));

    let (daemon, _folder) = run(&fake, &["--prefer", "route53", "--upstream", &upstream.flag()]);
    daemon.wait_ready();
    assert_eq!(daemon.short("web.ecs.internal"), ["10.9.0.1"]);
    assert!(daemon.ask("AAAA web.ecs.internal").is_nodata(), "Route 53 owns the name");
    assert_eq!(daemon.short("shop.ecs.internal").len(), 1, "what Route 53 does not have is ECS's");
    assert_eq!(daemon.short("shop.prod.task.ecs.internal").len(), 1);
    assert_eq!(daemon.ask("nosuch.ecs.internal").status, "NXDOMAIN");
    assert_eq!(daemon.short("old.ecs.internal"), ["10.9.0.3", "only.ecs.internal."]);
}
