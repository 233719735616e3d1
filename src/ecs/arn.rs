//! Amazon Resource Names of the ECS resources that we follow.
//!
//! Each kind is a type of its own, so that a task's ARN cannot be handed to a call that wants a service's. Both the
//! long form (`…:task/prod/0123`) and the form of before 2018 (`…:task/0123`) are understood.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Why a string is not the ARN that was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not an ARN of an ECS {expected}: expected arn:<partition>:ecs:<region>:<account>:{expected}/…")]
pub struct ArnError {
    /// What was given.
    pub given: String,
    /// The resource type that was wanted, as it stands in the ARN.
    pub expected: &'static str,
}

/// The part behind `<resource type>/`, if `text` is an ARN of that type.
fn resource<'a>(text: &'a str, kind: &str) -> Option<&'a str> {
    let mut parts = text.splitn(6, ':');
    let (arn, partition, service) = (parts.next()?, parts.next()?, parts.next()?);
    let (_region, _account, resource) = (parts.next()?, parts.next()?, parts.next()?);
    let rest = resource.strip_prefix(kind)?.strip_prefix('/')?;
    (arn == "arn" && !partition.is_empty() && service == "ecs" && !rest.is_empty()).then_some(rest)
}

macro_rules! arn_type {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks that `text` is an ARN of this resource type.
            ///
            /// # Errors
            /// [`ArnError`] when it is anything else.
            pub fn parse(text: &str) -> Result<Self, ArnError> {
                match resource(text, $kind) {
                    Some(_) => Ok(Self(text.into())),
                    None => Err(ArnError { given: text.to_owned(), expected: $kind }),
                }
            }

            /// The whole ARN.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The last segment: the resource's own name or id.
            #[must_use]
            pub fn id(&self) -> &str {
                self.0.rsplit('/').next().unwrap_or_default()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = ArnError;
            fn try_from(text: String) -> Result<Self, ArnError> {
                Self::parse(&text)
            }
        }
    };
}

arn_type!(
    /// A cluster; [`id`](ClusterArn::id) is its name.
    ClusterArn,
    "cluster"
);
arn_type!(
    /// A service; [`id`](ServiceArn::id) is its name.
    ServiceArn,
    "service"
);
arn_type!(
    /// A task; [`id`](TaskArn::id) is its 32 hex digits, or the UUID of old clusters.
    TaskArn,
    "task"
);
arn_type!(
    /// A container instance, which is ECS's registration of a host, not the EC2 instance itself.
    ContainerInstanceArn,
    "container-instance"
);
arn_type!(
    /// One revision of a task definition; [`id`](TaskDefinitionArn::id) is `family:revision`.
    TaskDefinitionArn,
    "task-definition"
);

impl ServiceArn {
    /// The ARN of the service `name` in `cluster`, in the long form. `None` if `name` is empty.
    #[must_use]
    pub fn in_cluster(cluster: &ClusterArn, name: &str) -> Option<Self> {
        let (account, of) = cluster.as_str().split_once(":cluster/")?;
        Self::parse(&format!("{account}:service/{of}/{name}")).ok().filter(|_| !name.is_empty())
    }
}

impl TaskDefinitionArn {
    /// Family and revision, e.g. `("web", "7")`; the revision is empty if the ARN has none.
    #[must_use]
    pub fn family_and_revision(&self) -> (&str, &str) {
        let id = self.id();
        id.rsplit_once(':').unwrap_or((id, ""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_and_short_forms_are_understood() {
        let long = TaskArn::parse("arn:aws:ecs:us-east-1:123456789012:task/prod/0a1b").unwrap();
        let short = TaskArn::parse("arn:aws-cn:ecs:cn-north-1:123456789012:task/0a1b").unwrap();
        assert_eq!((long.id(), short.id()), ("0a1b", "0a1b"));
        let definition = TaskDefinitionArn::parse("arn:aws:ecs:r:1:task-definition/web:7").unwrap();
        assert_eq!(definition.family_and_revision(), ("web", "7"));
    }

    #[test]
    fn a_service_is_named_by_its_cluster() {
        let cluster = ClusterArn::parse("arn:aws:ecs:us-east-1:123456789012:cluster/prod").unwrap();
        let arn = ServiceArn::in_cluster(&cluster, "web").unwrap();
        assert_eq!(arn.as_str(), "arn:aws:ecs:us-east-1:123456789012:service/prod/web");
        assert_eq!(ServiceArn::in_cluster(&cluster, ""), None);
    }

    #[test]
    fn another_resource_is_refused_by_name() {
        for bad in ["", "web", "arn:aws:ecs:r:1:service/prod/web", "arn:aws:ec2:r:1:task/x", "arn:aws:ecs:r:1:task/"] {
            let error = TaskArn::parse(bad).unwrap_err();
            assert!(error.to_string().contains("ECS task"), "{error}");
        }
    }
}
