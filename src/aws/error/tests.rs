use std::io;
use std::sync::Arc;

use super::*;
use crate::aws::replay::{Replay, anonymous, aws, config};
use crate::aws::resolver::{HostResolver, http_client};
use crate::source::ports::EcsApi;

async fn failure(status: u16, body: &str) -> ApiError {
    let (aws, _) = aws(config(Replay::new(&[(status, body)]))).await;
    aws.ecs.list_clusters().await.unwrap_err()
}

#[tokio::test]
async fn codes_of_ecs_have_a_kind() {
    for (code, kind) in [
        ("ThrottlingException", ApiErrorKind::Throttled),
        ("com.amazonaws.ecs#AccessDeniedException", ApiErrorKind::Denied),
        ("ExpiredTokenException", ApiErrorKind::Credentials),
        ("UnrecognizedClientException", ApiErrorKind::Credentials),
        ("ClusterNotFoundException", ApiErrorKind::NotFound),
        ("ClientException", ApiErrorKind::Other),
    ] {
        let error = failure(400, &format!(r#"{{"__type":"{code}","message":"because"}}"#)).await;
        assert_eq!((error.operation, error.kind), ("ecs:ListClusters", kind), "{code}");
        assert!(error.message.ends_with(": because"), "{}", error.message);
    }
    let by_status = failure(429, "{}").await;
    assert_eq!(by_status.kind, ApiErrorKind::Throttled, "{by_status}");
    assert_eq!(failure(500, "<html>").await.kind, ApiErrorKind::Other);
    assert_eq!(failure(200, "<html>").await.kind, ApiErrorKind::Other);
}

#[tokio::test]
async fn what_an_endpoint_says_becomes_one_bounded_line() {
    let long = format!(r#"{{"__type":"ServerException","message":"two\nlines {}"}}"#, "ä".repeat(400));
    let message = failure(400, &long).await.message;
    assert!(message.starts_with("ServerException: two lines ä") && message.ends_with("ä…"), "{message}");
    assert_eq!(message.chars().count(), MAX_MESSAGE);
}

#[tokio::test]
async fn no_connection_is_unreachable() {
    let (aws, seen) = aws(config(Replay::default())).await;
    let error = aws.ecs.list_clusters().await.unwrap_err();
    assert_eq!(error.kind, ApiErrorKind::Unreachable);
    assert_eq!(error.message, "connection refused");
    assert_eq!(*seen.lock().unwrap(), [("ecs:ListClusters", "unreachable")]);
}

struct NoDns;

#[async_trait::async_trait]
impl HostResolver for NoDns {
    async fn addresses(&self, _: &str) -> io::Result<Vec<std::net::IpAddr>> {
        Err(io::Error::new(io::ErrorKind::TimedOut, "no upstream answered"))
    }
}

#[tokio::test]
async fn an_endpoint_whose_name_is_not_resolved_is_unreachable() {
    let (aws, _) = aws(config(http_client(Arc::new(NoDns)))).await;
    let error = aws.ecs.list_clusters().await.unwrap_err();
    assert_eq!(error.kind, ApiErrorKind::Unreachable);
    let story = "no address of ecs.eu-central-1.amazonaws.com: no upstream answered";
    assert!(error.message.contains(story), "{}", error.message);
}

#[derive(Debug)]
struct NoCredentials;

impl aws_credential_types::provider::ProvideCredentials for NoCredentials {
    fn provide_credentials<'a>(&'a self) -> aws_credential_types::provider::future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        let error = CredentialsError::not_loaded("the role of this host was not found");
        aws_credential_types::provider::future::ProvideCredentials::ready(Err(error))
    }
}

#[tokio::test]
async fn credentials_that_cannot_be_loaded_are_a_matter_of_credentials() {
    let provider = aws_credential_types::provider::SharedCredentialsProvider::new(NoCredentials);
    let (aws, _) = aws(anonymous(Replay::default()).credentials_provider(provider)).await;
    let error = aws.ecs.list_clusters().await.unwrap_err();
    assert_eq!(error.kind, ApiErrorKind::Credentials);
    assert!(error.message.contains("the role of this host was not found"), "{}", error.message);
}

#[tokio::test]
async fn a_missing_region_is_told() {
    let (aws, _) = aws(config(Replay::default()).region(None)).await;
    let error = aws.ecs.list_clusters().await.unwrap_err();
    assert_eq!(error.kind, ApiErrorKind::Other);
    assert!(error.message.to_lowercase().contains("region"), "{}", error.message);
}

#[derive(Debug)]
struct SlowCredentials;

impl aws_credential_types::provider::ProvideCredentials for SlowCredentials {
    fn provide_credentials<'a>(&'a self) -> aws_credential_types::provider::future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        aws_credential_types::provider::future::ProvideCredentials::new(std::future::pending())
    }
}

#[tokio::test]
async fn credentials_that_do_not_come_in_time_are_a_matter_of_credentials() {
    let provider = aws_credential_types::provider::SharedCredentialsProvider::new(SlowCredentials);
    let cache = aws_config::identity::IdentityCache::lazy().load_timeout(std::time::Duration::from_millis(20)).build();
    let (aws, _) = aws(anonymous(Replay::default()).credentials_provider(provider).identity_cache(cache)).await;
    let error = aws.ecs.list_clusters().await.unwrap_err();
    assert_eq!(error.kind, ApiErrorKind::Credentials, "{error}");
}
