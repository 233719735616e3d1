//! Hosted zones that cannot be meant, and Route 53 in trouble.

use std::time::Duration;

use ecs_resolver::cli::exit;

use super::{Ended, SEED, changes, controller, once, registered, seed};
use crate::daemon;
use crate::fake_aws::{FakeAws, Fault, Op};

/// Ended for want of a zone, saying this; nothing was changed.
fn refuses(fake: &FakeAws, ended: &Ended, what: &str) {
    assert_eq!(ended.status, exit::UNAVAILABLE, "{}", ended.said);
    assert!(ended.said.contains(what), "{}", ended.said);
    assert_eq!(changes(fake), 0);
}

#[test]
fn the_zone_must_be_the_one_that_is_meant() {
    let fake = FakeAws::start();
    let zone = seed(&fake);
    let with = |id: &str| controller(&fake, &["--once", "--zone-id", id]);
    refuses(&fake, &with("ZNOSUCH"), "no hosted zone ZNOSUCH in this account, and dns.zone is ecs.internal.");
    let other = fake.hosting().add_zone("other.internal");
    refuses(&fake, &with(&other), &format!("{other} is other.internal. and dns.zone is ecs.internal."));
    let elsewhere = controller(&fake, &["--once", "--zone", "no.internal"]);
    refuses(&fake, &elsewhere, "no private hosted zone no.internal.");
    fake.hosting().zone(&other).name = "ecs.internal.".into();
    let several = once(&fake);
    refuses(&fake, &several, "are all private hosted zones ecs.internal.");
    assert!(several.said.contains(&zone) && several.said.contains(&other), "both are named: {}", several.said);
    fake.hosting().zone(&other).private = false;
    refuses(&fake, &with(&other), "is public, not private");
    with(&zone).ok();
    assert_eq!(fake.hosting().records(&zone), registered(&fake));
}

#[test]
fn a_zone_of_cloud_map_is_left_alone() {
    let fake = FakeAws::start();
    let zone = seed(&fake);
    fake.hosting().zone(&zone).linked_service = Some("servicediscovery.amazonaws.com".into());
    for flags in [["--once"], ["--plan"]] {
        refuses(&fake, &controller(&fake, &flags), "belongs to servicediscovery.amazonaws.com (AWS Cloud Map)");
    }
}

#[test]
fn route_53_that_is_busy_or_slow_is_waited_for() {
    let fake = FakeAws::start();
    let zone = seed(&fake);
    fake.knobs().throttle_like_aws();
    fake.hosting().prior_requests = 6;
    fake.hosting().pending = 2;
    once(&fake).ok();
    assert_eq!(fake.hosting().records(&zone), registered(&fake));
    assert_eq!(fake.count(Op::GetChange), 3, "asked until it is everywhere");
}

#[test]
fn what_route_53_denies_is_told_with_the_permission() {
    let fake = FakeAws::start();
    seed(&fake);
    fake.knobs().fail(Op::ChangeResourceRecordSets, Fault::AccessDenied);
    let ended = once(&fake);
    assert_eq!(ended.status, exit::INCOMPLETE, "{}", ended.said);
    assert!(ended.said.contains("add route53:ChangeResourceRecordSets to the role"), "{}", ended.said);
    fake.knobs().heal_all();
    fake.knobs().fail(Op::ListResourceRecordSets, Fault::AccessDenied);
    fake.forget_calls();
    refuses(&fake, &once(&fake), "add route53:ListResourceRecordSets to the role");
}

#[test]
fn a_plan_of_what_could_not_be_read_does_not_say_that_all_is_well() {
    let fake = FakeAws::start();
    seed(&fake);
    fake.knobs().fail(Op::ListServices, Fault::AccessDenied);
    let ended = controller(&fake, &["--plan"]);
    assert_eq!(ended.status, exit::INCOMPLETE, "{}", ended.said);
    assert!(ended.printed.contains("This plan is not complete: "), "{}", ended.printed);
    assert!(!ended.printed.contains("Nothing to change"), "{}", ended.printed);
    assert!(ended.said.contains("not all of ECS could be read, so the plan is not complete"), "{}", ended.said);
    let json = controller(&fake, &["--plan", "--json"]).printed;
    assert!(json.contains("\"complete\": false"), "{json}");
    fake.knobs().heal_all();
    let json = controller(&fake, &["--plan", "--json"]).ok().printed;
    assert!(json.contains("\"complete\": true"), "{json}");
}

#[test]
fn a_record_that_appears_in_between_is_not_overwritten() {
    let fake = FakeAws::start();
    let zone = seed(&fake);
    fake.knobs().set_latency_of(Op::ChangeResourceRecordSets, Duration::from_millis(1500));
    let foreign = "twitchapp.ecs.internal. 60 CNAME late.example".to_owned();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // The list has been read; the request is on its way.
            while fake.count(Op::ListResourceRecordSets) == 0 {
                std::thread::sleep(Duration::from_millis(5));
            }
            fake.hosting().put(&zone, "twitchapp.ecs.internal", "CNAME", 60, &["late.example"]);
        });
        let said = once(&fake).ok().said;
        assert!(said.contains("Conflict: twitchapp.ecs.internal."), "{said}");
    });
    let records = fake.hosting().records(&zone);
    assert!(records.len() == SEED.len() && records.contains(&foreign), "{records:?}");
    assert_eq!(fake.hosting().owned(&zone).len(), 2);
}

#[test]
fn settings_that_a_controller_cannot_have_are_refused() {
    for (flags, what) in [(["--cluster", "all"], "only default clusters"), (["--source", "off"], "what AWS says")] {
        let mut command = daemon::command(&["controller", "--config", "/dev/null", "--once"]);
        let output = command.args(flags).output().unwrap();
        assert_eq!(output.status.code(), Some(i32::from(exit::CONFIG)));
        assert!(String::from_utf8_lossy(&output.stderr).contains(what));
    }
}
