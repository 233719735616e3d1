//! What a host's own queue is called.

use crate::zone::naming::labels::shortened;

/// What the names of all our queues begin with; permissions are given by it.
pub const PREFIX: &str = "ecs-resolver-";
/// Longest name of a queue.
pub const MAX_NAME: usize = 80;
/// Longest part that stands for the host. Instance ids have 20 characters at most, host names up to 63.
const MAX_INSTANCE: usize = 40;
/// Characters of the id of an EC2 instance, at most.
const LONGEST_EC2: usize = 19;
/// Characters that stand for what was cut off: a hyphen and 8 hex digits.
const HASH: usize = 9;

/// The name of the queue of the host `instance` in `cluster`: `ecs-resolver-<cluster>-<instance>`.
///
/// Always the same for the same two, so that a restart finds its queue; at most 80 characters of `A-Za-z0-9_-`, as SQS
/// has it. Other characters become `-`. What is too long keeps its first part, then `-` and 8 hex digits of SHA-256 of
/// the whole.
#[must_use]
pub fn queue_name(cluster: &str, instance: &str) -> String {
    let instance = fit(instance, MAX_INSTANCE);
    let cluster = fit(cluster, MAX_NAME - PREFIX.len() - 1 - instance.len());
    format!("{PREFIX}{cluster}-{instance}")
}

/// What the names of the queues of all EC2 instances in `cluster` begin with. Others may begin so, too.
#[must_use]
pub fn prefix(cluster: &str) -> String {
    let room = MAX_NAME - PREFIX.len() - 1 - LONGEST_EC2;
    let shown = fit(cluster, room);
    // What is too long is cut, and how far depends on the instance's length.
    if shown == cluster { format!("{PREFIX}{shown}-") } else { format!("{PREFIX}{}", &shown[..room - HASH]) }
}

/// The EC2 instance in `cluster` whose queue would be called `queue`; `None`: that of none.
#[must_use]
pub fn instance<'q>(cluster: &str, queue: &'q str) -> Option<&'q str> {
    let (at, _) = queue.rmatch_indices("-i-").next()?;
    let instance = &queue[at + 1..];
    (is_ec2(instance) && queue_name(cluster, instance) == queue).then_some(instance)
}

/// Whether `text` is the id of an EC2 instance: `i-`, and 17 hex digits, or 8 of the older ones.
fn is_ec2(text: &str) -> bool {
    let digits = text.strip_prefix("i-").unwrap_or_default();
    [8, 17].contains(&digits.len()) && digits.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// `text` in the characters of a queue's name, at most `room` of them.
fn fit(text: &str, room: usize) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c } else { '-' };
    let fitting: String = text.chars().map(plain).collect();
    if fitting.len() <= room { fitting } else { shortened(&fitting, text, room) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert, prop_assert_eq, prop_assert_ne, prop_assume, proptest};

    use super::*;

    #[test]
    fn names_are_as_people_expect_them() {
        assert_eq!(queue_name("prod", "i-0a1b2c3d4e5f60001"), "ecs-resolver-prod-i-0a1b2c3d4e5f60001");
        assert_eq!(queue_name("My_Cluster", "mi-0a1b2c3d4e5f60001"), "ecs-resolver-My_Cluster-mi-0a1b2c3d4e5f60001");
        assert_eq!(queue_name("prod", "laptop.example.com"), "ecs-resolver-prod-laptop-example-com");
    }

    #[test]
    fn a_long_cluster_is_cut_and_hashed_so_that_the_whole_fits() {
        let exact = "c".repeat(47);
        let name = queue_name(&exact, "i-0a1b2c3d4e5f60001");
        assert_eq!((name.len(), name.as_str()), (80, format!("ecs-resolver-{exact}-i-0a1b2c3d4e5f60001").as_str()));
        let longer = queue_name(&"c".repeat(48), "i-0a1b2c3d4e5f60001");
        // SHA-256 of 48 times the letter c begins so.
        assert_eq!(longer, format!("ecs-resolver-{}-3cb5a29b-i-0a1b2c3d4e5f60001", "c".repeat(38)));
    }

    #[test]
    fn the_instance_is_found_in_the_name_of_its_queue_alone() {
        let queue = "ecs-resolver-prod-i-0a1b2c3d4e5f60001";
        assert_eq!(instance("prod", queue), Some("i-0a1b2c3d4e5f60001"));
        assert_eq!(instance("prod-eu", "ecs-resolver-prod-eu-i-0a1b2c3d"), Some("i-0a1b2c3d"));
        for (cluster, other) in [
            ("test", queue),
            ("prod", "ecs-resolver-prod-eu-i-0a1b2c3d4e5f60001"),
            ("prod", "ecs-resolver-prod-controller"),
            ("prod", "ecs-resolver-prod-laptop-example-com"),
            ("prod", "ecs-resolver-prod-mi-0a1b2c3d4e5f60001"),
            ("prod", "ecs-resolver-prod-i-0a1b2c3d4e5f6000g"),
            ("prod", "ecs-resolver-prod-i-0a1b2c3d4e5f60001-old"),
            ("prod", "somebody-elses-prod-i-0a1b2c3d4e5f60001"),
            ("prod", "ecs-resolver-prod-i-"),
            ("", "-i-"),
        ] {
            assert_eq!(instance(cluster, other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn queues_of_instances_are_found_by_prefix_and_cluster(
            cluster in "[A-Za-z0-9_-]{1,255}", other in "[A-Za-z0-9_-]{1,255}", id in "i-([0-9a-f]{8}|[0-9a-f]{17})",
        ) {
            let name = queue_name(&cluster, &id);
            prop_assert!(name.starts_with(&prefix(&cluster)), "{name}");
            prop_assert_eq!(instance(&cluster, &name), Some(id.as_str()));
            prop_assume!(cluster != other);
            prop_assert_eq!(instance(&other, &name), None);
        }

        #[test]
        fn every_name_is_one_that_sqs_takes(cluster in any::<String>(), instance in any::<String>()) {
            let name = queue_name(&cluster, &instance);
            prop_assert!(name.starts_with(PREFIX) && name.len() <= MAX_NAME, "{name}");
            prop_assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{name}");
            prop_assert_eq!(name, queue_name(&cluster, &instance));
        }

        #[test]
        fn clusters_and_hosts_of_ecs_have_names_of_their_own(
            a in "[A-Za-z0-9_-]{1,255}", b in "[A-Za-z0-9_-]{1,255}", i in "m?i-[0-9a-f]{17}", j in "m?i-[0-9a-f]{17}",
        ) {
            prop_assume!((&a, &i) != (&b, &j));
            prop_assert_ne!(queue_name(&a, &i), queue_name(&b, &j));
            prop_assert!(queue_name(&a, &i).ends_with(&format!("-{i}")), "the instance stays readable");
        }
    }
}
