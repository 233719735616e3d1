//! ECS: AWS JSON 1.1 in and out.

use serde_json::{Map, Value, json};

use super::ecs_list::{self, last};
use super::error::AwsError;
use super::knobs::Manner;
use super::op::Op;
use super::world::{Cluster, ContainerInstance, Service, Task, World};

/// Reading a request.
pub trait Reads {
    /// The string member of that name.
    fn text(&self, member: &str) -> Option<&str>;
    /// The strings of the list member of that name.
    fn list(&self, member: &str) -> Vec<&str>;
}

impl Reads for Value {
    fn text(&self, member: &str) -> Option<&str> {
        self.get(member)?.as_str()
    }

    fn list(&self, member: &str) -> Vec<&str> {
        let items = self.get(member).and_then(Value::as_array);
        items.into_iter().flatten().filter_map(Value::as_str).collect()
    }
}

/// How many things the request asks for.
pub fn batch(op: Op, input: &Value) -> usize {
    match op {
        Op::DescribeTaskDefinition => 1,
        _ => ["clusters", "services", "tasks", "containerInstances"].iter().map(|key| input.list(key).len()).sum(),
    }
}

/// Answers a request.
pub fn answer(op: Op, input: &Value, world: &World, manner: Manner) -> Result<Value, AwsError> {
    let output = match op {
        Op::DescribeClusters => describe_clusters(input, world)?,
        Op::DescribeServices => describe_services(input, world)?,
        Op::DescribeTasks => describe_tasks(input, world, manner)?,
        Op::DescribeContainerInstances => describe_container_instances(input, world, manner)?,
        Op::DescribeTaskDefinition => describe_task_definition(input, world)?,
        _ => ecs_list::answer(op, input, world, manner)?,
    };
    Ok(without_nulls(output))
}

/// The cluster that the request names, by name or ARN; `default` if it names none.
pub fn find_cluster<'w>(input: &Value, world: &'w World) -> Result<&'w Cluster, AwsError> {
    let name = last(input.text("cluster").unwrap_or("default"));
    let not_found = |message| Err(AwsError::bad_request("ClusterNotFoundException", message));
    match world.clusters.get(name) {
        None => not_found("Cluster not found."),
        Some(cluster) if cluster.status == "INACTIVE" => not_found("The referenced cluster was inactive."),
        Some(cluster) => Ok(cluster),
    }
}

fn describe_clusters(input: &Value, world: &World) -> Result<Value, AwsError> {
    let mut asked = input.list("clusters");
    if asked.is_empty() {
        asked.push("default");
    }
    at_most(100, &asked, "Clusters")?;
    let find = |name: &str| world.clusters.get(last(name)).map(cluster_value);
    Ok(found_or_missing("clusters", &asked, find, |name| world.ecs_arn(&format!("cluster/{}", last(name)))))
}

fn cluster_value(cluster: &Cluster) -> Value {
    let running = |status: &str| cluster.tasks.values().filter(|task| task.last_status == status).count();
    let active = cluster.services.values().filter(|service| service.status == "ACTIVE").count();
    let mut value = to_value(cluster);
    value["registeredContainerInstancesCount"] = cluster.container_instances.len().into();
    value["runningTasksCount"] = running("RUNNING").into();
    value["pendingTasksCount"] = running("PENDING").into();
    value["activeServicesCount"] = active.into();
    value
}

fn describe_services(input: &Value, world: &World) -> Result<Value, AwsError> {
    let cluster = find_cluster(input, world)?;
    let asked = input.list("services");
    if asked.is_empty() {
        return Err(AwsError::invalid_parameter("Services cannot be empty."));
    }
    at_most(10, &asked, "Services")?;
    let find = |name: &str| cluster.services.get(last(name)).map(|found| service_value(found, cluster, input));
    let arn = |name: &str| world.ecs_arn(&format!("service/{}/{}", cluster.cluster_name, last(name)));
    Ok(found_or_missing("services", &asked, find, arn))
}

fn service_value(service: &Service, cluster: &Cluster, input: &Value) -> Value {
    let group = format!("service:{}", service.service_name);
    let own = |task: &&Task| task.group.as_deref() == Some(group.as_str());
    let count = |status: &str| {
        let of_status = cluster.tasks.values().filter(own).filter(|task| task.last_status == status);
        i32::try_from(of_status.count()).unwrap_or(i32::MAX)
    };
    let mut value = to_value(service);
    value["runningCount"] = service.running_count.unwrap_or_else(|| count("RUNNING")).into();
    value["pendingCount"] = service.pending_count.unwrap_or_else(|| count("PENDING")).into();
    if service.task_definition.is_empty() {
        value["taskDefinition"] = Value::Null;
    }
    with_tags_if_asked(value, input)
}

fn describe_tasks(input: &Value, world: &World, manner: Manner) -> Result<Value, AwsError> {
    let cluster = find_cluster(input, world)?;
    let asked = input.list("tasks");
    if asked.is_empty() {
        return Err(AwsError::invalid_parameter("Tasks cannot be empty."));
    }
    at_most(100, &asked, "Tasks")?;
    let arn = |name: &str| world.ecs_arn(&format!("task/{}/{}", cluster.cluster_name, last(name)));
    let find = |name: &str| {
        let task = cluster.tasks.get(&arn(name))?;
        let mut value = to_value(task);
        let definition = world.task_definitions.get(&task.task_definition_arn);
        value["healthStatus"] = definition.map_or("UNKNOWN", |definition| task.health_status(definition)).into();
        Some(with_tags_if_asked(with_version(value, manner), input))
    };
    Ok(found_or_missing("tasks", &asked, find, arn))
}

fn describe_container_instances(input: &Value, world: &World, manner: Manner) -> Result<Value, AwsError> {
    let cluster = find_cluster(input, world)?;
    let asked = input.list("containerInstances");
    if asked.is_empty() {
        return Err(AwsError::invalid_parameter("Container instances cannot be empty."));
    }
    at_most(100, &asked, "Container instances")?;
    let arn = |name: &str| world.ecs_arn(&format!("container-instance/{}/{}", cluster.cluster_name, last(name)));
    let find = |name: &str| {
        let found = cluster.container_instances.get(&arn(name))?;
        Some(with_version(container_instance_value(found, cluster), manner))
    };
    Ok(found_or_missing("containerInstances", &asked, find, arn))
}

fn container_instance_value(found: &ContainerInstance, cluster: &Cluster) -> Value {
    let arn = found.container_instance_arn.as_str();
    let count = |status: &str| {
        let on_it = |task: &&Task| task.container_instance_arn.as_deref() == Some(arn);
        cluster.tasks.values().filter(on_it).filter(|task| task.last_status == status).count()
    };
    let mut value = to_value(found);
    value["runningTasksCount"] = count("RUNNING").into();
    value["pendingTasksCount"] = count("PENDING").into();
    value
}

/// By ARN, `family:revision` or `family`, which means the latest ACTIVE revision.
fn describe_task_definition(input: &Value, world: &World) -> Result<Value, AwsError> {
    let asked = last(input.text("taskDefinition").unwrap_or_default());
    let (family, revision) = match asked.split_once(':') {
        Some((family, revision)) => (family, revision.parse().ok()),
        None => (asked, None),
    };
    let of_family = world.task_definitions.values().filter(|definition| definition.family == family);
    let found = of_family
        .filter(|one| revision.map_or(one.status == "ACTIVE", |revision: i32| one.revision == revision))
        .max_by_key(|one| one.revision)
        .ok_or_else(|| AwsError::bad_request("ClientException", "Unable to describe task definition."))?;
    Ok(json!({ "taskDefinition": to_value(found) }))
}

fn at_most(most: usize, asked: &[&str], what: &str) -> Result<(), AwsError> {
    if asked.len() > most {
        return Err(AwsError::invalid_parameter(format!("{what} cannot have more than {most} elements.")));
    }
    Ok(())
}

/// What was found under `key`, and the rest as failures.
fn found_or_missing(
    key: &str,
    asked: &[&str],
    find: impl Fn(&str) -> Option<Value>,
    arn: impl Fn(&str) -> String,
) -> Value {
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for name in asked {
        match find(name) {
            Some(value) => found.push(value),
            None => failures.push(json!({ "arn": arn(name), "reason": "MISSING" })),
        }
    }
    json!({ key: found, "failures": failures })
}

fn with_version(mut value: Value, manner: Manner) -> Value {
    if manner.omit_versions {
        value["version"] = Value::Null;
    }
    value
}

fn with_tags_if_asked(mut value: Value, input: &Value) -> Value {
    if !input.list("include").contains(&"TAGS") {
        value["tags"] = Value::Null;
    }
    value
}

fn to_value(data: impl serde::Serialize) -> Value {
    serde_json::to_value(data).expect("the world is plain data")
}

/// AWS leaves out what is not set.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let set = members.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(set.map(|(key, value)| (key, without_nulls(value))).collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}
