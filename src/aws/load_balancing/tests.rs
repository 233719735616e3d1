use super::*;
use crate::aws::replay::{Replay, Seen, aws, config};
use crate::source::ports::ApiErrorKind;

async fn balancing(answers: &[(u16, &str)]) -> (LoadBalancing, Replay, Seen) {
    let replay = Replay::new(answers);
    let (aws, seen) = aws(config(replay.clone())).await;
    (aws.load_balancing, replay, seen)
}

fn error(code: &str, message: &str) -> String {
    format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
    )
}

fn not_found(message: &str) -> String {
    error("LoadBalancerNotFound", message)
}

fn classic(names: &[&str]) -> String {
    let member = |name: &&str| {
        format!(
            "<member><LoadBalancerName>{name}</LoadBalancerName><Scheme>internal</Scheme>\
             <DNSName>internal-{name}-1.eu-central-1.elb.amazonaws.com</DNSName></member>"
        )
    };
    let members: String = names.iter().map(member).collect();
    format!(
        "<DescribeLoadBalancersResponse><DescribeLoadBalancersResult><LoadBalancerDescriptions>{members}\
         </LoadBalancerDescriptions></DescribeLoadBalancersResult></DescribeLoadBalancersResponse>"
    )
}

fn ids(names: &[&str]) -> Vec<LoadBalancerId> {
    names.iter().map(|name| LoadBalancerId((*name).into())).collect()
}

#[tokio::test]
async fn a_missing_classic_load_balancer_that_is_named_is_dropped_and_the_rest_asked_again() {
    let gone = not_found("There is no ACTIVE Load Balancer named 'b'");
    let (elb, replay, seen) = balancing(&[(400, &gone), (200, &classic(&["a", "named"]))]).await;
    let described = elb.describe_classic_load_balancers(&ids(&["a", "b", "named"])).await.unwrap();
    assert_eq!(described.missing, ids(&["b"]));
    let found: Vec<_> = described.found.iter().map(|found| found.id.as_str()).collect();
    assert_eq!(found, ["a", "named"]);
    assert_eq!(described.found[0].scheme, Scheme::Internal);
    assert_eq!(described.found[0].dns_name, "internal-a-1.eu-central-1.elb.amazonaws.com");
    assert!(replay.bodies()[1].contains("LoadBalancerNames.member.1=a&LoadBalancerNames.member.2=named"));
    let results: Vec<_> = seen.lock().unwrap().iter().map(|(_, result)| *result).collect();
    assert_eq!(results, ["not_found", "ok"]);
}

#[tokio::test]
async fn a_missing_one_that_is_not_named_is_found_by_halves() {
    let gone = not_found("One or more load balancers not found");
    let answers = [(400, gone.as_str()), (200, &classic(&["a"])), (400, &gone), (400, &gone), (200, &classic(&["c"]))];
    let (elb, replay, _) = balancing(&answers).await;
    let described = elb.describe_classic_load_balancers(&ids(&["a", "b", "c"])).await.unwrap();
    assert_eq!(described.missing, ids(&["b"]));
    assert_eq!(described.found.len(), 2);
    assert_eq!(replay.sent().len(), 5);
}

#[tokio::test]
async fn a_message_that_names_the_whole_batch_is_not_believed() {
    let gone = not_found("One of 'a', 'b' does not exist");
    let answers = [(400, gone.as_str()), (200, &classic(&["a"])), (400, &gone)];
    let (elb, ..) = balancing(&answers).await;
    let described = elb.describe_classic_load_balancers(&ids(&["a", "b"])).await.unwrap();
    assert_eq!((described.missing, described.found.len()), (ids(&["b"]), 1));
}

#[tokio::test]
async fn another_failure_in_between_fails_the_whole_call() {
    let gone = not_found("There is no ACTIVE Load Balancer named 'b'");
    let throttled = error("Throttling", "Rate exceeded");
    let (elb, ..) = balancing(&[(400, &gone), (400, &throttled)]).await;
    let failed = elb.describe_classic_load_balancers(&ids(&["a", "b"])).await.unwrap_err();
    assert_eq!((failed.kind, failed.operation), (ApiErrorKind::Throttled, LOAD_BALANCERS));
}

#[tokio::test]
async fn v2_load_balancers_are_read_by_page_and_one_without_a_name_is_left_out() {
    let arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer";
    let page = |members: &str, marker: &str| {
        format!(
            "<DescribeLoadBalancersResponse><DescribeLoadBalancersResult><LoadBalancers>{members}</LoadBalancers>{marker}\
             </DescribeLoadBalancersResult></DescribeLoadBalancersResponse>"
        )
    };
    let app = format!(
        "<member><LoadBalancerArn>{arn}/app/web/1</LoadBalancerArn><DNSName>web-1.elb.amazonaws.com.</DNSName>\
         <Scheme>internet-facing</Scheme></member>"
    );
    let gateway = format!("<member><LoadBalancerArn>{arn}/gwy/gw/2</LoadBalancerArn></member>");
    let first = page(&app, "<NextMarker>m1</NextMarker>");
    let (elb, replay, _) = balancing(&[(200, &first), (200, &page(&gateway, ""))]).await;
    let asked = [format!("{arn}/app/web/1"), format!("{arn}/gwy/gw/2")];
    let described = elb.describe_load_balancers(&ids(&asked.each_ref().map(String::as_str))).await.unwrap();
    assert!(described.missing.is_empty());
    let [found] = described.found.as_slice() else { panic!("{:?}", described.found) };
    assert_eq!((found.dns_name.as_str(), found.scheme), ("web-1.elb.amazonaws.com", Scheme::InternetFacing));
    assert!(replay.bodies()[1].contains("Marker=m1"));
    assert!(elb.describe_load_balancers(&[]).await.unwrap().found.is_empty());
    assert_eq!(replay.sent().len(), 2, "asked for nothing, the API would describe everything");
}

#[tokio::test]
async fn target_groups_know_their_load_balancers() {
    let arn = "arn:aws:elasticloadbalancing:eu-central-1:123456789012";
    let groups = ["1", "12"].map(|id| TargetGroupArn(format!("{arn}:targetgroup/web/{id}").into()));
    let gone = error("TargetGroupNotFound", &format!("Target groups '[{}]' not found", groups[1].as_str()));
    let answer = format!(
        "<DescribeTargetGroupsResponse><DescribeTargetGroupsResult><TargetGroups><member><TargetGroupArn>{}\
         </TargetGroupArn><LoadBalancerArns><member>{arn}:loadbalancer/app/web/9</member></LoadBalancerArns></member>\
         </TargetGroups></DescribeTargetGroupsResult></DescribeTargetGroupsResponse>",
        groups[0].as_str()
    );
    let (elb, ..) = balancing(&[(400, &gone), (200, &answer)]).await;
    let described = elb.describe_target_groups(&groups).await.unwrap();
    assert_eq!(described.missing, groups[1..], "an ARN that begins with another is not that other");
    assert_eq!(described.found[0].load_balancers, ids(&[&format!("{arn}:loadbalancer/app/web/9")]));
}
