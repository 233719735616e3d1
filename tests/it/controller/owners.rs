//! What is somebody else's stays as it is, and what the Lambda of 2016 has left is taken over when we are told to.

use super::{add_balanced, changes, controller, once, seed};
use crate::fake_aws::FakeAws;
use crate::fake_aws::hosting::{Alias, Content, RecordSet};

#[test]
fn records_of_others_are_never_touched() {
    let fake = FakeAws::start();
    let zone = seed(&fake);
    add_balanced(&fake, "Mine");
    let alias = Alias { zone: zone.clone(), name: "x.ecs.internal.".into(), evaluates_health: true };
    let mut hosting = fake.hosting();
    hosting.put(&zone, "twitchapp.ecs.internal", "CNAME", 60, &["other.example"]);
    hosting.put(&zone, "portalapp.ecs.internal", "A", 60, &["10.0.0.1"]);
    hosting.put(&zone, "*.ecs.internal", "TXT", 60, &["\"wild\""]);
    hosting.put(&zone, "www.ecs.internal", "MX", 60, &["10 mail.example."]);
    let other = "\"heritage=ecs-resolver,version=1,owner=arn:aws:ecs:eu-west-1:123456789012:cluster/prod,\
                 service=GoodreadsApp,record=CNAME\"";
    hosting.put(&zone, "_ecs-resolver.goodreadsapp.ecs.internal", "TXT", 300, &[other]);
    hosting.put(&zone, "goodreadsapp.ecs.internal", "CNAME", 60, &["eu.example"]);
    let aliased = RecordSet { content: Content::Alias(alias), ..RecordSet::simple("a.ecs.internal", "A", 0, &[]) };
    hosting.zone(&zone).sets.push(aliased);
    let before = hosting.zone(&zone).sets.clone();
    drop(hosting);
    let said = once(&fake).ok().said;
    for part in [
        "Conflict: twitchapp.ecs.internal. (service TwitchApp): somebody else's CNAME record is there",
        "Conflict: portalapp.ecs.internal. (service PortalApp): somebody else's A record is there",
        "Conflict: goodreadsapp.ecs.internal. (service GoodreadsApp): it is registered for service GoodreadsApp of arn:aws:ecs:eu-west-1",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    let after = fake.hosting().zone(&zone).sets.clone();
    assert!(before.iter().all(|set| after.contains(set)), "{after:?}");
    assert_eq!(after.len(), before.len() + 2, "only what is ours is new");
}

#[test]
fn what_the_lambda_of_2016_has_left_is_adopted_on_request() {
    let fake = FakeAws::start();
    let zone = fake.hosting().add_zone("ecs.internal");
    let target = add_balanced(&fake, "TwitchApp");
    add_balanced(&fake, "PortalApp");
    fake.hosting().put(&zone, "TwitchApp.ecs.internal.", "CNAME", 60, &[&target]);
    fake.hosting().put(&zone, "PortalApp.ecs.internal.", "CNAME", 60, &["elsewhere.example"]);
    let said = once(&fake).ok().said;
    assert!(said.contains("a CNAME to its own load balancer is there that we have not made: --adopt"), "{said}");
    assert_eq!((changes(&fake), fake.hosting().owned(&zone)), (0, vec![]));
    let planned = controller(&fake, &["--plan", "--adopt"]).ok().printed;
    assert!(planned.contains("adopt TwitchApp") && !planned.contains("adopt PortalApp"), "{planned}");
    controller(&fake, &["--once", "--adopt"]).ok();
    assert_eq!(fake.hosting().owned(&zone), ["twitchapp.ecs.internal."]);
    fake.world().service("prod", "TwitchApp").status("INACTIVE");
    fake.world().service("prod", "PortalApp").status("INACTIVE");
    add_balanced(&fake, "another");
    once(&fake).ok();
    let left = fake.hosting().records(&zone);
    assert!(left.contains(&"portalapp.ecs.internal. 60 CNAME elsewhere.example".to_owned()), "{left:?}");
    assert!(!left.iter().any(|record| record.starts_with("twitchapp.")), "{left:?}");
}

#[test]
fn what_drifts_is_put_right() {
    let fake = FakeAws::start();
    let zone = seed(&fake);
    once(&fake).ok();
    let whole = fake.hosting().zone(&zone).sets.clone();
    let of_twitch = |set: &&mut RecordSet| set.kind == "CNAME" && set.name.starts_with("twitchapp.");
    let mut hosting = fake.hosting();
    let set = hosting.zone(&zone).sets.iter_mut().find(of_twitch).unwrap();
    set.content = Content::Values(5, vec!["Somewhere.Else.".into()]);
    hosting.zone(&zone).sets.retain(|set| set.kind != "CNAME" || !set.name.starts_with("portalapp."));
    drop(hosting);
    once(&fake).ok();
    let mended = fake.hosting().zone(&zone).sets.clone();
    assert!(mended.len() == whole.len() && whole.iter().all(|set| mended.contains(set)), "{mended:?}");
}

#[test]
fn of_two_services_that_want_one_name_the_older_gets_it() {
    let fake = FakeAws::start();
    let zone = fake.hosting().add_zone("ecs.internal");
    add_balanced(&fake, "Api");
    let first = fake.hosting().records(&zone);
    assert!(first.is_empty());
    let younger = add_balanced(&fake, "api");
    let said = once(&fake).ok().said;
    assert!(said.contains("Not registered: service api of prod"), "{said}");
    let records = fake.hosting().records(&zone);
    assert!(records.len() == 1 && !records[0].contains(&younger), "{records:?}");
}
