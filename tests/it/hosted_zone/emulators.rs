//! Second opinions on pages: ministack and moto, which do not share the misconceptions of our fake. moto has no
//! identifier in its pages, so one that ends among weighted sets would begin with the first of them again; there are
//! none there.

use aws_config::SdkConfig;
use aws_sdk_route53::Client;
use aws_sdk_route53::types::{
    Change, ChangeAction, ChangeBatch, HostedZoneConfig, ResourceRecord, ResourceRecordSet, RrType, Vpc, VpcRegion,
};

use super::{NOBODY, environment};
use crate::daemon::Daemon;
use crate::ministack::Ministack;
use crate::moto::Moto;

/// A zone of more than one page.
struct Zone {
    /// Names with one address each.
    plain: usize,
    /// Weighted sets of one name.
    weighted: usize,
}

fn address(name: &str, value: String, weighted: Option<usize>) -> Change {
    let record = ResourceRecord::builder().value(value).build().unwrap();
    let set = ResourceRecordSet::builder().name(name).r#type(RrType::A).ttl(60).resource_records(record);
    let set = set.set_set_identifier(weighted.map(|at| format!("id-{at:03}"))).set_weight(weighted.map(|_| 1));
    Change::builder().action(ChangeAction::Create).resource_record_set(set.build().unwrap()).build().unwrap()
}

/// Makes a private zone of SOA, NS, what `zone` says, and two more names; returns its id.
async fn fill(sdk: &SdkConfig, zone: &Zone) -> String {
    let client = Client::new(sdk);
    let vpc = Vpc::builder().vpc_id("vpc-0a1b2c3d").vpc_region(VpcRegion::UsEast1).build();
    let config = HostedZoneConfig::builder().private_zone(true).comment("of a test").build();
    let made = client.create_hosted_zone().name("ecs.internal").caller_reference("one").vpc(vpc);
    let made = made.hosted_zone_config(config).send().await.expect("the zone is made");
    let id = made.hosted_zone().expect("a zone").id().trim_start_matches("/hostedzone/").to_owned();
    let plain = (0..zone.plain)
        .map(|at| address(&format!("n{at:03}.ecs.internal"), format!("10.6.{}.{}", at / 250, at % 250), None));
    let weighted = (0..zone.weighted).map(|at| address("w.ecs.internal", format!("10.7.0.{at}"), Some(at)));
    let others = [("z.ecs.internal", "10.8.0.1"), ("*.x.ecs.internal", "10.8.0.2")];
    let others = others.map(|(name, value)| address(name, value.to_owned(), None));
    let changes: Vec<Change> = plain.chain(weighted).chain(others).collect();
    for changes in changes.chunks(100) {
        let batch = ChangeBatch::builder().set_changes(Some(changes.to_vec())).build().unwrap();
        let request = client.change_resource_record_sets().hosted_zone_id(&id).change_batch(batch);
        request.send().await.expect("the records are made");
    }
    id
}

/// A copy of the zone at this endpoint has all that is in it.
fn check(endpoint: &str, id: Option<&str>, zone: &Zone) {
    let flags = ["run", "--config", "/dev/null", "--source", "off", "--fallback", "api", "--upstream", NOBODY];
    let arguments: Vec<&str> = flags.into_iter().chain(id.into_iter().flat_map(|id| ["--zone-id", id])).collect();
    let daemon = Daemon::start(&arguments, &environment(endpoint));
    daemon.wait_ready();
    for at in [0, 1, 150, zone.plain - 2, zone.plain - 1] {
        assert_eq!(daemon.short(&format!("n{at:03}.ecs.internal")).len(), 1, "n{at:03}");
    }
    assert_eq!(daemon.short("z.ecs.internal"), ["10.8.0.1"]);
    assert_eq!(daemon.short("any.x.ecs.internal"), ["10.8.0.2"]);
    let (_, dump) = daemon.get("/zone");
    let weighted = dump.contains(&format!("; w.ecs.internal. says one of {}\n", zone.weighted));
    assert_eq!(weighted, zone.weighted > 0, "{dump}");
    assert_eq!(dump.matches(" IN A 10.6.").count(), zone.plain);
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
}

#[test]
fn pages_of_ministack_are_read() {
    let ministack = Ministack::start();
    // The first page, of 300, ends among the weighted sets.
    let zone = Zone { plain: 280, weighted: 90 };
    let id = block_on(async { fill(&ministack.sdk().await, &zone).await });
    check(&ministack.endpoint_url(), Some(&id), &zone);
}

#[test]
fn pages_of_moto_are_read() {
    let moto = Moto::start();
    let zone = Zone { plain: 350, weighted: 0 };
    block_on(async { fill(&moto.sdk().await, &zone).await });
    check(&moto.endpoint_url(), None, &zone);
}
