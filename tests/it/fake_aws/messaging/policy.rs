//! Whether a queue's policy lets a topic send to it: as much of IAM's rules as queues of this kind need.

use serde_json::Value;

/// Whether `policy` allows SNS to send messages of `topic`.
pub fn lets_send(policy: &str, topic: &str) -> bool {
    let policy: Value = serde_json::from_str(policy).unwrap_or_default();
    let statements = each(&policy["Statement"]);
    let matching =
        |effect: &str| statements.iter().any(|statement| statement["Effect"] == effect && applies(statement, topic));
    matching("Allow") && !matching("Deny")
}

fn applies(statement: &Value, topic: &str) -> bool {
    let principal = &statement["Principal"];
    let to_sns = principal == "*"
        || principal["AWS"] == "*"
        || each(&principal["Service"]).iter().any(|service| *service == "sns.amazonaws.com");
    let action = each(&statement["Action"]).iter().any(|action| {
        let action = action.as_str().unwrap_or_default().to_ascii_lowercase();
        ["sqs:sendmessage", "sqs:*", "*"].contains(&action.as_str())
    });
    let conditions = statement["Condition"].as_object();
    to_sns && action && conditions.is_none_or(|all| all.iter().all(|(test, of)| holds(test, of, topic)))
}

/// Conditions on the source; any other cannot hold, so that nobody relies on what the fake does not know.
fn holds(test: &str, of: &Value, topic: &str) -> bool {
    let exact = ["ArnEquals", "ArnLike", "StringEquals", "StringLike"].contains(&test);
    let all = of.as_object();
    exact
        && all.is_some_and(|all| {
            all.iter().all(|(key, values)| {
                let wanted = match key.to_ascii_lowercase().as_str() {
                    "aws:sourcearn" => Some(topic),
                    "aws:sourceaccount" => topic.split(':').nth(4),
                    _ => None,
                };
                wanted.is_some_and(|wanted| each(values).iter().any(|value| *value == wanted))
            })
        })
}

/// One value, or each of many.
fn each(value: &Value) -> Vec<&Value> {
    value.as_array().map_or_else(|| vec![value], |many| many.iter().collect())
}
