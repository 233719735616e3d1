//! Whatever a message holds, reading it ends with an event or with an error of one short line.

use proptest::prelude::*;

use super::*;

const FIXTURES: &[&str] = &[
    fixture!("task-awsvpc-running"),
    fixture!("task-bridge-running"),
    fixture!("container-instance-draining"),
    fixture!("service-action-steady-state"),
    fixture!("deployment-completed"),
    fixture!("call-create-service"),
    fixture!("ec2-terminated"),
    fixture!("sns-notification"),
    fixture!("task-health"),
];

/// Reads it and checks the error, if there is one.
fn survives(body: &[u8]) {
    if let Err(error) = parse(body) {
        let told = error.to_string();
        assert!(told.len() < 2000 && !told.chars().any(char::is_control), "{told:?}");
    }
}

#[test]
fn what_is_no_event_is_told() {
    // body → what the error says
    let table = [
        ("", "it is empty"),
        (" \n ", "it is empty"),
        ("hello", "no JSON object"),
        ("[]", "no JSON object"),
        ("\"{}\"", "no JSON object"),
        ("{", "EOF while parsing"),
        ("{\"id\":\"x\"} trailing", "trailing characters"),
        ("{}", "no `detail-type`"),
        (r#"{"Service":"Amazon S3","Event":"s3:TestEvent"}"#, "no `detail-type`"),
        (r#"{"detail-type":"ECS Task State Change","source":"aws.ecs"}"#, "invalid type: null"),
        (r#"{"detail-type":"ECS Task State Change","source":"aws.ecs","detail":{}}"#, "missing field `taskArn`"),
        (r#"{"detail-type":"ECS Service Action","source":"aws.ecs","detail":{}}"#, "ARN of a service"),
        (r#"{"detail-type":7}"#, "expected a string"),
        ("{\"id\":\"\u{1}\"}", "control character"),
    ];
    for (body, says) in table {
        assert!(error(body).contains(says), "{body}: {}", error(body));
    }
    assert!(parse(b"{\"id\":\"\xff\"}").unwrap_err().to_string().contains("unicode"));
}

#[test]
fn what_a_task_must_have_is_missed() {
    for field in ["taskArn", "clusterArn", "taskDefinitionArn", "lastStatus", "desiredStatus"] {
        let body = changed(fixture!("task-bridge-running"), |detail| {
            detail.as_object_mut().unwrap().remove(field);
        });
        let told = error(&body);
        assert_eq!(told, format!("the event `ECS Task State Change` cannot be read: missing field `{field}`"));
        survives(changed(fixture!("task-bridge-running"), |detail| detail[field] = json!({"a": 1})).as_bytes());
    }
    let body = changed(fixture!("task-bridge-running"), |detail| detail["version"] = json!("3"));
    assert!(error(&body).contains("expected u64"), "without its version it would be taken for the latest");
}

#[test]
fn a_message_that_is_too_long_is_not_read() {
    let spaces = |length| " ".repeat(length) + fixture!("ec2-running");
    let fitting = spaces(MAX_BYTES - fixture!("ec2-running").len());
    assert!(matches!(parsed(&fitting), Detail::Ec2Instance { .. }));
    assert_eq!(parse((fitting + " ").as_bytes()), Err(EventError::TooLong(MAX_BYTES + 1)));
}

#[test]
fn depth_and_length_are_bounded() {
    let deep = |depth| "[".repeat(depth) + &"]".repeat(depth);
    // Where nothing is read, depth is only skipped.
    let tomorrow = format!("\"detail\": {{\"tomorrow\": {},", deep(400_000));
    assert_eq!(
        parsed(&fixture!("task-bridge-running").replace("\"detail\": {", &tomorrow)),
        parsed(fixture!("task-bridge-running"))
    );
    for place in ["containers", "group", "attachments"] {
        let body = changed(fixture!("task-bridge-running"), |detail| detail[place] = json!("HERE"));
        survives(body.replace("\"HERE\"", &deep(400_000)).as_bytes());
    }
    let body = changed(fixture!("task-bridge-running"), |detail| {
        detail["containers"] = vec![json!({}); 1001].into();
    });
    assert!(error(&body).contains("at most 1000"), "{}", error(&body));
}

#[test]
fn an_error_repeats_little_of_a_message() {
    let long = "x".repeat(1 << 18) + "\n\u{1b}[2J";
    for field in ["taskArn", "lastStatus", "version"] {
        survives(changed(fixture!("task-bridge-running"), |detail| detail[field] = json!(long)).as_bytes());
    }
    let event = json!({"id": long, "account": long, "region": long, "source": "aws.ec2",
        "detail-type": "EC2 Instance State-change Notification", "detail": {"instance-id": "i-1", "state": "stopped"}});
    let event = parse(event.to_string().as_bytes()).unwrap();
    assert!(event.id.len() < 300 && event.account.len() < 300 && event.region.len() < 300);
}

/// JSON of any shape, with the names of fields that are read among the keys.
fn any_json() -> impl Strategy<Value = Value> {
    let names = prop::sample::select(vec![
        "detail",
        "detail-type",
        "source",
        "version",
        "resources",
        "Type",
        "Message",
        "taskArn",
        "containers",
        "tasks",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        prop::sample::select(Kind::ALL.to_vec()).prop_map(|(_, name, _)| name.into()),
        Just("aws.ecs".into()),
    ];
    leaf.prop_recursive(4, 48, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((names.clone(), inner), 0..8)
                .prop_map(|pairs| pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
        ]
    })
}

/// Paths to all values of `value`.
fn places(value: &Value) -> Vec<String> {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(map) => {
            map.iter().map(|(key, value)| (key.replace('~', "~0").replace('/', "~1"), value)).collect()
        }
        Value::Array(list) => list.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect(),
        _ => Vec::new(),
    };
    let below = |(key, value): (String, &Value)| {
        let inner = places(value).into_iter().map(move |rest| format!("/{key}{rest}"));
        inner.collect::<Vec<_>>()
    };
    std::iter::once(String::new()).chain(children.into_iter().flat_map(below)).collect()
}

proptest! {
    #[test]
    fn any_json_is_survived(body in any_json()) {
        survives(body.to_string().as_bytes());
    }

    #[test]
    fn any_detail_is_survived(kind in prop::sample::select(Kind::ALL.to_vec()), detail in any_json()) {
        let (_, detail_type, source) = kind;
        let body = json!({"version": "0", "detail-type": detail_type, "source": source, "detail": detail});
        survives(body.to_string().as_bytes());
    }

    #[test]
    fn bytes_are_survived(
        fixture in prop::sample::select(FIXTURES.to_vec()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut body = fixture.as_bytes().to_vec();
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
        }
        body.truncate(cut.map_or(usize::MAX, |cut| cut.index(fixture.len())));
        survives(&body);
    }

    #[test]
    fn any_value_anywhere_is_survived(
        fixture in prop::sample::select(FIXTURES.to_vec()),
        at in any::<prop::sample::Index>(),
        value in any_json(),
    ) {
        let mut event: Value = serde_json::from_str(fixture).unwrap();
        let places = places(&event);
        *event.pointer_mut(&places[at.index(places.len())]).unwrap() = value;
        survives(event.to_string().as_bytes());
    }
}
