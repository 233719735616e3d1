//! The Lambda function as a process, invoked over a Lambda runtime API that the test serves.

mod events;
mod runtime_api;

use serde_json::{Value, json};

use crate::controller::nothing_lost::{MISHAPS, nothing_is_lost, only};
use crate::controller::{add_balanced, changes, registered, seed};
use crate::fake_aws::{FakeAws, Op, World};
use runtime_api::Function;

/// A CloudTrail event of a call about a service of the cluster `prod`.
fn call(event_name: &str, service: &str) -> Value {
    let service = json!({
        "serviceArn": format!("arn:aws:ecs:us-east-1:123456789012:service/prod/{service}"),
        "clusterArn": "arn:aws:ecs:us-east-1:123456789012:cluster/prod",
        "serviceName": service,
    });
    json!({
        "version": "0",
        "id": "0",
        "detail-type": "AWS API Call via CloudTrail",
        "source": "aws.ecs",
        "account": "123456789012",
        "time": "2026-01-01T00:00:00Z",
        "region": "us-east-1",
        "resources": [],
        "detail": {
            "eventSource": "ecs.amazonaws.com",
            "eventName": event_name,
            "requestParameters": { "cluster": "prod" },
            "responseElements": { "service": service },
        },
    })
}

#[test]
fn the_seeds_events_register_and_deregister() {
    let fake = FakeAws::start();
    let zone = fake.hosting().add_zone("ecs.internal");
    let function = Function::start(&fake, &[("ECS_RESOLVER_ECS_CLUSTERS", "prod")]);
    for service in ["TwitchApp", "GoodreadsApp", "PortalApp"] {
        add_balanced(&fake, service);
        let answer = function.invoke(&call("CreateService", service)).unwrap();
        let name = format!("{}.ecs.internal.", service.to_lowercase());
        assert_eq!(answer["changed"], json!([{ "name": name, "purpose": "register" }]));
    }
    assert_eq!(fake.hosting().records(&zone), registered(&fake));
    assert!(function.log().contains("received event: {"), "{}", function.log());

    fake.world().service("prod", "TwitchApp").status("DRAINING");
    let answer = function.invoke(&call("DeleteService", "TwitchApp")).unwrap();
    assert_eq!(answer["changed"][0]["purpose"], "deregister");
    assert_eq!(fake.hosting().records(&zone), registered(&fake));
    assert_eq!(fake.hosting().records(&zone).len(), 2);
    let again = function.invoke(&call("DeleteService", "TwitchApp")).unwrap();
    assert_eq!(again["changed"], json!([]), "an event that comes twice does no harm");
}

#[test]
fn a_deleted_service_that_still_looks_active_is_an_error_and_tried_again() {
    let fake = FakeAws::start();
    let zone = seed(&fake);
    let function = Function::start(&fake, &[("ECS_RESOLVER_ECS_CLUSTERS", "prod")]);
    function.invoke(&call("CreateService", "TwitchApp")).unwrap();
    // A service without a load balancer wants no record any more, but it is not gone.
    fake.world().service("prod", "TwitchApp").edit(|service| service.load_balancers.clear());
    let error = function.invoke(&call("DeleteService", "TwitchApp")).unwrap_err();
    assert!(error.contains("twitchapp.ecs.internal. cannot go yet: its service is ACTIVE"), "{error}");
    fake.world().service("prod", "TwitchApp").status("INACTIVE");
    function.invoke(&call("DeleteService", "TwitchApp")).unwrap();
    assert_eq!(fake.hosting().records(&zone).len(), 2);
}

#[test]
fn what_does_not_apply_is_left_alone() {
    let fake = FakeAws::start();
    seed(&fake);
    let function = Function::start(&fake, &[("ECS_RESOLVER_ECS_CLUSTERS", "other")]);
    assert_eq!(function.invoke(&call("CreateService", "TwitchApp")).unwrap()["changed"], json!([]));
    let mut failed = call("CreateService", "TwitchApp");
    failed["detail"]["errorCode"] = json!("AccessDenied");
    failed["detail"]["responseElements"] = json!(null);
    assert_eq!(function.invoke(&failed).unwrap()["changed"], json!([]));
    assert!(function.log().contains("This event does not apply to us. No action taken"), "{}", function.log());
    assert!(fake.calls().is_empty(), "AWS was not even asked: {:?}", fake.calls());
    assert!(function.invoke(&json!({ "no": "event" })).is_err());
}

#[test]
fn a_service_that_is_not_listed_yet_is_registered_and_a_schedule_backfills() {
    let fake = FakeAws::start();
    let zone = fake.hosting().add_zone("ecs.internal");
    add_balanced(&fake, "old");
    fake.freeze(Op::ListServices);
    add_balanced(&fake, "new");
    let function = Function::start(&fake, &[("ECS_RESOLVER_ECS_CLUSTERS", "prod")]);
    function.invoke(&call("CreateService", "new")).unwrap();
    assert_eq!(fake.hosting().records(&zone), registered(&fake), "and the old one with it");
    add_balanced(&fake, "more");
    fake.knobs().thaw(Op::ListServices);
    let schedule = json!({ "detail-type": "Scheduled Event", "source": "aws.events", "detail": {} });
    function.invoke(&schedule).unwrap();
    assert_eq!(fake.hosting().records(&zone), registered(&fake));
    let before = changes(&fake);
    function.invoke(&schedule).unwrap();
    assert_eq!(changes(&fake), before);
}

#[test]
fn a_cluster_that_is_not_read_well_deletes_nothing() {
    std::thread::scope(|scope| {
        for mishap in MISHAPS {
            scope.spawn(|| {
                nothing_is_lost(mishap, |fake| {
                    let function = Function::start(fake, &[("ECS_RESOLVER_ECS_CLUSTERS", "prod")]);
                    function.invoke(&call("UpdateService", "TwitchApp")).map(drop)
                });
            });
        }
    });
}

#[test]
fn a_deleted_service_that_is_not_listed_does_not_make_an_empty_list_believable() {
    let fake = FakeAws::start();
    let zone = seed(&fake);
    let function = Function::start(&fake, &[("ECS_RESOLVER_ECS_CLUSTERS", "prod")]);
    function.invoke(&call("CreateService", "TwitchApp")).unwrap();
    let mut empty = World::default();
    empty.cluster("prod");
    fake.freeze_as(Op::ListServices, empty);
    let mut world = only(&fake, "TwitchApp");
    world.service("prod", "TwitchApp").status("DRAINING");
    fake.freeze_as(Op::DescribeServices, world);
    function.invoke(&call("DeleteService", "TwitchApp")).unwrap();
    let left = fake.hosting().records(&zone);
    assert_eq!(left.len(), 2, "the others are MISSING, but nothing proves it: {left:?}");
}

#[test]
fn many_deletes_are_refused() {
    let fake = FakeAws::start();
    let zone = fake.hosting().add_zone("ecs.internal");
    let services: Vec<_> = (0..7).map(|number| format!("s{number}")).collect();
    services.iter().for_each(|service| drop(add_balanced(&fake, service)));
    let function = Function::start(&fake, &[("ECS_RESOLVER_ECS_CLUSTERS", "prod")]);
    function.invoke(&call("CreateService", "s0")).unwrap();
    for service in &services[1..] {
        fake.world().service("prod", service).status("INACTIVE");
    }
    let refused = function.invoke(&call("DeleteService", "s1")).unwrap_err();
    assert!(refused.contains("deletes were refused") && refused.contains("6 of 7 names would go"), "{refused}");
    assert_eq!(fake.hosting().records(&zone).len(), 7);
}

#[test]
fn settings_that_are_wrong_end_it_at_once() {
    let fake = FakeAws::start();
    let ended = Function::run_to_end(&fake, &[("ECS_RESOLVER_CONTROLLER_INTERVAL", "soon")]);
    assert!(ended.contains("controller.interval: `soon` is not a duration"), "{ended}");
    for clusters in [&[][..], &[("ECS_RESOLVER_ECS_CLUSTERS", "all")]] {
        let ended = Function::run_to_end(&fake, clusters);
        assert!(ended.contains("must name the clusters to register: set ECS_RESOLVER_ECS_CLUSTERS"), "{ended}");
    }
}
