//! EC2 `DescribeInstances` over raw HTTP, because the project does not use the EC2 SDK.

use hyper::StatusCode;

use super::{post, raw};
use crate::fake_aws::{Bucket, FakeAws, Fault, Op};

/// POSTs `DescribeInstances` with these parameters.
async fn describe(fake: &FakeAws, parameters: &str) -> (StatusCode, String) {
    let body = format!("Action=DescribeInstances&Version=2016-11-15{parameters}");
    let request = post("us-east-1/ec2", &body).header("content-type", "application/x-www-form-urlencoded");
    raw(fake, request.body(body).unwrap()).await
}

fn element<'x>(xml: &'x str, name: &str) -> Option<&'x str> {
    xml.split(&format!("<{name}>")).nth(1)?.split(&format!("</{name}>")).next()
}

#[tokio::test]
async fn a_filter_finds_what_there_is() {
    let fake = FakeAws::start();
    let host = fake.world().add_host("prod", 'b');
    let other = fake.world().add_host("prod", 'a');
    fake.world().instance(&host.instance_id).ipv6.push("2001:db8::5".parse().unwrap());
    let id = &host.instance_id;
    let filter = format!("&Filter.1.Name=instance-id&Filter.1.Value.1={id}&Filter.1.Value.2=i-0123456789abcdef0");
    let (status, xml) = describe(&fake, &filter).await;
    assert_eq!(status, 200, "{xml}");
    assert_eq!(element(&xml, "instanceId"), Some(id.as_str()));
    assert_eq!(element(&xml, "privateIpAddress"), Some(host.private_ip.to_string().as_str()));
    assert_eq!(xml.matches("<ipv6Address>2001:db8::5</ipv6Address>").count(), 2, "{xml}");
    assert!(element(&xml, "ipv6AddressesSet").unwrap().contains("2001:db8::5"));
    assert_eq!(element(element(&xml, "instanceState").unwrap(), "name"), Some("running"));
    assert_eq!(element(&xml, "availabilityZone"), Some("us-east-1b"));
    assert!(!xml.contains("0123456789abcdef0") && !xml.contains(&other.instance_id), "{xml}");
    assert!(xml.contains("xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\""));
    assert_eq!(fake.batches(Op::DescribeInstances), [2]);

    fake.world().instance(id).state("terminated");
    let (_, xml) = describe(&fake, &filter).await;
    assert!(xml.contains("terminated") && !xml.contains("privateIpAddress"), "{xml}");
}

#[tokio::test]
async fn one_unknown_id_fails_the_call() {
    let fake = FakeAws::start();
    let id = fake.world().add_host("prod", 'a').instance_id;
    let (status, xml) = describe(&fake, &format!("&InstanceId.1={id}")).await;
    assert!(status == 200 && xml.contains(&id), "{xml}");
    let unknown = "&InstanceId.2=i-0123456789abcdef0";
    let (status, xml) = describe(&fake, &format!("&InstanceId.1={id}{unknown}")).await;
    assert_eq!((status.as_u16(), element(&xml, "Code")), (400, Some("InvalidInstanceID.NotFound")));
    let message = "The instance ID &apos;i-0123456789abcdef0&apos; does not exist";
    assert_eq!(element(&xml, "Message"), Some(message));
    let (_, xml) = describe(&fake, "&InstanceId.1=i-0a&InstanceId.2=i-0b").await;
    assert!(element(&xml, "Message").unwrap().contains("i-0a, i-0b"), "{xml}");
    let (_, xml) = describe(&fake, "&InstanceId.1=mi-0a").await;
    assert_eq!(element(&xml, "Code"), Some("InvalidInstanceID.Malformed"));
}

#[tokio::test]
async fn bad_parameters_are_refused() {
    let fake = FakeAws::start();
    let values: Vec<String> = (1..=201).map(|index| format!("&Filter.1.Value.{index}=i-{index}")).collect();
    for (parameters, code) in [
        ("&MaxResults=5&InstanceId.1=i-0a".to_owned(), "InvalidParameterCombination"),
        ("&MaxResults=4".to_owned(), "InvalidParameterValue"),
        ("&MaxResults=1001".to_owned(), "InvalidParameterValue"),
        ("&NextToken=1".to_owned(), "InvalidNextToken"),
        ("&Filter.1.Name=colour&Filter.1.Value.1=red".to_owned(), "InvalidParameterValue"),
        ("&InstanceIds.1=i-0a".to_owned(), "UnknownParameter"),
        (format!("&Filter.1.Name=instance-id{}", values.concat()), "FilterLimitExceeded"),
    ] {
        let (status, xml) = describe(&fake, &parameters).await;
        assert_eq!((status.as_u16(), element(&xml, "Code")), (400, Some(code)), "{xml}");
    }
    assert_eq!(fake.batches(Op::DescribeInstances).last(), Some(&201));
}

#[tokio::test]
async fn instances_come_in_pages() {
    let fake = FakeAws::start();
    for _ in 0..12 {
        fake.world().add_host("prod", 'a');
    }
    let (mut seen, mut token) = (0, String::new());
    for expected in [5, 5, 2] {
        let (_, xml) = describe(&fake, &format!("&MaxResults=5{token}")).await;
        assert_eq!(xml.matches("<instanceId>").count(), expected);
        seen += expected;
        token = element(&xml, "nextToken").map(|next| format!("&NextToken={next}")).unwrap_or_default();
    }
    assert!(seen == 12 && token.is_empty());
    assert_eq!(fake.calls()[0].max_results, Some(5));
    fake.knobs().set_page_size(Op::DescribeInstances, 7);
    let (_, xml) = describe(&fake, "").await;
    assert_eq!(xml.matches("<instanceId>").count(), 7, "EC2 may page unasked");
    assert!(xml.contains("<nextToken>"));
}

#[tokio::test]
async fn errors_are_those_of_ec2() {
    let fake = FakeAws::start();
    for (fault, status, code) in [
        (Fault::AccessDenied, 403, "UnauthorizedOperation"),
        (Fault::Throttled, 503, "RequestLimitExceeded"),
        (Fault::InternalFailure, 500, "InternalError"),
    ] {
        fake.knobs().fail_times(Op::DescribeInstances, fault, 1);
        let (found, xml) = describe(&fake, "").await;
        assert_eq!((found.as_u16(), element(&xml, "Code")), (status, Some(code)), "{xml}");
    }
    // A describe without filter or pages has the smaller bucket.
    fake.knobs().throttle(Bucket::Ec2Unfiltered, 1, 0.0);
    assert_eq!(describe(&fake, "").await.0, 200);
    assert_eq!(describe(&fake, "").await.0, 503);
    assert_eq!(describe(&fake, "&MaxResults=5").await.0, 200);

    let body = "Action=DescribeInstances&Version=2016-11-15";
    let (status, xml) = raw(&fake, post("us-east-1/ecs", body).body(body.to_owned()).unwrap()).await;
    assert_eq!((status.as_u16(), element(&xml, "Code")), (401, Some("AuthFailure")), "signed for ECS: {xml}");
}
