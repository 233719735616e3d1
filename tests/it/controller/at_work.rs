//! The controller as a daemon: at an interval, with its pages, through an outage.

use ecs_resolver::metrics::table::TABLE;

use super::{add_balanced, changes, registered, seed};
use crate::aws_source::environment;
use crate::daemon::Daemon;
use crate::fake_aws::{FakeAws, Fault, Op};

fn start(fake: &FakeAws) -> Daemon {
    let flags = ["--config", "/dev/null", "--cluster", "prod", "--interval", "200ms"];
    Daemon::start_controller(&flags, &environment(&fake.endpoint_url()))
}

#[test]
fn it_follows_ecs_says_how_it_is_doing_and_ends_cleanly() {
    let fake = FakeAws::start();
    let zone = seed(&fake);
    let daemon = start(&fake);
    daemon.wait_ready();
    daemon.wait("all are registered", || fake.hosting().records(&zone) == registered(&fake));
    let said = "register twitchapp.ecs.internal. for service TwitchApp: CREATE twitchapp.ecs.internal. CNAME internal-";
    assert!(daemon.log().contains(said), "{}", daemon.log());
    add_balanced(&fake, "late");
    daemon.wait("it follows", || fake.hosting().records(&zone) == registered(&fake));
    fake.hosting().put(&zone, "taken.ecs.internal", "A", 60, &["10.0.0.1"]);
    add_balanced(&fake, "taken");
    daemon.wait("the conflict is counted", || daemon.metric("ecs_resolver_register_conflicts") == Some(1.0));
    assert_eq!(daemon.metric("ecs_resolver_register_owned_names"), Some(4.0));
    assert_eq!(daemon.metric("ecs_resolver_register_changes_total{purpose=\"register\"}"), Some(4.0));
    assert_eq!(daemon.metric("ecs_resolver_register_refused_deletes"), Some(0.0));
    let (_, page) = daemon.get("/metrics");
    for metric in TABLE.iter().filter(|metric| metric.name.starts_with("ecs_resolver_register_")) {
        assert!(page.contains(&format!("# TYPE {} ", metric.name)), "{} is not exported", metric.name);
    }
    let (status, ready) = daemon.get("/ready");
    assert!(status == 200 && ready.contains("warning: Conflict: taken.ecs.internal."), "{ready}");
    let told = daemon.log().matches("Conflict: taken.ecs.internal.").count();
    assert_eq!(told, 1, "said once, not in every reconcile: {}", daemon.log());
    assert!(daemon.get("/zone").1.contains("late.ecs.internal.") && daemon.get("/inventory").1.contains("\"late\""));
    assert!(daemon.terminate().success());
}

#[test]
fn many_deletes_are_counted_and_not_made() {
    let fake = FakeAws::start();
    let zone = fake.hosting().add_zone("ecs.internal");
    let services: Vec<_> = (0..7).map(|number| format!("s{number}")).collect();
    services.iter().for_each(|service| drop(add_balanced(&fake, service)));
    let daemon = start(&fake);
    daemon.wait("all are registered", || fake.hosting().records(&zone).len() == 7);
    for service in &services[1..] {
        fake.world().service("prod", service).status("INACTIVE");
    }
    daemon.wait("the metric", || daemon.metric("ecs_resolver_register_refused_deletes") == Some(6.0));
    assert_eq!(fake.hosting().records(&zone).len(), 7);
    fake.world().service("prod", "s6").status("ACTIVE");
    daemon.wait("five may go", || fake.hosting().records(&zone) == registered(&fake));
    daemon.wait("nothing is refused", || daemon.metric("ecs_resolver_register_refused_deletes") == Some(0.0));
}

#[test]
fn an_outage_of_everything_changes_nothing_and_is_got_over() {
    let fake = FakeAws::start();
    let zone = seed(&fake);
    fake.knobs().fail_all(Fault::InternalFailure);
    let daemon = start(&fake);
    daemon.wait("it says so", || daemon.get("/ready").1.contains("route53:ListHostedZonesByName failed"));
    assert_eq!((daemon.get("/ready").0, changes(&fake)), (503, 0));
    fake.knobs().heal_all();
    daemon.wait_ready();
    daemon.wait("all are registered", || fake.hosting().records(&zone) == registered(&fake));
    fake.knobs().fail_all(Fault::Throttled);
    fake.forget_calls();
    daemon.wait("it fails again", || fake.count(Op::ListHostedZonesByName) >= 4);
    assert_eq!((daemon.get("/ready").0, fake.hosting().records(&zone).len()), (200, 3));
}
