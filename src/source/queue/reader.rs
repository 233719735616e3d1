//! Who reads a queue, and how that is written on it.

use super::ports::Tags;
use crate::ecs::Timestamp;

/// The tag that says which process reads the queue.
pub const OWNER: &str = "ecs-resolver:owner";
/// The tag that says for which cluster a queue of ours was made.
pub const CLUSTER: &str = "ecs-resolver:cluster";
/// The tag that says for which host a queue of ours was made.
pub const INSTANCE: &str = "ecs-resolver:instance";
/// The tag that says when its reader has last said to read it. It is written anew every few minutes, so a queue on which
/// it does not change is read by nobody.
pub const READ: &str = "ecs-resolver:read";
/// The tag that says which version of ours has opened the queue last.
pub const VERSION: &str = "ecs-resolver:version";

/// Longest value of a tag, in characters.
const MAX_VALUE: usize = 256;

/// This process, as a reader of queues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reader {
    cluster: String,
    instance: String,
    boot: u64,
}

impl Reader {
    /// This process on the host `instance` (its instance id, or the name of a host that has none), for `cluster`.
    /// `boot` is a random number that no other process has, and no other start of this one.
    #[must_use]
    pub fn new(cluster: &str, instance: &str, boot: u64) -> Self {
        Self { cluster: cluster.to_owned(), instance: instance.to_owned(), boot }
    }

    /// The cluster.
    #[must_use]
    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    /// The host.
    #[must_use]
    pub fn instance(&self) -> &str {
        &self.instance
    }

    /// What we write as owner: the boot id for us, the host for people.
    #[must_use]
    pub fn owner(&self) -> String {
        value(&format!("{:016x} {}", self.boot, self.instance))
    }

    /// Every tag of a queue of our own.
    #[must_use]
    pub fn tags(&self) -> Tags {
        let mut tags = self.identity();
        tags.insert(OWNER.to_owned(), self.owner());
        tags.insert(VERSION.to_owned(), env!("CARGO_PKG_VERSION").to_owned());
        tags
    }

    /// What says on any queue that this process reads it at `now`.
    #[must_use]
    pub fn claim(&self, now: Timestamp) -> Tags {
        [(OWNER, self.owner()), (READ, value(&format!("{now:.0}")))]
            .into_iter()
            .map(|(key, text)| (key.to_owned(), text))
            .collect()
    }

    /// Whether a queue with these tags was made for this host.
    #[must_use]
    pub fn has_made(&self, tags: &Tags) -> bool {
        self.identity().iter().all(|(key, value)| tags.get(key) == Some(value))
    }

    fn identity(&self) -> Tags {
        [(CLUSTER, &self.cluster), (INSTANCE, &self.instance)]
            .into_iter()
            .map(|(key, text)| (key.to_owned(), value(text)))
            .collect()
    }
}

/// `text` in the characters and the length that a tag may have.
fn value(text: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || " _.:/=+-@".contains(c) { c } else { '-' };
    text.chars().map(plain).take(MAX_VALUE).collect()
}
