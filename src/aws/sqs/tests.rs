use super::*;
use crate::aws::replay::{Replay, Seen, aws, config};

const URL: &str = "https://sqs.eu-central-1.amazonaws.com/123456789012/ecs-resolver-prod-i-1";

async fn sqs(answers: &[(u16, &str)]) -> (Sqs, Replay, Seen) {
    let replay = Replay::new(answers);
    let (aws, seen) = aws(config(replay.clone())).await;
    (aws.sqs, replay, seen)
}

fn url() -> QueueUrl {
    QueueUrl(URL.to_owned())
}

fn settings() -> QueueSettings {
    QueueSettings {
        retention: Duration::from_mins(5),
        wait: Duration::from_secs(20),
        visibility: Duration::from_secs(30),
        policy: Some("{}".to_owned()),
    }
}

#[tokio::test]
async fn a_receive_asks_for_as_much_and_waits_as_long_as_it_may() {
    let answer = r#"{"Messages":[{"MessageId":"m1","ReceiptHandle":"r1","Body":"{}"},{"MessageId":"m2","Body":"x"}]}"#;
    let (sqs, replay, seen) = sqs(&[(200, answer), (200, "{}")]).await;
    let message = QueueMessage { id: "m1".to_owned(), body: "{}".to_owned(), receipt: "r1".to_owned() };
    assert_eq!(sqs.receive(&url()).await.unwrap(), [message]);
    assert_eq!(sqs.receive(&url()).await.unwrap(), []);
    let body = &replay.bodies()[0];
    assert!(body.contains(r#""WaitTimeSeconds":20"#) && body.contains(r#""MaxNumberOfMessages":10"#), "{body}");
    assert!(body.contains(URL), "{body}");
    assert_eq!(*seen.lock().unwrap(), [("sqs:ReceiveMessage", "ok"); 2]);
}

#[tokio::test]
async fn a_receive_has_time_for_its_wait_and_is_not_repeated_by_the_sdk() {
    let replay = Replay::new(&[(500, "{}"), (500, "{}"), (500, "{}"), (500, "{}"), (500, "{}")]);
    let retries = RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(1));
    let sdk = config(replay.clone()).retry_config(retries).timeout_config(crate::aws::timeouts());
    let (aws, _) = aws(sdk).await;
    aws.sqs.receive(&url()).await.unwrap_err();
    assert_eq!(replay.sent().len(), 1);
    aws.sqs.tags(&url()).await.unwrap_err();
    assert_eq!(replay.sent().len(), 4, "other calls are");
    let timeouts = aws.sqs.polling.config().timeout_config().unwrap();
    for timeout in [timeouts.operation_timeout(), timeouts.operation_attempt_timeout()] {
        assert!(timeout.unwrap() > Duration::from_secs(20));
    }
    assert_eq!(timeouts.connect_timeout(), Some(CONNECT_TIMEOUT));
    assert!(timeouts.read_timeout().is_none_or(|timeout| timeout > Duration::from_secs(20)));
}

#[tokio::test]
async fn an_error_names_the_action_and_the_queue() {
    let denied = r#"{"__type":"com.amazonaws.sqs#AccessDeniedException","message":"not authorized"}"#;
    let (sqs, ..) = sqs(&[(403, denied)]).await;
    let error = sqs.receive(&url()).await.unwrap_err();
    assert_eq!((error.operation, error.kind), ("sqs:ReceiveMessage", ApiErrorKind::Denied));
    let text = error.to_string();
    assert!(text.contains("add sqs:ReceiveMessage to the role"), "{text}");
    assert!(text.contains("queue ecs-resolver-prod-i-1: AccessDeniedException: not authorized"), "{text}");
}

#[tokio::test]
async fn a_queue_that_is_not_there_is_not_found_in_both_spellings() {
    for code in ["com.amazonaws.sqs#QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"] {
        let answer = format!(r#"{{"__type":"{code}","message":"The specified queue does not exist."}}"#);
        let (sqs, ..) = sqs(&[(400, answer.as_str()), (400, answer.as_str())]).await;
        assert_eq!(sqs.receive(&url()).await.unwrap_err().kind, ApiErrorKind::NotFound, "{code}");
        assert_eq!(sqs.find_queue("q").await.unwrap(), None);
    }
}

#[tokio::test]
async fn creating_tells_what_stands_in_the_way() {
    for (code, kind) in [
        ("QueueDeletedRecently", ApiErrorKind::NotYet),
        ("AWS.SimpleQueueService.QueueDeletedRecently", ApiErrorKind::NotYet),
        ("RequestThrottled", ApiErrorKind::Throttled),
    ] {
        let answer = format!(r#"{{"__type":"{code}","message":"wait"}}"#);
        let (sqs, ..) = sqs(&[(400, answer.as_str())]).await;
        assert_eq!(sqs.create_queue("q", &settings(), &Tags::new()).await.unwrap_err().kind, kind, "{code}");
    }
    for code in EXISTS {
        let answer = format!(r#"{{"__type":"{code}","message":"A queue already exists"}}"#);
        let (sqs, ..) = sqs(&[(400, answer.as_str())]).await;
        assert_eq!(sqs.create_queue("q", &settings(), &Tags::new()).await, Ok(None), "{code}");
    }
}

#[tokio::test]
async fn a_queue_is_created_and_set_with_its_policy() {
    let (sqs, replay, _) = sqs(&[(200, &format!(r#"{{"QueueUrl":"{URL}"}}"#)), (200, "{}")]).await;
    let tags = Tags::from([("team".to_owned(), "a".to_owned())]);
    assert_eq!(sqs.create_queue("q", &settings(), &tags).await.unwrap(), Some(url()));
    sqs.set_queue(&url(), &settings()).await.unwrap();
    let bodies = replay.bodies();
    assert!(bodies.iter().all(|body| body.contains(r#""MessageRetentionPeriod":"300""#)), "{bodies:?}");
    assert!(bodies[0].contains(r#""team":"a""#), "{}", bodies[0]);
    assert!(bodies.iter().all(|body| body.contains(r#""Policy":"{}""#)), "{bodies:?}");
}

#[tokio::test]
async fn a_queue_is_described() {
    let answer = r#"{"Attributes":{"QueueArn":"arn:q","MessageRetentionPeriod":"300","VisibilityTimeout":"30",
        "ReceiveMessageWaitTimeSeconds":"20","Policy":"{}","ApproximateNumberOfMessages":"7",
        "ApproximateNumberOfMessagesNotVisible":"2","SqsManagedSseEnabled":"true"}}"#;
    let (sqs, ..) = sqs(&[(200, answer), (200, "{}")]).await;
    let queue = sqs.describe_queue(&url()).await.unwrap();
    assert_eq!(queue, Queue { arn: QueueArn("arn:q".to_owned()), settings: settings(), waiting: 7, in_flight: 2 });
    assert_eq!(sqs.describe_queue(&url()).await.unwrap_err().kind, ApiErrorKind::Other);
}

#[tokio::test]
async fn what_is_not_deleted_is_told_with_its_reason() {
    let answer = r#"{"Successful":[{"Id":"0"}],"Failed":[
        {"Id":"1","Code":"ReceiptHandleIsInvalid","Message":"expired","SenderFault":true},
        {"Id":"2","Code":"InternalError","SenderFault":false}]}"#;
    let (sqs, replay, seen) = sqs(&[(200, answer)]).await;
    assert_eq!(sqs.delete_messages(&url(), &[]).await.unwrap(), []);
    let receipts = ["a", "b", "c"].map(str::to_owned);
    let failed = sqs.delete_messages(&url(), &receipts).await.unwrap();
    let not_deleted = |expired, reason: &str| NotDeleted { expired, reason: reason.to_owned() };
    assert_eq!(failed, [not_deleted(true, "ReceiptHandleIsInvalid: expired"), not_deleted(false, "InternalError")]);
    assert_eq!(replay.sent().len(), 1, "nothing is asked for nothing");
    assert_eq!(*seen.lock().unwrap(), [("sqs:DeleteMessage", "ok")]);
}
