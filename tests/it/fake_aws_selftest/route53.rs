//! Hosted zones and their record sets, through the SDK.

use aws_sdk_route53::error::ProvideErrorMetadata;
use aws_sdk_route53::types::RrType;
use aws_sdk_route53::{Client, types};

use super::sdk;
use crate::fake_aws::hosting::RecordSet;
use crate::fake_aws::{Bucket, FakeAws, Op};

/// A zone with seven weighted sets of one name between two others; its id.
fn zone(fake: &FakeAws) -> String {
    let mut hosting = fake.hosting();
    let id = hosting.add_zone("ecs.internal");
    hosting.put(&id, "*.ecs.internal", "A", 60, &["10.0.0.1"]);
    for at in 0..7 {
        let mut set = RecordSet::simple("w.ecs.internal", "A", 60, &[&format!("10.0.1.{at}")]);
        set.set_identifier = Some(format!("set {at}"));
        set.policy = vec![("Weight", at.to_string())];
        hosting.zone(&id).sets.push(set);
    }
    hosting.put(&id, "z.ecs.internal", "TXT", 60, &["\"a\""]);
    id
}

#[tokio::test]
async fn pages_go_on_at_name_type_and_identifier() {
    let fake = FakeAws::start();
    let id = zone(&fake);
    let client = Client::new(&sdk(&fake).await);
    let (mut names, mut next) = (Vec::new(), None::<(String, RrType, Option<String>)>);
    loop {
        let mut request = client.list_resource_record_sets().hosted_zone_id(&id).max_items(4);
        if let Some((name, kind, identifier)) = next.take() {
            request = request.start_record_name(name).start_record_type(kind).set_start_record_identifier(identifier);
        }
        let page = request.send().await.unwrap();
        let label = |set: &types::ResourceRecordSet| format!("{} {}", set.name(), set.set_identifier().unwrap_or("-"));
        names.extend(page.resource_record_sets().iter().map(label));
        if !page.is_truncated() {
            break;
        }
        let identifier = page.next_record_identifier().map(str::to_owned);
        next =
            Some((page.next_record_name().unwrap().to_owned(), page.next_record_type().unwrap().clone(), identifier));
    }
    assert_eq!(names.len(), 2 + 1 + 7 + 1, "SOA and NS, the wildcard, seven, and one: {names:?}");
    assert_eq!(names[2], "\\052.ecs.internal. -", "an odd octet comes back as octal");
    assert_eq!(names[9], "w.ecs.internal. set 6");
    assert_eq!(fake.count(Op::ListResourceRecordSets), 3);
}

#[tokio::test]
async fn zones_are_found_and_missed_as_by_aws() {
    let fake = FakeAws::start();
    let id = zone(&fake);
    let client = Client::new(&sdk(&fake).await);
    let found = client.get_hosted_zone().id(&id).send().await.unwrap();
    let config = found.hosted_zone().and_then(types::HostedZone::config);
    assert!(config.is_some_and(types::HostedZoneConfig::private_zone) && found.vpcs().len() == 1);
    let listed = client.list_hosted_zones_by_name().dns_name("ecs.internal").send().await.unwrap();
    assert_eq!(listed.hosted_zones()[0].id(), format!("/hostedzone/{id}"));
    let gone = client.get_hosted_zone().id("Z9").send().await.unwrap_err();
    assert_eq!(gone.code(), Some("NoSuchHostedZone"));
}

#[tokio::test]
async fn five_calls_a_second_are_the_limit() {
    let fake = FakeAws::start();
    let id = zone(&fake);
    let (burst, rate) = Bucket::Route53.aws_rate();
    assert_eq!((burst, rate), (5, 5.0));
    fake.knobs().throttle(Bucket::Route53, burst, 0.0);
    let client = Client::new(&sdk(&fake).await);
    for _ in 0..5 {
        client.list_resource_record_sets().hosted_zone_id(&id).send().await.unwrap();
    }
    let refused = client.get_hosted_zone().id(&id).send().await.unwrap_err();
    assert_eq!((refused.code(), refused.message()), (Some("Throttling"), Some("Rate exceeded")));
}
