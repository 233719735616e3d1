//! Made-up identities for the clusters that exist nowhere: the synthetic one and the simulated one.

use sha2::{Digest, Sha256};

use crate::ecs::{
    ArnError, ClusterArn, ContainerInstanceArn, LoadBalancerId, ServiceArn, TargetGroupArn, TaskArn, TaskDefinitionArn,
};

const REGION: &str = "us-east-1";
const ACCOUNT: &str = "123456789012";

fn arn<T>(parse: fn(&str) -> Result<T, ArnError>, kind: &str, path: &str) -> T {
    parse(&format!("arn:aws:ecs:{REGION}:{ACCOUNT}:{kind}/{path}")).expect("an ARN of fixed parts is well formed")
}

pub(super) fn cluster(name: &str) -> ClusterArn {
    arn(ClusterArn::parse, "cluster", name)
}

pub(super) fn service(cluster: &str, name: &str) -> ServiceArn {
    arn(ServiceArn::parse, "service", &format!("{cluster}/{name}"))
}

pub(super) fn task(cluster: &str, id: &str) -> TaskArn {
    arn(TaskArn::parse, "task", &format!("{cluster}/{id}"))
}

pub(super) fn task_definition(family: &str, revision: u32) -> TaskDefinitionArn {
    arn(TaskDefinitionArn::parse, "task-definition", &format!("{family}:{revision}"))
}

pub(super) fn container_instance(cluster: &str, id: &str) -> ContainerInstanceArn {
    arn(ContainerInstanceArn::parse, "container-instance", &format!("{cluster}/{id}"))
}

pub(super) fn target_group(name: &str) -> TargetGroupArn {
    let id = short_id(name);
    TargetGroupArn(format!("arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/{name}/{id}").into())
}

/// The ARN of an application (`app`) or network (`net`) load balancer.
pub(super) fn load_balancer(kind: &str, name: &str) -> LoadBalancerId {
    let id = short_id(name);
    LoadBalancerId(format!("arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:loadbalancer/{kind}/{name}/{id}").into())
}

/// 32 hex digits, as ECS gives them to tasks and container instances; the same for the same `seed` on every run.
pub(super) fn id(seed: &str) -> String {
    let digest = Sha256::digest(seed.as_bytes());
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// 16 hex digits, as Elastic Load Balancing gives them.
fn short_id(seed: &str) -> String {
    id(seed).chars().take(16).collect()
}
