//! SQS: AWS JSON 1.0 in and out. Receiving waits, so it is the one operation here that is async.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use super::ecs_api::Reads;
use super::error::AwsError;
use super::knobs::Manner;
use super::lock;
use super::messaging::{Delivered, Messaging, Queue, Settings, check_tags, tags_of};
use super::op::Op;
use super::page;
use super::world::{ACCOUNT, REGION};

/// Largest message, in bytes.
const MAX_MESSAGE: usize = 1 << 20;
/// Most queues in a list, or on a page of it.
const LIST: u64 = 1_000;

/// How many messages the request is about.
pub fn batch(input: &Value) -> usize {
    input.get("Entries").and_then(Value::as_array).map_or(0, Vec::len)
}

/// Answers a request other than `ReceiveMessage`.
pub fn answer(op: Op, input: &Value, messaging: &mut Messaging, manner: Manner) -> Result<Value, AwsError> {
    let url = input.text("QueueUrl").unwrap_or_default();
    match op {
        Op::ListQueues => list_queues(input, messaging, manner),
        Op::CreateQueue => create_queue(input, messaging),
        Op::GetQueueUrl => {
            let name = input.text("QueueName").unwrap_or_default();
            messaging.at(name).map(|_| json!({ "QueueUrl": url_of(name) }))
        }
        Op::GetQueueAttributes => get_queue_attributes(input, messaging.at(url)?),
        Op::SetQueueAttributes => messaging.at(url)?.settings.set(input).map(|()| json!({})),
        Op::DeleteMessage => {
            messaging.at(url)?.delete(input.text("ReceiptHandle").unwrap_or_default()).map(|()| json!({}))
        }
        Op::DeleteMessageBatch => delete_message_batch(input, messaging.at(url)?),
        Op::ListQueueTags => Ok(json!({ "Tags": messaging.at(url)?.tags })),
        Op::TagQueue => {
            let queue = messaging.at(url)?;
            let mut tags = queue.tags.clone();
            tags.extend(tags_of(input, "Tags")?);
            check_tags(&tags)?;
            queue.tags = tags;
            Ok(json!({}))
        }
        Op::DeleteQueue => {
            messaging.at(url)?;
            messaging.delete_queue(url.rsplit('/').next().unwrap_or_default());
            Ok(json!({}))
        }
        _ => send_message(input, messaging),
    }
}

fn url_of(name: &str) -> String {
    format!("https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}")
}

/// Only who asks for a number of queues learns that there are more.
fn list_queues(input: &Value, messaging: &Messaging, manner: Manner) -> Result<Value, AwsError> {
    let prefix = input.text("QueueNamePrefix").unwrap_or_default();
    let names = messaging.queues.keys().filter(|name| name.starts_with(prefix));
    let urls: Vec<_> = names.map(|name| url_of(name)).collect();
    let paged = input.get("MaxResults").is_some_and(|most| !most.is_null());
    let most = usize::try_from(number(input, "MaxResults", LIST, 1..=LIST)?).expect("at most a thousand");
    let token = input.text("NextToken");
    let page = page::cut(Op::ListQueues, &urls, token, manner.page_size(most), manner.page_style)
        .ok_or_else(|| AwsError::bad_request("InvalidParameterValue", "Invalid NextToken value."))?;
    let mut answer = json!({});
    if !page.items.is_empty() {
        answer["QueueUrls"] = json!(page.items);
    }
    if let Some(next) = page.next.filter(|_| paged) {
        answer["NextToken"] = json!(next);
    }
    Ok(answer)
}

fn create_queue(input: &Value, messaging: &mut Messaging) -> Result<Value, AwsError> {
    let name = input.text("QueueName").unwrap_or_default();
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if !(1..=80).contains(&name.len()) || !plain {
        let message = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length";
        return Err(AwsError::bad_request("InvalidParameterValue", message));
    }
    let tags = tags_of(input, "tags")?;
    let (url, _) = messaging.create(name, Settings::of(input)?, tags)?;
    Ok(json!({ "QueueUrl": url }))
}

fn get_queue_attributes(input: &Value, queue: &Queue) -> Result<Value, AwsError> {
    let (seen, hidden) = queue.counts();
    let mut all = queue.settings.all();
    for (name, value) in [
        ("QueueArn", queue.arn.clone()),
        ("ApproximateNumberOfMessages", seen.to_string()),
        ("ApproximateNumberOfMessagesNotVisible", hidden.to_string()),
        ("ApproximateNumberOfMessagesDelayed", "0".to_owned()),
    ] {
        all.insert(name.to_owned(), value);
    }
    let asked = input.list("AttributeNames");
    let known = |name: &&str| *name == "All" || *name == "Policy" || all.contains_key(*name);
    if let Some(unknown) = asked.iter().find(|name| !known(name)) {
        return Err(AwsError::bad_request("InvalidAttributeName", format!("Unknown Attribute {unknown}.")));
    }
    if !asked.contains(&"All") {
        all.retain(|name, _| asked.contains(&name.as_str()));
    }
    Ok(if all.is_empty() { json!({}) } else { json!({ "Attributes": all }) })
}

fn delete_message_batch(input: &Value, queue: &mut Queue) -> Result<Value, AwsError> {
    let entries = input.get("Entries").and_then(Value::as_array).cloned().unwrap_or_default();
    let ids: std::collections::BTreeSet<_> = entries.iter().filter_map(|entry| entry.text("Id")).collect();
    match entries.len() {
        0 => {
            let message = "There should be at least one DeleteMessageBatchRequestEntry in the request.";
            return Err(AwsError::bad_request("EmptyBatchRequest", message));
        }
        1..=10 => {}
        many => {
            let message = format!("Maximum number of entries per request are 10. You have sent {many}.");
            return Err(AwsError::bad_request("TooManyEntriesInBatchRequest", message));
        }
    }
    if ids.len() < entries.len() {
        return Err(AwsError::bad_request("BatchEntryIdsNotDistinct", "Two or more batch entries have the same Id."));
    }
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for entry in &entries {
        let id = entry.text("Id").unwrap_or_default();
        match queue.delete(entry.text("ReceiptHandle").unwrap_or_default()) {
            Ok(()) => successful.push(json!({ "Id": id })),
            Err(error) => {
                failed.push(json!({ "Id": id, "SenderFault": true, "Code": error.code, "Message": error.message }));
            }
        }
    }
    let lists = [("Successful", successful), ("Failed", failed)];
    let lists = lists.into_iter().filter(|(_, list)| !list.is_empty());
    Ok(Value::Object(lists.map(|(name, list)| (name.to_owned(), list.into())).collect::<Map<_, _>>()))
}

fn send_message(input: &Value, messaging: &mut Messaging) -> Result<Value, AwsError> {
    let (url, body) = (input.text("QueueUrl").unwrap_or_default(), input.text("MessageBody").unwrap_or_default());
    messaging.at(url)?;
    if body.is_empty() || body.len() > MAX_MESSAGE {
        let message =
            format!("One or more parameters are invalid. Reason: Message must be shorter than {MAX_MESSAGE} bytes.");
        return Err(AwsError::bad_request("InvalidParameterValue", message));
    }
    let delay = number(input, "DelaySeconds", 0, 0..=900)?;
    let name = url.rsplit('/').next().unwrap_or_default();
    Ok(json!({ "MessageId": messaging.send_later(name, body, Duration::from_secs(delay)) }))
}

/// Answers `ReceiveMessage`: at once if there are messages, else when one arrives, else empty after the wait. Nothing
/// is locked while it waits, and nothing is taken for a caller who has gone.
pub async fn receive(input: &Value, messaging: &Mutex<Messaging>) -> Result<Value, AwsError> {
    let url = input.text("QueueUrl").unwrap_or_default();
    let most = number(input, "MaxNumberOfMessages", 1, 1..=10)?;
    let most = usize::try_from(most).expect("at most ten");
    let set = lock(messaging).at(url)?.settings.wait().as_secs();
    let wait = number(input, "WaitTimeSeconds", set, 0..=20)?;
    let given = input.get("VisibilityTimeout").is_some_and(|given| !given.is_null());
    let visibility = number(input, "VisibilityTimeout", 0, 0..=43_200).map(Duration::from_secs)?;
    let visibility = given.then_some(visibility);
    let deadline = Instant::now() + Duration::from_secs(wait);
    loop {
        let arrived = Arc::clone(&lock(messaging).at(url)?.arrived);
        // Begun before the look, so that nothing arrives unnoticed between the two.
        let arrival = arrived.notified();
        let (found, next) = lock(messaging).take(url, most, visibility)?;
        if !found.is_empty() {
            return Ok(json!({ "Messages": found.iter().map(|one| message(one, input)).collect::<Vec<_>>() }));
        }
        if Instant::now() >= deadline {
            return Ok(json!({}));
        }
        let until = next.map_or(deadline, |next| next.min(deadline));
        // Either way it looks again.
        let _ = tokio::time::timeout_at(until.into(), arrival).await;
    }
}

fn message(delivered: &Delivered, input: &Value) -> Value {
    let mut value = json!({ "MessageId": delivered.id, "ReceiptHandle": delivered.receipt, "Body": delivered.body });
    let asked = [input.list("MessageSystemAttributeNames"), input.list("AttributeNames")].concat();
    if asked.iter().any(|name| ["All", "ApproximateReceiveCount"].contains(name)) {
        value["Attributes"] = json!({ "ApproximateReceiveCount": delivered.received.to_string() });
    }
    value
}

fn number(input: &Value, member: &str, default: u64, range: std::ops::RangeInclusive<u64>) -> Result<u64, AwsError> {
    let Some(given) = input.get(member).filter(|given| !given.is_null()) else { return Ok(default) };
    given.as_u64().filter(|number| range.contains(number)).ok_or_else(|| {
        let (least, most) = range.into_inner();
        let message = format!(
            "Value {given} for parameter {member} is invalid. Reason: Must be >= {least} and <= {most}, if provided."
        );
        AwsError::bad_request("InvalidParameterValue", message)
    })
}
