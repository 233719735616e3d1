//! What EventBridge tells of the world: the JSON of each event, with the members and the spelling of real ones.
//!
//! Events spell some things otherwise than the API does: times are text, an interface is an `eni`, and there is no
//! health. Sources: the "Amazon ECS events" page of the ECS guide and samples that people have published.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::world::{ContainerInstance, Instance, Service, Task, World};

/// Wraps `detail` as EventBridge does. `number` makes the id; the time is now, in whole seconds, as AWS has it.
fn event(number: u64, source: &str, kind: &str, resource: &[&str], world: &World, detail: &Value) -> Value {
    json!({
        "version": "0",
        "id": format!("e0000000-0000-4000-8000-{number:012x}"),
        "detail-type": kind,
        "source": source,
        "account": world.account,
        "time": format!("{:.0}", Timestamp::now()),
        "region": world.region,
        "resources": resource,
        "detail": detail,
    })
}

/// "ECS Task State Change".
pub fn task(number: u64, task: &Task, world: &World) -> Value {
    let mut detail = json!({
        "attachments": task.attachments.iter().map(|attachment| json!({
            "id": attachment.id,
            "type": if attachment.kind == "ElasticNetworkInterface" { "eni" } else { attachment.kind.as_str() },
            "status": attachment.status,
            "details": attachment.details,
        })).collect::<Vec<_>>(),
        "attributes": [{ "name": "ecs.cpu-architecture", "value": "x86_64" }],
        "availabilityZone": task.availability_zone,
        "clusterArn": task.cluster_arn,
        "connectivity": task.connectivity,
        "connectivityAt": at(task.created_at),
        "containerInstanceArn": task.container_instance_arn,
        "containers": task.containers.iter().map(container).collect::<Vec<_>>(),
        "cpu": "256",
        "createdAt": at(task.created_at),
        "desiredStatus": task.desired_status,
        "enableExecuteCommand": false,
        "group": task.group,
        "launchType": task.launch_type,
        "lastStatus": task.last_status,
        "memory": "512",
        "overrides": {
            "containerOverrides":
                task.containers.iter().map(|container| json!({ "name": container.name })).collect::<Vec<_>>(),
        },
        "startedAt": task.started_at.map(at),
        "startedBy": task.started_by,
        "stoppedAt": task.stopped_at.map(at),
        "stoppedReason": task.stopped_reason,
        "stopCode": task.stopped_reason.as_ref().map(|_| "ServiceSchedulerInitiated"),
        "taskArn": task.task_arn,
        "taskDefinitionArn": task.task_definition_arn,
        "updatedAt": Timestamp::now(),
        "version": task.version,
    });
    drop_nulls(&mut detail);
    event(number, "aws.ecs", "ECS Task State Change", &[&task.task_arn], world, &detail)
}

fn container(container: &super::world::Container) -> Value {
    let interfaces = container.network_interfaces.iter().map(|interface| {
        let mut value = json!({
            "attachmentId": interface.attachment_id,
            "privateIpv4Address": interface.private_ipv4_address,
            "ipv6Address": interface.ipv6_address,
        });
        drop_nulls(&mut value);
        value
    });
    let mut value = json!({
        "containerArn": container.container_arn,
        "exitCode": (container.last_status == "STOPPED").then_some(0),
        "lastStatus": container.last_status,
        "name": container.name,
        "image": container.image,
        "taskArn": container.task_arn,
        "networkInterfaces": interfaces.collect::<Vec<_>>(),
        "cpu": "0",
    });
    if !container.network_bindings.is_empty() {
        value["networkBindings"] = json!(container.network_bindings);
    }
    drop_nulls(&mut value);
    value
}

/// "ECS Container Instance State Change".
pub fn container_instance(number: u64, instance: &ContainerInstance, cluster_arn: &str, world: &World) -> Value {
    let resources = |cpu: u32, memory: u32| {
        json!([
            { "name": "CPU", "type": "INTEGER", "integerValue": cpu },
            { "name": "MEMORY", "type": "INTEGER", "integerValue": memory },
            { "name": "PORTS", "type": "STRINGSET", "stringSetValue": ["22", "2375", "2376", "51678", "51679"] },
            { "name": "PORTS_UDP", "type": "STRINGSET", "stringSetValue": [] },
        ])
    };
    let mut detail = json!({
        "agentConnected": instance.agent_connected,
        "attributes": instance.attributes,
        "clusterArn": cluster_arn,
        "containerInstanceArn": instance.container_instance_arn,
        "ec2InstanceId": instance.ec2_instance_id,
        "registeredAt": at(instance.registered_at),
        "registeredResources": resources(2048, 3767),
        "remainingResources": resources(1988, 767),
        "status": instance.status,
        "version": instance.version,
        "versionInfo": { "agentVersion": "1.105.1", "dockerVersion": "DockerVersion: 25.0.8" },
        "updatedAt": Timestamp::now(),
    });
    drop_nulls(&mut detail);
    let resource = [instance.container_instance_arn.as_str()];
    event(number, "aws.ecs", "ECS Container Instance State Change", &resource, world, &detail)
}

/// "EC2 Instance State-change Notification".
pub fn machine(number: u64, instance: &Instance, world: &World) -> Value {
    let arn = format!("arn:aws:ec2:{}:{}:instance/{}", world.region, world.account, instance.instance_id);
    let detail = json!({ "instance-id": instance.instance_id, "state": instance.state });
    event(number, "aws.ec2", "EC2 Instance State-change Notification", &[&arn], world, &detail)
}

/// "ECS Service Action", of the kind INFO: `SERVICE_STEADY_STATE` and its like.
pub fn service_action(number: u64, name: &str, service: &Service, world: &World) -> Value {
    let detail = json!({
        "eventType": "INFO",
        "eventName": name,
        "clusterArn": service.cluster_arn,
        "createdAt": Timestamp::now(),
    });
    event(number, "aws.ecs", "ECS Service Action", &[&service.service_arn], world, &detail)
}

/// "ECS Deployment State Change": `SERVICE_DEPLOYMENT_IN_PROGRESS`, `…_COMPLETED`. It has no `clusterArn`.
pub fn deployment(number: u64, name: &str, service: &Service, world: &World) -> Value {
    let deployment = "ecs-svc/1000000000000000000";
    let state = name.trim_start_matches("SERVICE_DEPLOYMENT_").replace('_', " ").to_lowercase();
    let detail = json!({
        "eventType": "INFO",
        "eventName": name,
        "deploymentId": deployment,
        "updatedAt": Timestamp::now(),
        "reason": format!("ECS deployment {deployment} {state}."),
    });
    event(number, "aws.ecs", "ECS Deployment State Change", &[&service.service_arn], world, &detail)
}

/// "AWS API Call via CloudTrail": `CreateService`, `UpdateService`, `DeleteService`.
pub fn api_call(number: u64, name: &str, service: &Service, world: &World) -> Value {
    let cluster = service.cluster_arn.rsplit('/').next();
    let by = if name == "CreateService" { "serviceName" } else { "service" };
    let detail = json!({
        "eventVersion": "1.08",
        "userIdentity": {
            "type": "AssumedRole",
            "arn": format!("arn:aws:sts::{}:assumed-role/Admin/deploy", world.account),
            "accountId": world.account,
        },
        "eventTime": format!("{:.0}", Timestamp::now()),
        "eventSource": "ecs.amazonaws.com",
        "eventName": name,
        "awsRegion": world.region,
        "sourceIPAddress": "203.0.113.12",
        "userAgent": "aws-cli/2.17.0",
        "requestParameters": { "cluster": cluster, by: service.service_name, "desiredCount": service.desired_count },
        "responseElements": { "service": {
            "serviceArn": service.service_arn,
            "serviceName": service.service_name,
            "clusterArn": service.cluster_arn,
            "status": service.status,
            "desiredCount": service.desired_count,
            "launchType": service.launch_type,
            "taskDefinition": service.task_definition,
            "events": [],
        } },
        "requestID": format!("00000000-0000-4000-9000-{number:012x}"),
        "eventID": format!("00000000-0000-4000-a000-{number:012x}"),
        "readOnly": false,
        "eventType": "AwsApiCall",
        "managementEvent": true,
        "recipientAccountId": world.account,
        "eventCategory": "Management",
    });
    event(number, "aws.ecs", "AWS API Call via CloudTrail", &[], world, &detail)
}

/// A time as events write it.
fn at(seconds: f64) -> Value {
    let time = Timestamp::from_millisecond((seconds * 1000.0).round() as i64).expect("a time of our days");
    json!(format!("{time:.3}"))
}

/// AWS leaves out what is not set.
fn drop_nulls(value: &mut Value) {
    if let Value::Object(members) = value {
        members.retain(|_, member| !member.is_null());
    }
}
