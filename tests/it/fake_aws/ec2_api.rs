//! EC2: `DescribeInstances`.

use super::error::AwsError;
use super::knobs::Manner;
use super::op::{Api, Op};
use super::page::{self, Page};
use super::query::{Element, Params, REQUEST_ID, el, namespace, text};
use super::world::{Instance, World};

/// How many instance ids the request asks for.
pub fn batch(params: &Params) -> usize {
    params.list("InstanceId").len() + params.list("Filter.1.Value").len()
}

/// Whether it has a filter or pages, and so draws from the larger bucket.
pub fn narrowed(params: &Params) -> bool {
    params.get("MaxResults").is_some() || params.get("Filter.1.Name").is_some()
}

/// Answers a request.
pub fn answer(params: &Params, world: &World, manner: Manner) -> Result<String, AwsError> {
    refuse_unknown_parameters(params)?;
    let ids = params.list("InstanceId");
    let max_results = max_results(params)?;
    if max_results.is_some() && !ids.is_empty() {
        let message = "The parameter instancesSet cannot be used with the parameter maxResults";
        return Err(AwsError::bad_request("InvalidParameterCombination", message));
    }
    refuse_unknown_ids(&ids, world)?;
    let filter = filter(params)?;
    let wanted: Vec<&Instance> = world
        .instances
        .values()
        .filter(|instance| ids.is_empty() || ids.contains(&instance.instance_id.as_str()))
        .filter(|instance| filter.as_ref().is_none_or(|values| values.contains(&instance.instance_id.as_str())))
        .collect();
    let page = cut(&wanted, params, max_results, manner)?;
    let reservations = page.items.iter().map(|instance| reservation(instance, world)).collect();
    let mut parts = vec![text("requestId", REQUEST_ID), el("reservationSet", reservations)];
    parts.extend(page.next.map(|token| text("nextToken", token)));
    Ok(el("DescribeInstancesResponse", parts).document(namespace(Api::Ec2)))
}

fn cut<'w>(
    wanted: &[&'w Instance],
    params: &Params,
    max_results: Option<usize>,
    manner: Manner,
) -> Result<Page<&'w Instance>, AwsError> {
    let asked = max_results.unwrap_or(usize::MAX);
    let size = manner.page_size(asked);
    page::cut(Op::DescribeInstances, wanted, params.get("NextToken"), size, manner.page_style)
        .ok_or_else(|| AwsError::bad_request("InvalidNextToken", "The token is not valid."))
}

fn max_results(params: &Params) -> Result<Option<usize>, AwsError> {
    let Some(given) = params.get("MaxResults") else {
        return Ok(None);
    };
    let number = given.parse().ok().filter(|number| (5..=1000).contains(number));
    number.map(Some).ok_or_else(|| {
        let message =
            format!("Value ( {given} ) for parameter maxResults is invalid. Expecting a value from 5 to 1000.");
        AwsError::bad_request("InvalidParameterValue", message)
    })
}

/// One unknown id fails the call as a whole.
fn refuse_unknown_ids(ids: &[&str], world: &World) -> Result<(), AwsError> {
    if let Some(id) = ids.iter().find(|id| !id.starts_with("i-")) {
        return Err(AwsError::bad_request("InvalidInstanceID.Malformed", format!("Invalid id: \"{id}\"")));
    }
    let unknown: Vec<&str> = ids.iter().filter(|id| !world.instances.contains_key(**id)).copied().collect();
    match unknown.as_slice() {
        [] => Ok(()),
        [one] => {
            let message = format!("The instance ID '{one}' does not exist");
            Err(AwsError::bad_request("InvalidInstanceID.NotFound", message))
        }
        many => {
            let message = format!("The instance IDs '{}' do not exist", many.join(", "));
            Err(AwsError::bad_request("InvalidInstanceID.NotFound", message))
        }
    }
}

/// The values of the one filter that the fake knows, `instance-id`.
fn filter(params: &Params) -> Result<Option<Vec<&str>>, AwsError> {
    let Some(name) = params.get("Filter.1.Name") else {
        return Ok(None);
    };
    if name != "instance-id" || params.get("Filter.2.Name").is_some() {
        return Err(AwsError::bad_request("InvalidParameterValue", format!("The filter '{name}' is invalid")));
    }
    let values = params.list("Filter.1.Value");
    if values.len() > 200 {
        let message = "The maximum number of filter values specified on a single call is 200";
        return Err(AwsError::bad_request("FilterLimitExceeded", message));
    }
    Ok(Some(values))
}

fn refuse_unknown_parameters(params: &Params) -> Result<(), AwsError> {
    let known = |name: &&str| {
        ["Action", "Version", "MaxResults", "NextToken", "Filter.1.Name"].contains(name)
            || ["InstanceId.", "Filter."].iter().any(|prefix| name.starts_with(prefix))
    };
    match params.names().find(|name| !known(name)) {
        None => Ok(()),
        Some(name) => {
            let message = format!("The parameter {name} is not recognized");
            Err(AwsError::bad_request("UnknownParameter", message))
        }
    }
}

fn reservation(instance: &Instance, world: &World) -> Element {
    let id = instance.instance_id.trim_start_matches("i-");
    let parts = vec![
        text("reservationId", format!("r-{id}")),
        text("ownerId", &world.account),
        el("groupSet", Vec::new()),
        el("instancesSet", vec![instance_element(instance)]),
    ];
    el("item", parts)
}

fn instance_element(instance: &Instance) -> Element {
    let state = vec![text("code", state_code(&instance.state)), text("name", &instance.state)];
    let placement =
        vec![text("availabilityZone", &instance.availability_zone), text("groupName", ""), text("tenancy", "default")];
    let mut parts = vec![
        text("instanceId", &instance.instance_id),
        el("instanceState", state),
        text("instanceType", "t3.medium"),
        el("placement", placement),
    ];
    parts.extend(instance.private_ip.map(|address| text("privateIpAddress", address)));
    parts.push(el("networkInterfaceSet", interfaces(instance)));
    parts.extend(instance.ipv6.first().map(|address| text("ipv6Address", address)));
    el("item", parts)
}

fn interfaces(instance: &Instance) -> Vec<Element> {
    let Some(address) = instance.private_ip else {
        return Vec::new();
    };
    let ipv6 = instance.ipv6.iter().map(|address| el("item", vec![text("ipv6Address", address)])).collect();
    let id = instance.instance_id.trim_start_matches("i-");
    let parts = vec![
        text("networkInterfaceId", format!("eni-{id}")),
        text("status", "in-use"),
        text("privateIpAddress", address),
        el("ipv6AddressesSet", ipv6),
    ];
    vec![el("item", parts)]
}

fn state_code(state: &str) -> u8 {
    match state {
        "pending" => 0,
        "running" => 16,
        "shutting-down" => 32,
        "terminated" => 48,
        "stopping" => 64,
        _ => 80,
    }
}
