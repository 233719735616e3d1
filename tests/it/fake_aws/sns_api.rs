//! SNS: the query protocol. Only queues can be subscribed here.

use std::collections::BTreeMap;
use std::time::Duration;

use super::error::AwsError;
use super::knobs::Manner;
use super::messaging::{Messaging, Subscription};
use super::op::{Api, Op};
use super::page;
use super::query::{Element, Params, REQUEST_ID, el, namespace, text};
use super::world::ACCOUNT;

/// Subscriptions on a page, whatever the caller would like.
const PAGE: usize = 100;
/// Largest message, in bytes.
const MAX_MESSAGE: usize = 256 << 10;
/// Attributes of a subscription that the fake knows.
const ATTRIBUTES: [&str; 4] = ["RawMessageDelivery", "FilterPolicy", "FilterPolicyScope", "RedrivePolicy"];

/// Answers a request.
pub fn answer(op: Op, params: &Params, messaging: &mut Messaging, manner: Manner) -> Result<String, AwsError> {
    let result = match op {
        Op::Subscribe => subscribe(params, messaging)?,
        Op::ListSubscriptionsByTopic => list_subscriptions(op, params, messaging, manner)?,
        Op::GetSubscriptionAttributes => get_attributes(params, messaging)?,
        Op::SetSubscriptionAttributes => set_attributes(params, messaging)?,
        Op::Unsubscribe => {
            let arn = params.get("SubscriptionArn").unwrap_or_default();
            messaging.topics.values_mut().for_each(|topic| topic.subscriptions.retain(|one| one.arn != arn));
            Vec::new()
        }
        _ => publish(params, messaging)?,
    };
    let (response, wrapper) = names(op);
    // These two have no result, so AWS does not wrap one.
    let empty = matches!(op, Op::SetSubscriptionAttributes | Op::Unsubscribe);
    let mut parts = if empty { Vec::new() } else { vec![el(wrapper, result)] };
    parts.push(el("ResponseMetadata", vec![text("RequestId", REQUEST_ID)]));
    Ok(el(response, parts).document(namespace(Api::Sns)))
}

fn names(op: Op) -> (&'static str, &'static str) {
    match op {
        Op::Subscribe => ("SubscribeResponse", "SubscribeResult"),
        Op::ListSubscriptionsByTopic => ("ListSubscriptionsByTopicResponse", "ListSubscriptionsByTopicResult"),
        Op::GetSubscriptionAttributes => ("GetSubscriptionAttributesResponse", "GetSubscriptionAttributesResult"),
        Op::SetSubscriptionAttributes => ("SetSubscriptionAttributesResponse", ""),
        Op::Unsubscribe => ("UnsubscribeResponse", ""),
        _ => ("PublishResponse", "PublishResult"),
    }
}

fn not_found(what: &str) -> AwsError {
    AwsError { status: 404, code: "NotFound", message: format!("{what} does not exist") }
}

fn invalid(what: &str) -> AwsError {
    AwsError::bad_request("InvalidParameter", format!("Invalid parameter: {what}"))
}

fn topic_of(params: &Params, messaging: &Messaging) -> Result<String, AwsError> {
    let arn = params.get("TopicArn").unwrap_or_default();
    if messaging.topics.contains_key(arn) { Ok(arn.to_owned()) } else { Err(not_found("Topic")) }
}

fn subscribe(params: &Params, messaging: &mut Messaging) -> Result<Vec<Element>, AwsError> {
    let topic = topic_of(params, messaging)?;
    if params.get("Protocol") != Some("sqs") {
        return Err(invalid("the fake knows no protocol but sqs"));
    }
    let endpoint = params.get("Endpoint").unwrap_or_default();
    if endpoint.split(':').nth(2) != Some("sqs") {
        return Err(invalid("SQS endpoint ARN"));
    }
    let mut attributes = BTreeMap::new();
    for (key, value) in params.entries("Attributes.entry") {
        judge(&key, &value)?;
        attributes.insert(key, value);
    }
    let known = messaging.topics.get(&topic).expect("it was found");
    if let Some(there) = known.subscriptions.iter().find(|one| one.endpoint == endpoint) {
        if there.attributes != attributes {
            return Err(invalid("Attributes Reason: Subscription already exists with different attributes"));
        }
        return Ok(vec![text("SubscriptionArn", &there.arn)]);
    }
    let made = Subscription { arn: messaging.next_subscription(&topic), endpoint: endpoint.to_owned(), attributes };
    let result = vec![text("SubscriptionArn", &made.arn)];
    messaging.topics.entry(topic).or_default().subscriptions.push(made);
    Ok(result)
}

fn judge(key: &str, value: &str) -> Result<(), AwsError> {
    let boolean = value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false");
    if !ATTRIBUTES.contains(&key) {
        return Err(invalid("AttributeName"));
    }
    if key == "RawMessageDelivery" && !boolean {
        return Err(invalid("AttributeValue Reason: RawMessageDelivery: Invalid value"));
    }
    Ok(())
}

fn list_subscriptions(
    op: Op,
    params: &Params,
    messaging: &Messaging,
    manner: Manner,
) -> Result<Vec<Element>, AwsError> {
    let topic = topic_of(params, messaging)?;
    let member = |one: &Subscription| {
        let parts = vec![
            text("SubscriptionArn", &one.arn),
            text("Owner", ACCOUNT),
            text("Protocol", "sqs"),
            text("Endpoint", &one.endpoint),
            text("TopicArn", &topic),
        ];
        el("member", parts)
    };
    let all: Vec<_> = messaging.topics[&topic].subscriptions.iter().map(member).collect();
    let page = page::cut(op, &all, params.get("NextToken"), manner.page_size(PAGE), manner.page_style)
        .ok_or_else(|| invalid("NextToken"))?;
    let mut result = vec![el("Subscriptions", page.items)];
    result.extend(page.next.map(|token| text("NextToken", token)));
    Ok(result)
}

fn find<'m>(params: &Params, messaging: &'m mut Messaging) -> Result<(String, &'m mut Subscription), AwsError> {
    let arn = params.get("SubscriptionArn").unwrap_or_default();
    let all = messaging
        .topics
        .iter_mut()
        .flat_map(|(topic, known)| known.subscriptions.iter_mut().map(move |one| (topic.clone(), one)));
    { all }.find(|(_, one)| one.arn == arn).ok_or_else(|| not_found("Subscription"))
}

fn get_attributes(params: &Params, messaging: &mut Messaging) -> Result<Vec<Element>, AwsError> {
    let (topic, found) = find(params, messaging)?;
    let mut all = found.attributes.clone();
    all.entry("RawMessageDelivery".to_owned()).or_insert_with(|| "false".to_owned());
    let fixed = [
        ("SubscriptionArn", found.arn.clone()),
        ("Owner", ACCOUNT.to_owned()),
        ("Protocol", "sqs".to_owned()),
        ("Endpoint", found.endpoint.clone()),
        ("TopicArn", topic),
        ("PendingConfirmation", "false".to_owned()),
    ];
    all.extend(fixed.map(|(key, value)| (key.to_owned(), value)));
    let entries = all.iter().map(|(key, value)| el("entry", vec![text("key", key), text("value", value)]));
    Ok(vec![el("Attributes", entries.collect())])
}

fn set_attributes(params: &Params, messaging: &mut Messaging) -> Result<Vec<Element>, AwsError> {
    let (key, value) = (params.get("AttributeName"), params.get("AttributeValue"));
    let (key, value) = (key.unwrap_or_default(), value.unwrap_or_default());
    judge(key, value)?;
    find(params, messaging)?.1.attributes.insert(key.to_owned(), value.to_owned());
    Ok(Vec::new())
}

fn publish(params: &Params, messaging: &mut Messaging) -> Result<Vec<Element>, AwsError> {
    let topic = topic_of(params, messaging)?;
    let message = params.get("Message").unwrap_or_default();
    if message.is_empty() {
        return Err(invalid("Empty message"));
    }
    if message.len() > MAX_MESSAGE {
        return Err(invalid("Message too long"));
    }
    Ok(vec![text("MessageId", messaging.publish(&topic, message, Duration::ZERO))])
}
