mod events;

use super::*;
use crate::aws::replay::{Replay, Seen, aws, config};
use crate::ecs::{
    ContainerInstanceStatus, Health, LoadBalancerRef, NetworkBinding, NetworkMode, Protocol, ServiceStatus, TaskStatus,
};

const PREFIX: &str = "arn:aws:ecs:eu-central-1:123456789012";

fn prod() -> ClusterArn {
    ClusterArn::parse(&format!("{PREFIX}:cluster/prod")).unwrap()
}

fn task_arn(id: &str) -> TaskArn {
    TaskArn::parse(&format!("{PREFIX}:task/prod/{id}")).unwrap()
}

async fn ecs(answers: &[&str]) -> (Ecs, Replay, Seen) {
    let answers: Vec<_> = answers.iter().map(|body| (200, *body)).collect();
    let replay = Replay::new(&answers);
    let (aws, seen) = aws(config(replay.clone())).await;
    (aws.ecs, replay, seen)
}

/// One task, with what differs between the tests in `more`.
async fn described_task(more: &str) -> Task {
    let answer = format!(
        r#"{{"tasks":[{{"taskArn":"{PREFIX}:task/prod/a1","clusterArn":"{PREFIX}:cluster/prod",
        "taskDefinitionArn":"{PREFIX}:task-definition/web:7","group":"service:web","availabilityZone":"eu-central-1a",
        "lastStatus":"RUNNING","desiredStatus":"RUNNING","createdAt":1767225600.5,{more}}}],"failures":[]}}"#
    );
    let (ecs, ..) = ecs(&[&answer]).await;
    let mut described = ecs.describe_tasks(&prod(), &[task_arn("a1")]).await.unwrap();
    assert!(described.missing.is_empty());
    described.found.pop().unwrap()
}

#[tokio::test]
async fn an_awsvpc_task_has_the_addresses_of_its_interface_once() {
    let interface = r#""networkInterfaces":[{"privateIpv4Address":"10.5.10.17","ipv6Address":"2001:db8::17"}]"#;
    let task = described_task(&format!(
        r#""version":5,"startedAt":1767225660,"attachments":[{{"type":"ElasticNetworkInterface","details":[
        {{"name":"privateIPv4Address","value":"10.5.10.99"}}]}}],"containers":[
        {{"name":"web","healthStatus":"HEALTHY",{interface}}},{{"name":"proxy","healthStatus":"UNKNOWN",{interface}}}]"#
    ))
    .await;
    assert_eq!((task.arn, task.cluster), (task_arn("a1"), prod()));
    assert_eq!(task.task_definition.family_and_revision(), ("web", "7"));
    assert_eq!((task.last_status, task.desired_status), (TaskStatus::Running, TaskStatus::Running));
    assert_eq!((task.group.as_deref(), task.version), (Some("service:web"), Some(5)));
    assert_eq!(task.created_at.unwrap().to_string(), "2026-01-01T00:00:00.5Z");
    assert_eq!(task.started_at.unwrap().to_string(), "2026-01-01T00:01:00Z");
    assert_eq!(task.ipv4, ["10.5.10.17".parse::<std::net::Ipv4Addr>().unwrap()]);
    assert_eq!(task.ipv6, ["2001:db8::17".parse::<std::net::Ipv6Addr>().unwrap()]);
    let health: Vec<_> = task.containers.iter().map(|container| container.health).collect();
    assert_eq!(health, [Some(Health::Healthy), Some(Health::Unknown)]);
}

#[tokio::test]
async fn an_awsvpc_task_without_interfaces_has_the_address_of_its_attachment() {
    let task = described_task(
        r#""attachments":[
        {"type":"AmazonElasticBlockStorage","details":[{"name":"privateIPv4Address","value":"10.0.0.1"}]},
        {"type":"ElasticNetworkInterface","details":[{"name":"subnetId","value":"subnet-1"},
        {"name":"privateIPv4Address","value":"10.5.10.18"}]}],"containers":[{"name":"web","networkInterfaces":[]}]"#,
    )
    .await;
    assert_eq!(task.ipv4, ["10.5.10.18".parse::<std::net::Ipv4Addr>().unwrap()]);
    assert_eq!((task.version, task.containers[0].health), (None, None));
}

#[tokio::test]
async fn a_member_that_is_not_read_does_not_fail_the_call_whatever_its_type() {
    let task = described_task(r#""containers":[{"name":"web","cpu":100,"memory":[],"healthStatus":"HEALTHY"}]"#).await;
    assert_eq!((task.containers[0].name.as_str(), task.containers[0].health), ("web", Some(Health::Healthy)));
}

#[tokio::test]
async fn an_answer_that_is_no_description_fails_the_call() {
    for body in ["", "[1]", r#"{"tasks":7}"#, r#"{"tasks":[{"taskArn":7}]}"#] {
        let (ecs, ..) = ecs(&[body]).await;
        let result = ecs.describe_tasks(&prod(), &[task_arn("a1")]).await;
        assert!(
            result.is_err() || result.is_ok_and(|described| body.is_empty() && described.found.is_empty()),
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_bridge_task_has_its_bindings() {
    let task = described_task(&format!(
        r#""containerInstanceArn":"{PREFIX}:container-instance/prod/c1","containers":[{{"name":"web","networkBindings":[
        {{"bindIP":"0.0.0.0","containerPort":8080,"hostPort":32768,"protocol":"tcp"}},
        {{"bindIP":"::","containerPort":8080,"hostPort":32768,"protocol":"tcp"}},
        {{"bindIP":"0.0.0.0","containerPort":53,"hostPort":32769,"protocol":"udp"}},
        {{"bindIP":"0.0.0.0","containerPortRange":"90-99","hostPortRange":"40000-40009","protocol":"tcp"}}]}}]"#
    ))
    .await;
    let binding = |container_port, host_port, protocol| NetworkBinding { container_port, host_port, protocol };
    let bindings = [binding(8080, 32768, Protocol::Tcp), binding(53, 32769, Protocol::Udp)];
    assert_eq!(task.containers[0].network_bindings, bindings);
    assert_eq!(task.container_instance.unwrap().id(), "c1");
    assert!(task.ipv4.is_empty());
}

#[tokio::test]
async fn tasks_that_ecs_calls_missing_are_missing_and_other_failures_are_not() {
    let answer = format!(
        r#"{{"tasks":[{{"taskArn":"nonsense"}}],"failures":[{{"arn":"{PREFIX}:task/a2","reason":"MISSING"}},
        {{"arn":"{PREFIX}:task/prod/a3","reason":"ACCESS_DENIED"}}]}}"#
    );
    let (ecs, ..) = ecs(&[&answer]).await;
    let asked = [task_arn("a1"), task_arn("a2"), task_arn("a3")];
    let described = ecs.describe_tasks(&prod(), &asked).await.unwrap();
    assert!(described.found.is_empty());
    assert_eq!(described.missing, [task_arn("a2")]);
}

#[tokio::test]
async fn a_list_is_read_to_its_last_page_and_each_page_is_counted() {
    let first = format!(r#"{{"taskArns":["{PREFIX}:task/prod/a1","garbage"],"nextToken":"more"}}"#);
    let second = format!(r#"{{"taskArns":["{PREFIX}:task/prod/a2"]}}"#);
    let (ecs, replay, seen) = ecs(&[&first, &second]).await;
    assert_eq!(ecs.list_tasks(&prod()).await.unwrap(), [task_arn("a1"), task_arn("a2")]);
    assert_eq!(*seen.lock().unwrap(), [("ecs:ListTasks", "ok"), ("ecs:ListTasks", "ok")]);
    let bodies = replay.bodies();
    assert!(bodies[0].contains(r#""maxResults":100"#) && bodies[0].contains(r#""desiredStatus":"RUNNING""#));
    assert!(bodies[1].contains(r#""nextToken":"more""#), "{}", bodies[1]);
}

#[tokio::test]
async fn a_cluster_that_is_not_active_is_missing() {
    let answer = format!(
        r#"{{"clusters":[{{"clusterArn":"{PREFIX}:cluster/prod","clusterName":"prod","status":"ACTIVE"}},
        {{"clusterArn":"{PREFIX}:cluster/old","clusterName":"old","status":"INACTIVE"}}],
        "failures":[{{"arn":"{PREFIX}:cluster/nope","reason":"MISSING"}}]}}"#
    );
    let (ecs, replay, _) = ecs(&[&answer]).await;
    let asked = ["prod", "old", "nope"].map(str::to_owned);
    let described = ecs.describe_clusters(&asked).await.unwrap();
    assert_eq!(described.found, [Cluster { arn: prod(), name: "prod".to_owned() }]);
    assert_eq!(described.missing, ["nope", "old"]);
    assert!(ecs.describe_clusters(&[]).await.unwrap().found.is_empty());
    assert_eq!(replay.sent().len(), 1, "nothing is asked for nobody");
}

#[tokio::test]
async fn a_service_declares_its_load_balancers_and_those_of_its_task_sets() {
    let group = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/web/0123";
    let answer = format!(
        r#"{{"services":[{{"serviceArn":"{PREFIX}:service/prod/Web","serviceName":"Web","status":"DRAINING",
        "desiredCount":3,"taskDefinition":"{PREFIX}:task-definition/web:7","createdAt":1767225600,
        "loadBalancers":[{{"loadBalancerName":"classic","containerName":"web","containerPort":80}}],
        "taskSets":[{{"id":"ecs-svc/1","status":"PRIMARY","loadBalancers":[{{"targetGroupArn":"{group}"}}]}}]}}]}}"#
    );
    let (ecs, ..) = ecs(&[&answer]).await;
    let arn = ServiceArn::parse(&format!("{PREFIX}:service/prod/Web")).unwrap();
    let service = ecs.describe_services(&prod(), &[arn]).await.unwrap().found.pop().unwrap();
    assert_eq!((service.name.as_str(), service.status, service.desired_count), ("Web", ServiceStatus::Draining, 3));
    assert_eq!(service.cluster, prod());
    let declared: Vec<_> = service.declared_load_balancers().cloned().collect();
    let classic = LoadBalancerRef::LoadBalancerName(crate::ecs::LoadBalancerId("classic".into()));
    assert_eq!(declared, [classic, LoadBalancerRef::TargetGroup(crate::ecs::TargetGroupArn(group.into()))]);
}

#[tokio::test]
async fn a_task_definition_keeps_ports_checks_and_labels() {
    let answer = format!(
        r#"{{"taskDefinition":{{"taskDefinitionArn":"{PREFIX}:task-definition/web:7","networkMode":"awsvpc",
        "containerDefinitions":[{{"name":"web","healthCheck":{{"command":["CMD","true"]}},"dockerLabels":{{"a":"b"}},
        "portMappings":[{{"containerPort":8080,"hostPort":0,"protocol":"tcp","name":"http"}},
        {{"containerPortRange":"90-99"}}]}},{{"name":"side","essential":false,"healthCheck":{{"command":["NONE"]}}}}]}}}}"#
    );
    let (ecs, ..) = ecs(&[&answer]).await;
    let arn = TaskDefinitionArn::parse(&format!("{PREFIX}:task-definition/web:7")).unwrap();
    let definition = ecs.describe_task_definition(&arn).await.unwrap();
    assert_eq!((definition.arn, definition.network_mode), (arn, NetworkMode::Awsvpc));
    let [web, side] = definition.containers.as_slice() else { panic!("two containers") };
    assert!(web.essential && web.health_check && !side.essential && !side.health_check);
    assert_eq!(web.docker_labels["a"], "b");
    assert_eq!(web.port_mappings.len(), 1);
    assert_eq!((web.port_mappings[0].name.as_deref(), web.port_mappings[0].host_port), (Some("http"), Some(0)));
}

#[tokio::test]
async fn a_container_instance_is_kept_without_a_version() {
    let arn = ContainerInstanceArn::parse(&format!("{PREFIX}:container-instance/prod/c1")).unwrap();
    let answer = format!(
        r#"{{"containerInstances":[{{"containerInstanceArn":"{arn}","ec2InstanceId":"i-1","status":"DRAINING"}}]}}"#
    );
    let (ecs, ..) = ecs(&[&answer]).await;
    let found = ecs.describe_container_instances(&prod(), &[arn]).await.unwrap().found;
    assert_eq!((found[0].status, found[0].version), (ContainerInstanceStatus::Draining, None));
    assert_eq!(found[0].ec2_instance_id.as_str(), "i-1");
}
