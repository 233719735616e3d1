use super::*;
use crate::aws::replay::{Replay, anonymous, aws, config};
use crate::ecs::Ec2State;

fn ids(names: &[&str]) -> Vec<Ec2InstanceId> {
    names.iter().map(|name| Ec2InstanceId((*name).into())).collect()
}

fn page(instances: &str, rest: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>8f7724cf</requestId>
<reservationSet><item><reservationId>r-1</reservationId><groupSet/><instancesSet>{instances}</instancesSet></item>
</reservationSet>{rest}</DescribeInstancesResponse>"#
    )
}

const RUNNING: &str = "<item><instanceId>i-1</instanceId><imageId>ami-1</imageId>
<instanceState><code>16</code><name>running</name></instanceState><privateDnsName>ip-10-0-1-5</privateDnsName>
<placement><availabilityZone>eu-central-1a</availabilityZone><tenancy>default</tenancy></placement>
<privateIpAddress>10.0.1.5</privateIpAddress><networkInterfaceSet>
<item><ipv6AddressesSet><item><ipv6Address>2001:db8::bad</ipv6Address></item></ipv6AddressesSet>
<attachment><deviceIndex>1</deviceIndex></attachment></item>
<item><privateIpAddress>10.0.1.5</privateIpAddress><attachment><deviceIndex>0</deviceIndex></attachment>
<ipv6AddressesSet><item><ipv6Address>2001:db8::5</ipv6Address></item><item><ipv6Address>2001:db8::6</ipv6Address></item>
</ipv6AddressesSet></item></networkInterfaceSet></item>";

const TERMINATED: &str =
    "<item><instanceId>i-2</instanceId><instanceState><code>48</code><name>terminated</name></instanceState></item>";

#[tokio::test]
async fn two_pages_are_one_answer_and_who_is_on_none_is_missing() {
    let first = page(RUNNING, "<nextToken>a+b&amp;c</nextToken>");
    let replay = Replay::new(&[(200, &first), (200, &page(TERMINATED, ""))]);
    let (aws, seen) = aws(config(replay.clone())).await;
    let described = aws.ec2.describe_instances(&ids(&["i-1", "i-2", "i-3", "mi-4"])).await.unwrap();
    assert_eq!(described.missing, ids(&["i-3"]), "mi-4 was not asked for, so nothing is said of it");
    let [running, terminated] = described.found.as_slice() else { panic!("{:?}", described.found) };
    assert_eq!((running.id.as_str(), running.state), ("i-1", Ec2State::Running));
    assert_eq!(running.private_ipv4.unwrap().to_string(), "10.0.1.5");
    assert_eq!(running.ipv6.unwrap().to_string(), "2001:db8::5");
    assert_eq!(running.availability_zone.as_deref(), Some("eu-central-1a"));
    assert_eq!((terminated.state, terminated.private_ipv4), (Ec2State::Terminated, None));
    assert_eq!(*seen.lock().unwrap(), [("ec2:DescribeInstances", "ok"); 2]);

    let sent = replay.sent();
    let form = "Action=DescribeInstances&Version=2016-11-15&Filter.1.Name=instance-id&Filter.1.Value.1=i-1\
                &Filter.1.Value.2=i-2&Filter.1.Value.3=i-3&MaxResults=1000";
    assert_eq!(sent[0].body, form);
    assert_eq!(sent[1].body, format!("{form}&NextToken=a%2Bb%26c"));
    assert_eq!(sent[0].url, "https://ec2.eu-central-1.amazonaws.com/");
    let scope = "/eu-central-1/ec2/aws4_request, SignedHeaders=content-length;content-type;host;x-amz-";
    assert!(sent[0].authorization.contains(scope), "{}", sent[0].authorization);
}

#[tokio::test]
async fn no_more_than_200_ids_are_asked_at_once() {
    let empty = page("", "");
    let replay = Replay::new(&[(200, &empty), (200, &empty)]);
    let (aws, _) = aws(config(replay.clone())).await;
    let many: Vec<_> = (0..201).map(|n| Ec2InstanceId(format!("i-{n}").into())).collect();
    assert_eq!(aws.ec2.describe_instances(&many).await.unwrap().missing.len(), 201);
    let bodies = replay.bodies();
    assert!(bodies[0].contains("Filter.1.Value.200=") && !bodies[0].contains("Filter.1.Value.201="));
    assert!(bodies[1].contains("Filter.1.Value.1=i-200&MaxResults"));
}

#[tokio::test]
async fn errors_of_ec2_have_a_kind() {
    let error = |code| {
        format!(
            "<?xml version=\"1.0\"?><Response><Errors><Error><Code>{code}</Code><Message>No &lt;way&gt;</Message></Error>\
             </Errors><RequestID>1</RequestID></Response>"
        )
    };
    for (status, body, kind, message) in [
        (503, error("RequestLimitExceeded"), ApiErrorKind::Throttled, "RequestLimitExceeded: No <way>"),
        (403, error("UnauthorizedOperation"), ApiErrorKind::Denied, "UnauthorizedOperation: No <way>"),
        (401, error("AuthFailure"), ApiErrorKind::Credentials, "AuthFailure: No <way>"),
        (500, "<html>".to_owned(), ApiErrorKind::Other, "HTTP status 500"),
    ] {
        let (aws, seen) = aws(config(Replay::new(&[(status, &body)]))).await;
        let failed = aws.ec2.describe_instances(&ids(&["i-1"])).await.unwrap_err();
        assert_eq!((failed.operation, failed.kind), ("ec2:DescribeInstances", kind));
        assert_eq!(failed.message, message);
        assert_eq!(*seen.lock().unwrap(), [("ec2:DescribeInstances", kind.label())]);
    }
}

#[tokio::test]
async fn an_answer_that_is_not_ec2s_fails_the_call() {
    for body in ["", "<html><body/></html>", "not XML", "<DescribeInstancesResponse><reservationSet><item>"] {
        let (aws, _) = aws(config(Replay::new(&[(200, body)]))).await;
        let result = aws.ec2.describe_instances(&ids(&["i-1"])).await;
        assert_eq!(result.unwrap_err().kind, ApiErrorKind::Other, "{body}");
    }
}

#[tokio::test]
async fn throttled_calls_are_tried_again() {
    let throttled = "<Response><Errors><Error><Code>RequestLimitExceeded</Code></Error></Errors></Response>";
    let replay = Replay::new(&[(503, throttled), (200, &page(RUNNING, ""))]);
    let retry = aws_config::retry::RetryConfig::standard().with_initial_backoff(std::time::Duration::from_millis(1));
    let (aws, seen) = aws(config(replay.clone()).retry_config(retry)).await;
    assert_eq!(aws.ec2.describe_instances(&ids(&["i-1"])).await.unwrap().found.len(), 1);
    assert_eq!((replay.sent().len(), seen.lock().unwrap().len()), (2, 1));
}

#[tokio::test]
async fn the_endpoint_follows_region_and_configuration() {
    for (region, fips, expected) in [
        ("eu-central-1", false, "https://ec2.eu-central-1.amazonaws.com/"),
        ("cn-north-1", false, "https://ec2.cn-north-1.amazonaws.com.cn/"),
        ("us-east-1", true, "https://ec2-fips.us-east-1.amazonaws.com/"),
        ("us-gov-west-1", true, "https://ec2.us-gov-west-1.amazonaws.com/"),
    ] {
        let replay = Replay::new(&[(200, &page("", ""))]);
        let sdk = config(replay.clone()).region(aws_config::Region::new(region)).use_fips(fips);
        aws(sdk).await.0.ec2.describe_instances(&ids(&["i-1"])).await.unwrap();
        assert_eq!(replay.sent()[0].url, expected);
    }
    let replay = Replay::new(&[(200, &page("", ""))]);
    let (own, _) = aws(config(replay.clone()).endpoint_url("http://127.0.0.1:5000")).await;
    own.ec2.describe_instances(&ids(&["i-1"])).await.unwrap();
    assert_eq!(replay.sent()[0].url, "http://127.0.0.1:5000/");
}

#[tokio::test]
async fn without_region_or_credentials_the_call_fails_with_a_word_of_it() {
    let (aws_without, _) = aws(config(Replay::default()).region(None)).await;
    let failed = aws_without.ec2.describe_instances(&ids(&["i-1"])).await.unwrap_err();
    assert!(failed.message.contains("AWS_REGION"), "{failed}");
    let (aws_without, _) = aws(anonymous(Replay::default())).await;
    let failed = aws_without.ec2.describe_instances(&ids(&["i-1"])).await.unwrap_err();
    assert_ne!(failed.kind, ApiErrorKind::Unreachable, "{failed}");
}
