//! Elastic Load Balancing, classic and v2. In both, one unknown name fails the call as a whole.

use super::error::AwsError;
use super::knobs::Manner;
use super::op::{Api, Op};
use super::page;
use super::query::{Element, Params, REQUEST_ID, el, namespace, text};
use super::world::{ClassicLoadBalancer, LoadBalancer, TargetGroup, World};

/// How many names or ARNs the request asks for.
pub fn batch(op: Op, params: &Params) -> usize {
    params.list(asked_by(op)).len()
}

/// Answers a request.
pub fn answer(op: Op, params: &Params, world: &World, manner: Manner) -> Result<String, AwsError> {
    let (list, members) = match op {
        Op::DescribeClassicLoadBalancers => ("LoadBalancerDescriptions", classic(params, world)?),
        Op::DescribeTargetGroups => ("TargetGroups", target_groups(params, world)?),
        _ => ("LoadBalancers", load_balancers(params, world)?),
    };
    let asked = page_size(params)?;
    let size = manner.page_size(asked);
    let page = page::cut(op, &members, params.get("Marker"), size, manner.page_style)
        .ok_or_else(|| AwsError::bad_request("ValidationError", "Invalid marker"))?;
    let mut result = vec![el(list, page.items)];
    result.extend(page.next.map(|marker| text("NextMarker", marker)));
    let (response, result_name) = match op {
        Op::DescribeTargetGroups => ("DescribeTargetGroupsResponse", "DescribeTargetGroupsResult"),
        _ => ("DescribeLoadBalancersResponse", "DescribeLoadBalancersResult"),
    };
    let metadata = el("ResponseMetadata", vec![text("RequestId", REQUEST_ID)]);
    Ok(el(response, vec![el(result_name, result), metadata]).document(namespace(op.api())))
}

/// The parameter that lists what is asked for.
fn asked_by(op: Op) -> &'static str {
    match op {
        Op::DescribeClassicLoadBalancers => "LoadBalancerNames.member",
        Op::DescribeTargetGroups => "TargetGroupArns.member",
        _ => "LoadBalancerArns.member",
    }
}

fn page_size(params: &Params) -> Result<usize, AwsError> {
    let Some(given) = params.get("PageSize") else {
        return Ok(400);
    };
    let number = given.parse().ok().filter(|number| (1..=400).contains(number));
    number.ok_or_else(|| AwsError::bad_request("ValidationError", format!("PageSize {given} is not in 1..400")))
}

fn classic(params: &Params, world: &World) -> Result<Vec<Element>, AwsError> {
    let names = params.list(asked_by(Op::DescribeClassicLoadBalancers));
    let all = &world.classic_load_balancers;
    if names.is_empty() {
        return Ok(all.values().map(classic_element).collect());
    }
    let find = |name: &&str| {
        all.get(*name).map(classic_element).ok_or_else(|| {
            let message = format!("There is no ACTIVE Load Balancer named '{name}'");
            AwsError::bad_request("LoadBalancerNotFound", message)
        })
    };
    names.iter().map(find).collect()
}

fn target_groups(params: &Params, world: &World) -> Result<Vec<Element>, AwsError> {
    let arns = params.list(asked_by(Op::DescribeTargetGroups));
    refuse_other_arns(&arns, "targetgroup", "target group")?;
    if arns.is_empty() {
        return Ok(world.target_groups.values().map(target_group_element).collect());
    }
    let not_found = || AwsError::bad_request("TargetGroupNotFound", "One or more target groups not found");
    arns.iter().map(|arn| world.target_groups.get(*arn).map(target_group_element).ok_or_else(not_found)).collect()
}

fn load_balancers(params: &Params, world: &World) -> Result<Vec<Element>, AwsError> {
    let arns = params.list(asked_by(Op::DescribeLoadBalancers));
    refuse_other_arns(&arns, "loadbalancer", "load balancer")?;
    if arns.len() > 20 {
        let message = "Up to 20 load balancers can be described in one call";
        return Err(AwsError::bad_request("ValidationError", message));
    }
    if arns.is_empty() {
        return Ok(world.load_balancers.values().map(load_balancer_element).collect());
    }
    let not_found = || AwsError::bad_request("LoadBalancerNotFound", "One or more load balancers not found");
    arns.iter().map(|arn| world.load_balancers.get(*arn).map(load_balancer_element).ok_or_else(not_found)).collect()
}

fn refuse_other_arns(arns: &[&str], resource: &str, what: &str) -> Result<(), AwsError> {
    let fits = |arn: &&&str| arn.split(':').nth(5).and_then(|rest| rest.split('/').next()) == Some(resource);
    match arns.iter().find(|arn| !fits(arn)) {
        None => Ok(()),
        Some(arn) => Err(AwsError::bad_request("ValidationError", format!("'{arn}' is not a valid {what} ARN"))),
    }
}

fn classic_element(balancer: &ClassicLoadBalancer) -> Element {
    let parts = vec![
        text("LoadBalancerName", &balancer.name),
        text("DNSName", &balancer.dns_name),
        text("CanonicalHostedZoneNameID", "Z35SXDOTRQ7X7K"),
        text("Scheme", balancer.scheme.as_str()),
    ];
    el("member", parts)
}

fn load_balancer_element(balancer: &LoadBalancer) -> Element {
    let parts = vec![
        text("LoadBalancerArn", &balancer.arn),
        text("DNSName", &balancer.dns_name),
        text("LoadBalancerName", &balancer.name),
        text("Scheme", balancer.scheme.as_str()),
        el("State", vec![text("Code", "active")]),
        text("Type", balancer.kind),
        text("IpAddressType", "ipv4"),
    ];
    el("member", parts)
}

fn target_group_element(group: &TargetGroup) -> Element {
    let balancers = group.load_balancer_arns.iter().map(|arn| text("member", arn)).collect();
    let parts = vec![
        text("TargetGroupArn", &group.arn),
        text("TargetGroupName", &group.name),
        text("TargetType", group.target_type),
        el("LoadBalancerArns", balancers),
    ];
    el("member", parts)
}

/// The page size that a query request asks for, for the record.
pub fn asked_page_size(api: Api, params: &Params) -> Option<usize> {
    let name = if api == Api::Ec2 { "MaxResults" } else { "PageSize" };
    params.get(name)?.parse().ok()
}
