//! CNAMEs of Route 53, and of other zones, that lead to names of ECS: the same in all ways to ask for them.

use super::{NOBODY, start};
use crate::daemon::Daemon;
use crate::fake_aws::FakeAws;
use crate::upstream::Upstream;

/// What Route 53 has beside ECS: owner, type, value.
const HOSTED: [(&str, &str, &str); 8] = [
    ("www.ecs.internal", "CNAME", "shop.prod.ecs.internal"),
    ("far.ecs.internal", "CNAME", "www.ecs.internal"),
    ("both.ecs.internal", "CNAME", "web.ecs.internal"),
    ("web.ecs.internal", "A", "10.9.0.1"),
    ("alias.ecs.internal", "CNAME", "only.ecs.internal"),
    ("only.ecs.internal", "A", "10.9.0.3"),
    ("lost.ecs.internal", "CNAME", "nosuch.ecs.internal"),
    ("later.ecs.internal", "CNAME", "soon.prod.ecs.internal"),
];

/// ECS has web (two tasks) and shop (one).
fn world() -> FakeAws {
    let fake = FakeAws::start();
    {
        let mut world = fake.world();
        world.service("prod", "web").fargate_tasks(2);
        world.service("prod", "shop").fargate_tasks(1);
        let mut hosting = fake.hosting();
        let id = hosting.add_zone("ecs.internal");
        HOSTED.iter().for_each(|(owner, kind, value)| hosting.put(&id, owner, kind, 60, &[value]));
    }
    fake
}

/// The same zone behind a resolver, and another one that has an alias of a name of ECS.
fn upstream() -> Upstream {
    let dot = |kind: &str| if kind == "CNAME" { "." } else { "" };
    let mut records: Vec<_> =
        HOSTED.iter().map(|(owner, kind, value)| format!("{owner}. 300 IN {kind} {value}{}", dot(kind))).collect();
    records.push("portal.example.net. 300 IN CNAME shop.prod.ecs.internal.".to_owned());
    Upstream::start(&records.iter().map(String::as_str).collect::<Vec<_>>())
}

fn check(daemon: &Daemon) {
    let shop = daemon.short("shop.prod.ecs.internal");
    assert_eq!(shop.len(), 1);
    let www = daemon.ask("www.ecs.internal");
    assert_eq!((www.data("CNAME"), www.data("A")), (vec!["shop.prod.ecs.internal."], vec![&*shop[0]]), "{www:?}");
    assert!(daemon.ask("AAAA www.ecs.internal").has_soa(), "shop has no IPv6");
    let far = daemon.ask("far.ecs.internal");
    assert_eq!((far.data("CNAME").len(), far.data("A")), (2, vec![&*shop[0]]), "{far:?}");
    assert_eq!(daemon.ask("both.ecs.internal").data("A").len(), 2, "ECS goes before Route 53");
    assert_eq!(daemon.ask("alias.ecs.internal").data("A"), ["10.9.0.3"], "which has what ECS does not");
    let lost = daemon.ask("lost.ecs.internal");
    assert_eq!((lost.status.as_str(), lost.data("CNAME").len(), lost.has_soa()), ("NXDOMAIN", 1, true), "{lost:?}");
    assert_eq!(daemon.ask("CNAME www.ecs.internal").answer.len(), 1);
}

#[test]
fn a_cname_of_route_53_leads_to_a_service() {
    let (fake, upstream) = (world(), upstream());
    let configuration = "[ecs]\npoll_interval = \"500ms\"\n";
    let flags = ["--cluster", "prod", "--upstream", &upstream.flag()];
    let (daemon, _folder) = start(&fake, configuration, &flags);
    daemon.wait_ready();
    check(&daemon);
    let portal = daemon.ask("portal.example.net");
    assert_eq!((portal.status.as_str(), portal.data("A").len()), ("NOERROR", 1), "of any zone: {portal:?}");
    // The upstream's part of it is in the cache, the other is not.
    assert_eq!(daemon.ask("later.ecs.internal").status, "NXDOMAIN");
    fake.world().service("prod", "soon").fargate_tasks(2);
    daemon.wait("the tasks have come", || daemon.ask("later.ecs.internal").data("A").len() == 2);

    let (copying, _folder) =
        start(&fake, configuration, &["--cluster", "prod", "--fallback", "api", "--upstream", NOBODY]);
    copying.wait_ready();
    check(&copying);

    let guarded = format!("{configuration}[forward]\nrebind_protection = true\n");
    let (guarded, _folder) = start(&fake, &guarded, &flags);
    guarded.wait_ready();
    check(&guarded);
    assert_eq!(guarded.ask("portal.example.net").status, "NXDOMAIN", "which may not have private addresses");
}
