//! For the tests of this folder: an AWS that plays answers back in order and shows what it was sent. (The SDK's own
//! replay client would bring a second `http` and 15 more crates.)

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::Aws;

/// A request as it was sent.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) url: String,
    pub(super) authorization: String,
    pub(super) body: String,
}

/// Answers to play, requests seen.
#[derive(Debug, Clone, Default)]
pub(super) struct Replay {
    answers: Arc<Mutex<VecDeque<(u16, String)>>>,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl Replay {
    /// Plays the answers (status and body) one by one, then refuses connections.
    pub(super) fn new(answers: &[(u16, &str)]) -> Self {
        let answers = answers.iter().map(|&(status, body)| (status, body.to_owned())).collect();
        Self { answers: Arc::new(Mutex::new(answers)), ..Self::default() }
    }

    pub(super) fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }

    /// Bodies of the requests.
    pub(super) fn bodies(&self) -> Vec<String> {
        self.sent().into_iter().map(|sent| sent.body).collect()
    }
}

impl HttpConnector for Replay {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.sent.lock().unwrap().push(Sent {
            url: request.uri().to_owned(),
            authorization: request.headers().get("authorization").unwrap_or_default().to_owned(),
            body: String::from_utf8(request.body().bytes().unwrap().to_vec()).unwrap(),
        });
        let answer = self.answers.lock().unwrap().pop_front();
        HttpConnectorFuture::ready(match answer {
            Some((status, body)) => Ok(HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body))),
            None => Err(ConnectorError::io("connection refused".into())),
        })
    }
}

impl HttpClient for Replay {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        None
    }
}

/// A configuration with a region and one try, but no credentials.
pub(super) fn anonymous(http: impl HttpClient + 'static) -> aws_types::sdk_config::Builder {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .http_client(http)
        .retry_config(RetryConfig::standard().with_max_attempts(1))
        .region(Region::new("eu-central-1"))
}

/// A configuration with credentials, a region and one try.
pub(super) fn config(http: impl HttpClient + 'static) -> aws_types::sdk_config::Builder {
    let credentials = Credentials::new("AKIDEXAMPLE", "secret", None, None, "test");
    anonymous(http).credentials_provider(SharedCredentialsProvider::new(credentials))
}

/// Operations and results, as the observer was told.
pub(super) type Seen = Arc<Mutex<Vec<(&'static str, &'static str)>>>;

/// The clients, and what their observer saw.
pub(super) async fn aws(sdk: aws_types::sdk_config::Builder) -> (Aws, Seen) {
    let seen = Seen::default();
    let told = Arc::clone(&seen);
    let observer = Arc::new(move |operation, result| told.lock().unwrap().push((operation, result)));
    (Aws::with_config(&sdk.build(), observer).await, seen)
}

/// A real HTTP server on 127.0.0.1 that answers by the request line, until the test ends.
pub(super) async fn serve(answer: fn(&str) -> (u16, &'static str)) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve_one(stream, answer));
        }
    });
    address
}

async fn serve_one(stream: TcpStream, answer: fn(&str) -> (u16, &'static str)) {
    let mut stream = BufReader::new(stream);
    let mut head = Vec::new();
    while let Ok(1..) = stream.read_until(b'\n', &mut head).await
        && !head.ends_with(b"\r\n\r\n")
    {}
    let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or_default();
    stream.read_exact(&mut vec![0; length]).await.unwrap();
    let (status, body) = answer(head.lines().next().unwrap());
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nx-aws-ec2-metadata-token-ttl-seconds: 60\r\n\
         connection: close\r\n\r\n{body}"
    );
    stream.write_all(answer.as_bytes()).await.unwrap();
}
