//! One topic and who is subscribed to it.

use std::collections::BTreeMap;

/// A topic.
#[derive(Debug, Default)]
pub struct Topic {
    /// In order of their making.
    pub subscriptions: Vec<Subscription>,
}

/// The subscription of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    pub arn: String,
    /// The queue's ARN.
    pub endpoint: String,
    /// `RawMessageDelivery` and the like, as they were set.
    pub attributes: BTreeMap<String, String>,
}

impl Subscription {
    /// Whether messages come without SNS's envelope.
    pub fn is_raw(&self) -> bool {
        self.attributes.get("RawMessageDelivery").is_some_and(|raw| raw.eq_ignore_ascii_case("true"))
    }
}
