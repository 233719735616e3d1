//! Made-up identities for the clusters that exist nowhere: the synthetic one and the simulated one.

use sha2::{Digest, Sha256};

use crate::ecs::{
    ClusterArn, ContainerInstanceArn, LoadBalancerId, ServiceArn, TargetGroupArn, TaskArn, TaskDefinitionArn,
};

const REGION: &str = "us-east-1";
const ACCOUNT: &str = "123456789012";

pub(super) fn cluster(name: &str) -> ClusterArn {
    ClusterArn::made_up(REGION, ACCOUNT, name)
}

pub(super) fn service(cluster: &str, name: &str) -> ServiceArn {
    ServiceArn::made_up(REGION, ACCOUNT, &format!("{cluster}/{name}"))
}

pub(super) fn task(cluster: &str, id: &str) -> TaskArn {
    TaskArn::made_up(REGION, ACCOUNT, &format!("{cluster}/{id}"))
}

pub(super) fn task_definition(family: &str, revision: u32) -> TaskDefinitionArn {
    TaskDefinitionArn::made_up(REGION, ACCOUNT, &format!("{family}:{revision}"))
}

pub(super) fn container_instance(cluster: &str, id: &str) -> ContainerInstanceArn {
    ContainerInstanceArn::made_up(REGION, ACCOUNT, &format!("{cluster}/{id}"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_up_reads_back() {
        let (cluster, service) = (cluster("prod"), service("prod", "web"));
        assert_eq!(ClusterArn::parse("arn:aws:ecs:us-east-1:123456789012:cluster/prod"), Ok(cluster.clone()));
        assert_eq!((service.cluster(), ServiceArn::parse(service.as_str())), (Some(cluster), Ok(service)));
        let (task, host) = (task("prod", &id("a")), container_instance("prod", &id("b")));
        assert_eq!(TaskArn::parse(task.as_str()), Ok(task));
        assert_eq!(ContainerInstanceArn::parse(host.as_str()), Ok(host));
        let definition = task_definition("web", 7);
        assert_eq!(definition.family_and_revision(), ("web", "7"));
        assert_eq!(TaskDefinitionArn::parse(definition.as_str()), Ok(definition));
    }
}
