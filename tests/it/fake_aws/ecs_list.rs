//! The ECS lists: `ListClusters`, `ListServices`, `ListTasks`, `ListContainerInstances`.

use serde_json::{Value, json};

use super::ecs_api::{Reads, find_cluster};
use super::error::AwsError;
use super::knobs::Manner;
use super::op::Op;
use super::page;
use super::world::{Cluster, Service, Task, World};

/// Answers one of the lists.
pub fn answer(op: Op, input: &Value, world: &World, manner: Manner) -> Result<Value, AwsError> {
    let (key, arns) = match op {
        Op::ListClusters => ("clusterArns", clusters(world)),
        Op::ListServices => ("serviceArns", services(find_cluster(input, world)?, input)),
        Op::ListTasks => ("taskArns", tasks(find_cluster(input, world)?, input, world)?),
        _ => ("containerInstanceArns", container_instances(find_cluster(input, world)?, input)?),
    };
    let asked = page_size(op, input)?;
    let size = manner.page_size(asked);
    let page = page::cut(op, &arns, input.text("nextToken"), size, manner.page_style)
        .ok_or_else(|| AwsError::invalid_parameter("Invalid token."))?;
    Ok(json!({ key: page.items, "nextToken": page.next }))
}

/// The page size: at most 100; `ListServices` shows 10 unless it is asked for more.
fn page_size(op: Op, input: &Value) -> Result<usize, AwsError> {
    let default = if op == Op::ListServices { 10 } else { 100 };
    match input.get("maxResults").filter(|value| !value.is_null()) {
        None => Ok(default),
        Some(value) => {
            let asked = value.as_u64().and_then(|asked| usize::try_from(asked).ok());
            asked.filter(|asked| (1..=100).contains(asked)).ok_or_else(|| {
                AwsError::invalid_parameter(format!("maxResults must be between 1 and 100, but is {value}."))
            })
        }
    }
}

fn clusters(world: &World) -> Vec<String> {
    let alive = world.clusters.values().filter(|cluster| cluster.status != "INACTIVE");
    alive.map(|cluster| cluster.cluster_arn.clone()).collect()
}

/// A deleted service, DRAINING or INACTIVE, is not listed.
fn services(cluster: &Cluster, input: &Value) -> Vec<String> {
    let wanted = |service: &&Service| {
        service.status == "ACTIVE"
            && input.text("launchType").is_none_or(|wanted| wanted == service.launch_type)
            && input.text("schedulingStrategy").is_none_or(|wanted| wanted == service.scheduling_strategy)
    };
    cluster.services.values().filter(wanted).map(|service| service.service_arn.clone()).collect()
}

fn tasks(cluster: &Cluster, input: &Value, world: &World) -> Result<Vec<String>, AwsError> {
    let group = match input.text("serviceName") {
        Some(name) => {
            let name = last(name);
            if !cluster.services.contains_key(name) {
                return Err(AwsError::bad_request("ServiceNotFoundException", "Service not found."));
            }
            Some(format!("service:{name}"))
        }
        None => None,
    };
    let status = input.text("desiredStatus").unwrap_or("RUNNING");
    let family = |task: &Task| {
        world.task_definitions.get(&task.task_definition_arn).map(|definition| definition.family.as_str())
    };
    let wanted = |task: &&Task| {
        task.desired_status == status
            && group.as_deref().is_none_or(|group| task.group.as_deref() == Some(group))
            && input.text("family").is_none_or(|wanted| family(task) == Some(wanted))
            && input.text("startedBy").is_none_or(|wanted| task.started_by.as_deref() == Some(wanted))
            && input.text("launchType").is_none_or(|wanted| task.launch_type == wanted)
            && input
                .text("containerInstance")
                .is_none_or(|wanted| task.container_instance_arn.as_deref().map(last) == Some(last(wanted)))
    };
    Ok(cluster.tasks.values().filter(wanted).map(|task| task.task_arn.clone()).collect())
}

/// Every status but INACTIVE, unless one is asked for. The cluster query language is not spoken here.
fn container_instances(cluster: &Cluster, input: &Value) -> Result<Vec<String>, AwsError> {
    if input.text("filter").is_some() {
        return Err(AwsError::invalid_parameter("The fake does not know the cluster query language."));
    }
    let status = input.text("status");
    let all = cluster.container_instances.values();
    let wanted = all.filter(|one| status.map_or(one.status != "INACTIVE", |status| one.status == status));
    Ok(wanted.map(|one| one.container_instance_arn.clone()).collect())
}

/// What stands after the last slash: the name or id in an ARN.
pub fn last(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}
