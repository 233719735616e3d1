//! Amazon Resource Names of the ECS resources that we follow.
//!
//! Each kind is a type of its own, so that a task's ARN cannot be handed to a call that wants a service's. Both the
//! long form (`…:task/prod/0123`) and the form of before 2018 (`…:task/0123`) are understood.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::{self, Deserialize, Deserializer, Visitor};

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
    // A plain walk: what looks for a character in texts of any length costs more than so short a one.
    let mut colons = (0..).zip(text.bytes()).filter_map(|(at, octet)| (octet == b':').then_some(at));
    let (arn, partition, service) = (colons.next()?, colons.next()?, colons.next()?);
    let (_region, account) = (colons.next()?, colons.next()?);
    let rest = text.get(account + 1..)?.strip_prefix(kind)?.strip_prefix('/')?;
    let is_ecs = text.get(..arn) == Some("arn") && text.get(partition + 1..service) == Some("ecs");
    (is_ecs && partition > arn + 1 && !rest.is_empty()).then_some(rest)
}

/// Reads an ARN where it stands: a saved inventory has them by the hundred thousand.
struct Arn<T>(fn(&str) -> Result<T, ArnError>);

impl<T> Visitor<'_> for Arn<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an ARN")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        (self.0)(text).map_err(E::custom)
    }
}

macro_rules! arn_type {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
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

            /// The ARN of a resource that exists nowhere. Its parts are taken as they are: `path` is what stands behind the
            /// resource type.
            pub(crate) fn made_up(region: &str, account: &str, path: &str) -> Self {
                Self(format!("arn:{}:ecs:{region}:{account}:{}/{path}", partition(region), $kind).into())
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

            /// The region that it is in.
            #[must_use]
            pub fn region(&self) -> &str {
                self.0.split(':').nth(3).unwrap_or_default()
            }

            /// The account that it belongs to.
            #[must_use]
            pub fn account(&self) -> &str {
                self.0.split(':').nth(4).unwrap_or_default()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                from.deserialize_str(Arn(Self::parse))
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

/// Partition of a region: the second part of its ARNs.
fn partition(region: &str) -> &'static str {
    const PREFIXES: [(&str, &str); 7] = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("us-iso-", "aws-iso"),
        ("us-isob-", "aws-iso-b"),
        ("eu-isoe-", "aws-iso-e"),
        ("us-isof-", "aws-iso-f"),
        ("eusc-", "aws-eusc"),
    ];
    PREFIXES.iter().find(|(prefix, _)| region.starts_with(prefix)).map_or("aws", |(_, partition)| partition)
}

/// Whether ECS lets a cluster or service be called so: 1–255 of `A-Za-z0-9_-`.
fn is_name(text: &str) -> bool {
    (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

/// A word that stands between two colons of an ARN.
fn is_part(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

impl ClusterArn {
    /// The ARN of the cluster of this name.
    ///
    /// # Errors
    /// [`ArnError`] when there can be no such cluster.
    pub fn of(region: &str, account: &str, name: &str) -> Result<Self, ArnError> {
        let text = format!("arn:{}:ecs:{region}:{account}:cluster/{name}", partition(region));
        if is_part(region) && is_part(account) && is_name(name) {
            Self::parse(&text)
        } else {
            Err(ArnError { given: text, expected: "cluster" })
        }
    }
}

impl ServiceArn {
    /// The ARN, in its long form, of the service of this name in `cluster`.
    ///
    /// # Errors
    /// [`ArnError`] when there can be no such service.
    pub fn of(cluster: &ClusterArn, name: &str) -> Result<Self, ArnError> {
        let text = cluster.as_str().replacen(":cluster/", ":service/", 1) + "/" + name;
        if is_name(name) { Self::parse(&text) } else { Err(ArnError { given: text, expected: "service" }) }
    }

    /// The cluster that it runs in; `None` for the form of before 2018, which does not name it.
    #[must_use]
    pub fn cluster(&self) -> Option<ClusterArn> {
        let (cluster, _) = self.as_str().rsplit_once('/')?;
        ClusterArn::parse(&cluster.replacen(":service/", ":cluster/", 1)).ok()
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
    fn an_arn_tells_its_region_and_account() {
        let arn = TaskArn::parse("arn:aws-cn:ecs:cn-north-1:123456789012:task/prod/0a1b").unwrap();
        assert_eq!((arn.region(), arn.account()), ("cn-north-1", "123456789012"));
    }

    #[test]
    fn an_arn_is_built_from_names() {
        // region → partition
        let table = [
            ("us-east-1", "aws"),
            ("eu-central-1", "aws"),
            ("cn-northwest-1", "aws-cn"),
            ("us-gov-west-1", "aws-us-gov"),
            ("us-iso-east-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("eu-isoe-west-1", "aws-iso-e"),
            ("us-isof-south-1", "aws-iso-f"),
            ("eusc-de-east-1", "aws-eusc"),
        ];
        for (region, partition) in table {
            let cluster = ClusterArn::of(region, "123456789012", "prod").unwrap();
            assert_eq!(cluster.as_str(), format!("arn:{partition}:ecs:{region}:123456789012:cluster/prod"));
            let service = ServiceArn::of(&cluster, "Web_1").unwrap();
            assert_eq!(service.as_str(), format!("arn:{partition}:ecs:{region}:123456789012:service/prod/Web_1"));
            assert_eq!(service.cluster(), Some(cluster));
        }
        assert_eq!(ServiceArn::parse("arn:aws:ecs:r:1:service/web").unwrap().cluster(), None);
    }

    #[test]
    fn no_arn_is_built_from_what_is_no_name() {
        let cluster = ClusterArn::of("us-east-1", "1", "prod").unwrap();
        for bad in ["", "a/b", "a:b", "ü", "a b", "*", &"x".repeat(256)] {
            assert!(ClusterArn::of("us-east-1", "1", bad).is_err(), "{bad}");
            assert!(ServiceArn::of(&cluster, bad).is_err(), "{bad}");
        }
        for (region, account) in [("", "1"), ("us-east-1", ""), ("us:east", "1"), ("us-east-1", "1/2")] {
            assert!(ClusterArn::of(region, account, "prod").is_err(), "{region} {account}");
        }
    }

    #[test]
    fn another_resource_is_refused_by_name() {
        let others =
            ["arn:aws:ecs:r:1:service/prod/web", "arn:aws:ec2:r:1:task/x", "arn::ecs:r:1:task/x", "aws:ecs:r:1:task/x"];
        for bad in ["", "web", "arn:aws:ecs:r:1:task/", "::ecs::1:task/x", "arn:aws:ecs:r:1"].into_iter().chain(others)
        {
            let error = TaskArn::parse(bad).unwrap_err();
            assert!(error.to_string().contains("ECS task"), "{error}");
        }
    }
}
