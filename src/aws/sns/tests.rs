use super::*;
use crate::aws::replay::{Replay, aws, config};

async fn sns(answers: &[(u16, &str)]) -> (Sns, Replay) {
    let replay = Replay::new(answers);
    let (aws, _) = aws(config(replay.clone())).await;
    (aws.sns, replay)
}

fn topic() -> TopicArn {
    TopicArn("arn:aws:sns:eu-central-1:123456789012:changes".to_owned())
}

fn queue() -> QueueArn {
    QueueArn("arn:aws:sqs:eu-central-1:123456789012:q".to_owned())
}

fn error(code: &str, message: &str) -> String {
    format!(
        "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><Error><Type>Sender</Type>\
         <Code>{code}</Code><Message>{message}</Message></Error><RequestId>1</RequestId></ErrorResponse>"
    )
}

fn page(members: &str, next: &str) -> String {
    format!(
        "<ListSubscriptionsByTopicResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\">\
         <ListSubscriptionsByTopicResult><Subscriptions>{members}</Subscriptions>{next}\
         </ListSubscriptionsByTopicResult></ListSubscriptionsByTopicResponse>"
    )
}

fn member(arn: &str, endpoint: &str) -> String {
    format!(
        "<member><SubscriptionArn>{arn}</SubscriptionArn><Protocol>sqs</Protocol><Endpoint>{endpoint}</Endpoint></member>"
    )
}

#[tokio::test]
async fn a_queue_is_subscribed_with_raw_delivery() {
    let answer = "<SubscribeResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><SubscribeResult>\
                  <SubscriptionArn>arn:s</SubscriptionArn></SubscribeResult></SubscribeResponse>";
    let (sns, replay) = sns(&[(200, answer)]).await;
    let subscribed = sns.subscribe(&topic(), &queue()).await.unwrap();
    assert_eq!(subscribed, Some(SubscriptionArn("arn:s".to_owned())));
    let body = &replay.bodies()[0];
    for part in ["Protocol=sqs", "Attributes.entry.1.key=RawMessageDelivery", "Attributes.entry.1.value=true"] {
        assert!(body.contains(part), "{body}");
    }
}

#[tokio::test]
async fn another_subscription_is_told_from_other_failures() {
    let exists = error("InvalidParameter", "Attributes Reason: Subscription already exists with different attributes");
    let denied = error("AuthorizationError", "User is not authorized");
    let gone = error("NotFound", "Topic does not exist");
    let odd = error("InvalidParameter", "TopicArn");
    let (sns, _) = sns(&[(400, &exists), (403, &denied), (404, &gone), (400, &odd)]).await;
    assert_eq!(sns.subscribe(&topic(), &queue()).await, Ok(None));
    for kind in [ApiErrorKind::Denied, ApiErrorKind::NotFound, ApiErrorKind::Other] {
        let error = sns.subscribe(&topic(), &queue()).await.unwrap_err();
        assert_eq!((error.operation, error.kind), ("sns:Subscribe", kind));
        assert!(error.message.contains(topic().as_str()) && error.message.contains(queue().as_str()), "{error}");
    }
}

#[tokio::test]
async fn a_subscription_is_found_on_any_page() {
    let others = [member("PendingConfirmation", queue().as_str()), member("arn:t", "arn:other")].concat();
    let first = page(&others, "<NextToken>more</NextToken>");
    let second = page(&member("arn:s", queue().as_str()), "");
    let (sns, _) = sns(&[(200, &first), (200, &second), (200, &page(&others, ""))]).await;
    let found = sns.subscriptions(&topic()).await.unwrap();
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(found[&queue()], SubscriptionArn("arn:s".to_owned()));
    assert_eq!(sns.subscriptions(&topic()).await.unwrap().get(&queue()), None);
}

#[tokio::test]
async fn a_subscription_that_is_gone_is_unsubscribed() {
    let (gone, denied) = (error("NotFound", "no such subscription"), error("AuthorizationError", "no"));
    let (sns, _) = sns(&[(404, &gone), (403, &denied)]).await;
    let subscription = SubscriptionArn("arn:s".to_owned());
    sns.unsubscribe(&subscription).await.unwrap();
    let error = sns.unsubscribe(&subscription).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "sns:Unsubscribe is not allowed: add sns:Unsubscribe to the role (subscription arn:s: AuthorizationError: no)"
    );
}
