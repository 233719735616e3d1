//! The fake AWS, seen through the real SDK: if these fail, no other test here means anything.

mod ec2;
mod ecs;
mod ecs_fields;
mod ecs_lists;
mod elb;
mod events;
mod imds;
mod knobs;
mod model;
mod route53;
mod sns;
mod sqs;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;

use crate::fake_aws::FakeAws;

/// What every SDK client needs to reach the fake; no retries.
async fn sdk(fake: &FakeAws) -> SdkConfig {
    let credentials = Credentials::new("AKIDTEST", "secret", None, None, "test");
    let config = aws_config::defaults(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(fake.endpoint_url())
        .retry_config(RetryConfig::disabled());
    config.load().await
}

async fn ecs(fake: &FakeAws) -> aws_sdk_ecs::Client {
    aws_sdk_ecs::Client::new(&sdk(fake).await)
}

async fn sqs(fake: &FakeAws) -> aws_sdk_sqs::Client {
    aws_sdk_sqs::Client::new(&sdk(fake).await)
}

async fn sns(fake: &FakeAws) -> aws_sdk_sns::Client {
    aws_sdk_sns::Client::new(&sdk(fake).await)
}

/// Sends one request as it is.
async fn raw(fake: &FakeAws, request: Request<String>) -> (StatusCode, String) {
    let stream = tokio::net::TcpStream::connect(fake.address()).await.expect("the fake accepts");
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("HTTP/1.1");
    let driver = tokio::spawn(connection);
    let request = request.map(|body| Full::new(Bytes::from(body)));
    let answer = sender.send_request(request).await.expect("an answer");
    let status = answer.status();
    let body = answer.into_body().collect().await.expect("a whole body").to_bytes();
    driver.abort();
    (status, String::from_utf8(body.to_vec()).expect("text"))
}

/// A POST of a form or JSON body, signed for `scope` (`region/service`).
fn post(scope: &str, body: &str) -> hyper::http::request::Builder {
    let credential = format!("AKIDTEST/20260101/{scope}/aws4_request");
    Request::post("/")
        .header("host", "fake")
        .header("content-length", body.len())
        .header("authorization", format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=00"))
}

#[tokio::test]
async fn the_port_is_closed_when_the_fake_is_dropped() {
    let fake = FakeAws::start();
    let address = fake.address();
    let open = tokio::net::TcpStream::connect(address).await.expect("it listens");
    drop(fake);
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "it must not listen any more");
    let mut byte = [0];
    open.readable().await.expect("the open connection ends");
    assert!(matches!(open.try_read(&mut byte), Ok(0) | Err(_)), "the open connection must be closed");
}

#[tokio::test]
async fn what_is_not_served_or_not_signed_for_it_is_refused() {
    let fake = FakeAws::start();
    let target = "AmazonEC2ContainerServiceV20141113.ListClusters";

    let other = post("us-east-1/ecs", "{}").header("x-amz-target", "AmazonEC2ContainerServiceV20141113.CreateCluster");
    let (status, body) = raw(&fake, other.body("{}".to_owned()).unwrap()).await;
    assert_eq!(status, 400, "{body}");
    assert!(body.contains("does not serve"), "{body}");

    for (scope, complaint) in [("us-east-1/ec2", "correct service: 'ecs'"), ("eu-west-1/ecs", "valid region")] {
        let request = post(scope, "{}").header("x-amz-target", target).body("{}".to_owned()).unwrap();
        let (status, body) = raw(&fake, request).await;
        assert_eq!(status, 400, "{body}");
        assert!(body.contains("InvalidSignatureException") && body.contains(complaint), "{body}");
    }
    let unsigned = Request::post("/").header("x-amz-target", target).header("content-length", 2);
    let (status, body) = raw(&fake, unsigned.body("{}".to_owned()).unwrap()).await;
    assert!(status == 400 && body.contains("Missing Authentication Token"), "{status} {body}");
}
