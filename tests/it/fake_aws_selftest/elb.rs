//! Load balancers, classic and v2, through the SDK.

use std::collections::BTreeSet;

use aws_sdk_elasticloadbalancing as classic;
use aws_sdk_elasticloadbalancingv2 as v2;

use aws_sdk_elasticloadbalancingv2::error::ProvideErrorMetadata;

use super::sdk;
use crate::fake_aws::world::Scheme;
use crate::fake_aws::{FakeAws, Fault, Op};

#[tokio::test]
async fn classic_load_balancers_come_by_name() {
    let fake = FakeAws::start();
    let internal = fake.world().add_classic_load_balancer("TwitchApp", Scheme::Internal);
    let public = fake.world().add_classic_load_balancer("Shop", Scheme::InternetFacing);
    assert!(internal.starts_with("internal-TwitchApp-") && public.starts_with("Shop-"));
    let elb = classic::Client::new(&sdk(&fake).await);

    let found = elb.describe_load_balancers().load_balancer_names("TwitchApp").load_balancer_names("Shop");
    let found = found.send().await.unwrap();
    let [first, second] = found.load_balancer_descriptions() else { panic!("two: {found:?}") };
    assert_eq!((first.dns_name(), first.scheme()), (Some(internal.as_str()), Some("internal")));
    assert_eq!((second.dns_name(), second.scheme()), (Some(public.as_str()), Some("internet-facing")));
    assert_eq!(fake.batches(Op::DescribeClassicLoadBalancers), [2]);

    let refused = elb.describe_load_balancers().load_balancer_names("Shop").load_balancer_names("gone").send().await;
    let refused = refused.unwrap_err().into_service_error();
    assert!(refused.is_access_point_not_found_exception(), "{refused:?}");
    assert_eq!(refused.message(), Some("There is no ACTIVE Load Balancer named 'gone'"));
}

#[tokio::test]
async fn classic_load_balancers_come_in_pages() {
    let fake = FakeAws::start();
    for index in 0..5 {
        fake.world().add_classic_load_balancer(&format!("lb{index}"), Scheme::Internal);
    }
    let elb = classic::Client::new(&sdk(&fake).await);
    let pages = elb.describe_load_balancers().page_size(2).into_paginator().items().send();
    let all: Vec<_> = pages.collect::<Result<_, _>>().await.unwrap();
    assert_eq!(all.iter().filter_map(|one| one.load_balancer_name()).collect::<BTreeSet<_>>().len(), 5);
    assert_eq!(fake.count(Op::DescribeClassicLoadBalancers), 3);
    assert_eq!(fake.calls()[0].max_results, Some(2));
}

#[tokio::test]
async fn a_target_group_leads_to_its_load_balancer() {
    let fake = FakeAws::start();
    let alb = fake.world().add_application_load_balancer("portal", Scheme::Internal);
    let nlb = fake.world().add_network_load_balancer("tcp", Scheme::InternetFacing);
    let used = fake.world().add_target_group("portal", "ip", Some(&alb));
    let unused = fake.world().add_target_group("unused", "instance", None);
    let elb = v2::Client::new(&sdk(&fake).await);

    let groups = elb.describe_target_groups().target_group_arns(&used).target_group_arns(&unused);
    let groups = groups.send().await.unwrap();
    let [first, second] = groups.target_groups() else { panic!("two: {groups:?}") };
    assert_eq!((first.target_group_arn(), first.load_balancer_arns()), (Some(used.as_str()), &[alb.clone()][..]));
    assert_eq!(first.target_type().unwrap().as_str(), "ip");
    assert!(second.load_balancer_arns().is_empty());

    let found = elb.describe_load_balancers().load_balancer_arns(&alb).load_balancer_arns(&nlb).send().await.unwrap();
    let [first, second] = found.load_balancers() else { panic!("two: {found:?}") };
    assert!(first.dns_name().unwrap().starts_with("internal-portal-"));
    assert!(first.dns_name().unwrap().ends_with(".us-east-1.elb.amazonaws.com"));
    assert!(second.dns_name().unwrap().ends_with(".elb.us-east-1.amazonaws.com"));
    assert_eq!(first.scheme().unwrap().as_str(), "internal");
    assert_eq!((first.r#type().unwrap().as_str(), second.r#type().unwrap().as_str()), ("application", "network"));
    assert_eq!(first.state().unwrap().code().unwrap().as_str(), "active");
}

#[tokio::test]
async fn one_unknown_arn_fails_the_call() {
    let fake = FakeAws::start();
    let alb = fake.world().add_application_load_balancer("portal", Scheme::Internal);
    let group = fake.world().add_target_group("portal", "ip", Some(&alb));
    let elb = v2::Client::new(&sdk(&fake).await);

    let gone = group.replace("portal", "gone");
    let refused = elb.describe_target_groups().target_group_arns(&group).target_group_arns(gone).send().await;
    assert!(refused.unwrap_err().into_service_error().is_target_group_not_found_exception());
    let gone = alb.replace("portal", "gone");
    let refused = elb.describe_load_balancers().load_balancer_arns(&alb).load_balancer_arns(gone).send().await;
    assert!(refused.unwrap_err().into_service_error().is_load_balancer_not_found_exception());

    let refused = elb.describe_load_balancers().load_balancer_arns(&group).send().await.unwrap_err();
    assert_eq!(refused.code(), Some("ValidationError"), "a target group is no load balancer");
    let many = Some(vec![alb; 21]);
    let refused = elb.describe_load_balancers().set_load_balancer_arns(many).send().await.unwrap_err();
    assert_eq!(refused.code(), Some("ValidationError"));
    assert_eq!(fake.batches(Op::DescribeLoadBalancers), [2, 1, 21]);
}

#[tokio::test]
async fn v2_pages_and_errors() {
    let fake = FakeAws::start();
    for index in 0..5 {
        let alb = fake.world().add_application_load_balancer(&format!("lb{index}"), Scheme::Internal);
        fake.world().add_target_group(&format!("tg{index}"), "ip", Some(&alb));
    }
    fake.knobs().set_page_size(Op::DescribeTargetGroups, 2);
    let elb = v2::Client::new(&sdk(&fake).await);
    let pages = elb.describe_target_groups().into_paginator().items().send();
    assert_eq!(pages.collect::<Result<Vec<_>, _>>().await.unwrap().len(), 5);
    assert_eq!(fake.count(Op::DescribeTargetGroups), 3);

    for (fault, code, status) in [
        (Fault::AccessDenied, "AccessDenied", 403),
        (Fault::Throttled, "Throttling", 400),
        (Fault::InternalFailure, "InternalFailure", 500),
    ] {
        fake.knobs().fail_times(Op::DescribeLoadBalancers, fault, 1);
        let refused = elb.describe_load_balancers().send().await.unwrap_err();
        assert_eq!(refused.code(), Some(code));
        assert_eq!(fake.calls().pop().map(|call| call.status), Some(status));
    }
    assert_eq!(elb.describe_load_balancers().send().await.unwrap().load_balancers().len(), 5);
}
