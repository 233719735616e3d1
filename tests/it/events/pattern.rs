//! Matches events with a pattern as EventBridge does, as far as our rule goes: exact values, `prefix`,
//! `anything-but`, `exists` and `$or`.

use serde_json::{Map, Value, json};

/// Whether a rule of this pattern passes `event`.
///
/// # Panics
/// If the pattern holds something that is not known here.
pub fn passes(pattern: &Value, event: &Value) -> bool {
    let pattern = pattern.as_object().unwrap_or_else(|| panic!("an object is expected: {pattern}"));
    pattern.iter().all(|(field, wanted)| match (field.as_str(), wanted) {
        ("$or", Value::Array(branches)) => branches.iter().any(|branch| passes(branch, event)),
        (_, Value::Object(_)) => event.get(field).is_some_and(|inner| passes(wanted, inner)),
        (_, Value::Array(any_of)) => any_of.iter().any(|matcher| matches(matcher, event.get(field))),
        _ => panic!("{field}: a list or an object is expected: {wanted}"),
    })
}

/// One matcher against the field, which may be missing. A list matches if one of its values does.
fn matches(matcher: &Value, given: Option<&Value>) -> bool {
    let values: Vec<&Value> = match given {
        Some(Value::Array(values)) => values.iter().collect(),
        Some(value) => vec![value],
        None => Vec::new(),
    };
    match matcher {
        Value::Object(operator) => operate(operator, &values),
        exact => values.contains(&exact),
    }
}

fn operate(operator: &Map<String, Value>, values: &[&Value]) -> bool {
    let (name, operand) = operator.iter().next().expect("an operator");
    assert_eq!(operator.len(), 1, "one operator at a time: {operator:?}");
    let starts = |value: &Value| value.as_str().is_some_and(|text| text.starts_with(operand.as_str().expect("a text")));
    match name.as_str() {
        "exists" => operand.as_bool().expect("true or false") != values.is_empty(),
        "prefix" => values.iter().any(|value| starts(value)),
        "anything-but" => values.iter().any(|value| !matches(operand, Some(value)) && !listed(operand, value)),
        other => panic!("`{other}` is not known here"),
    }
}

fn listed(operand: &Value, value: &Value) -> bool {
    operand.as_array().is_some_and(|list| list.contains(value))
}

#[test]
fn patterns_match_as_eventbridge_documents() {
    let event = json!({"source": "aws.ecs", "resources": ["arn:1", "arn:2"], "detail": {"status": "RUNNING", "n": 5}});
    // pattern → whether it passes
    let table = [
        (json!({}), true),
        (json!({"source": ["aws.ec2", "aws.ecs"]}), true),
        (json!({"source": ["aws"]}), false),
        (json!({"source": [{"prefix": "aws."}]}), true),
        (json!({"source": [{"prefix": "ecs"}]}), false),
        (json!({"resources": ["arn:2"]}), true),
        (json!({"resources": [{"prefix": "arn:"}]}), true),
        (json!({"resources": ["arn:3"]}), false),
        (json!({"detail": {"status": ["RUNNING"], "n": [5]}}), true),
        (json!({"detail": {"status": ["RUNNING"], "n": [6]}}), false),
        (json!({"detail": {"n": ["5"]}}), false),
        (json!({"detail": {"status": [{"anything-but": "STOPPED"}]}}), true),
        (json!({"detail": {"status": [{"anything-but": ["STOPPED", "RUNNING"]}]}}), false),
        (json!({"detail": {"status": [{"anything-but": {"prefix": "RUN"}}]}}), false),
        (json!({"detail": {"tomorrow": [{"anything-but": "STOPPED"}]}}), false),
        (json!({"detail": {"tomorrow": [{"exists": false}]}}), true),
        (json!({"detail": {"tomorrow": [{"exists": true}]}}), false),
        (json!({"detail": {"n": [{"exists": true}]}}), true),
        (json!({"tomorrow": {"n": [5]}}), false),
        (json!({"$or": [{"source": ["aws.ec2"]}, {"detail": {"n": [5]}}]}), true),
        (json!({"$or": [{"source": ["aws.ec2"]}, {"detail": {"n": [6]}}]}), false),
        (json!({"source": ["aws.ec2"], "$or": [{"detail": {"n": [5]}}, {"detail": {"n": [6]}}]}), false),
    ];
    for (pattern, expected) in table {
        assert_eq!(passes(&pattern, &event), expected, "{pattern}");
    }
}
