//! ministack, an emulator of AWS that brings events from EventBridge over SNS to SQS, as a child process.
//!
//! Like AWS, it lets nobody send events of the sources `aws.…`. So the rule is ours but for its sources, which are `ecs`
//! and `ec2`, and its target puts the `aws.` back. Nothing else of config/event-rule.json or of an event is changed.
//!
//! It is a Python program of the same virtual environment as moto.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use serde_json::{Value, json};

use crate::moto;

/// How long it may take to start on a busy machine.
const START: Duration = Duration::from_mins(2);
/// Longest that it may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Account that it plays: the one of config/event-rule.json.
const ACCOUNT: &str = "123456789012";

/// A running ministack. Dropping it kills it.
#[derive(Debug)]
pub struct Ministack {
    child: Child,
    address: SocketAddr,
    folder: tempfile::TempDir,
}

impl Ministack {
    /// Starts an empty one on a free port of 127.0.0.1 and waits until it answers.
    ///
    /// # Panics
    /// If it is not installed or does not start; the message says what to do.
    pub fn start() -> Self {
        let program = moto::venv().join("bin/ministack");
        assert!(program.is_file(), "{} is missing: pip install -r tests/requirements.txt", program.display());
        // Between choosing a free port and the binding of it, somebody else may take it.
        for _ in 0..3 {
            if let Some(ministack) = Self::try_start(&program) {
                return ministack;
            }
        }
        panic!("ministack did not start three times in a row; its output is above");
    }

    /// None: it ended at once, which its port being taken would explain.
    fn try_start(program: &Path) -> Option<Self> {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let address = free.expect("a free port on 127.0.0.1");
        let folder = tempfile::tempdir().expect("a temporary folder for its files");
        let output = File::create(log(&folder)).expect("its log opens");
        let child = Command::new(program)
            .current_dir(folder.path())
            .env("TMPDIR", folder.path())
            .env("BIND_HOST", address.ip().to_string())
            .env("GATEWAY_PORT", address.port().to_string())
            .env("MINISTACK_ACCOUNT_ID", ACCOUNT)
            .stdin(Stdio::null())
            .stdout(output.try_clone().expect("a second handle"))
            .stderr(output)
            .spawn()
            .expect("bin/ministack of the virtual environment runs");
        let mut ministack = Self { child, address, folder };
        let deadline = Instant::now() + START;
        while Instant::now() < deadline {
            if ministack.child.try_wait().expect("the state of a child").is_some() {
                eprintln!("ministack ended: {}", ministack.output());
                return None;
            }
            if TcpStream::connect(address).is_ok() {
                return Some(ministack);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("ministack does not answer on {address} after {START:?}: {}", ministack.output());
    }

    /// What `AWS_ENDPOINT_URL` must say.
    pub fn endpoint_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What SDK clients need to reach it.
    pub async fn sdk(&self) -> SdkConfig {
        let credentials = Credentials::new("test", "test", None, None, "test");
        aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .endpoint_url(self.endpoint_url())
            .load()
            .await
    }

    /// A topic of this name, and the rule that publishes to it what [`Ministack::emit`] sends and
    /// config/event-rule.json passes. Returns the topic's ARN, which is what `events.topic_arn` must say.
    pub fn follow(&self, topic: &str) -> String {
        let rule = config("event-rule.json").replace("\"aws.ecs\"", "\"ecs\"").replace("\"aws.ec2\"", "\"ec2\"");
        let (_, made) = self.query("sns", "2010-03-31", &[("Action", "CreateTopic"), ("Name", topic)]);
        let arn = format!("arn:aws:sns:us-east-1:{ACCOUNT}:{topic}");
        assert!(made.contains(&arn), "{made}");
        self.events("PutRule", &json!({"Name": topic, "EventPattern": rule}));
        let fields = [
            ("id", "id"),
            ("type", "detail-type"),
            ("source", "source"),
            ("account", "account"),
            ("time", "time"),
            ("region", "region"),
            ("resources", "resources"),
            ("detail", "detail"),
        ];
        let paths: Value =
            fields.iter().map(|(name, field)| ((*name).to_owned(), json!(format!("$.{field}")))).collect();
        let template = r#"{"version":"0","id":<id>,"detail-type":<type>,"source":"aws.<source>","account":<account>,
            "time":<time>,"region":<region>,"resources":<resources>,"detail":<detail>}"#;
        let transformer = json!({"InputPathsMap": paths, "InputTemplate": template});
        let target = json!({"Id": "topic", "Arn": arn, "InputTransformer": transformer});
        let put = self.events("PutTargets", &json!({"Rule": topic, "Targets": [target]}));
        assert_eq!(put["FailedEntryCount"], 0, "{put}");
        arn
    }

    /// Sends an event as its service would. It gets an id of its own, and the time of now.
    pub fn emit(&self, event: &Value) {
        let source = event["source"].as_str().expect("a source");
        let put = self.put(event, source.strip_prefix("aws.").unwrap_or(source));
        assert_eq!(put["FailedEntryCount"], 0, "{put}");
    }

    /// PutEvents of one event, which may say that it is from `source`.
    pub fn put(&self, event: &Value, source: &str) -> Value {
        let entry = json!({
            "Source": source,
            "DetailType": event["detail-type"],
            "Detail": event["detail"].to_string(),
            "Resources": event["resources"],
        });
        self.events("PutEvents", &json!({"Entries": [entry]}))
    }

    /// A call of EventBridge, which must succeed.
    pub fn events(&self, action: &str, input: &Value) -> Value {
        let target = format!("AWSEvents.{action}");
        let headers = [("X-Amz-Target", target.as_str()), ("Content-Type", "application/x-amz-json-1.1")];
        let (status, answer) = self.post("events", &headers, &input.to_string());
        assert_eq!(status, 200, "{action}: {answer}\n{}", self.output());
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{action}: {error}: {answer}"))
    }

    /// A call of a service with the query protocol.
    pub fn query(&self, service: &str, version: &str, parameters: &[(&str, &str)]) -> (u16, String) {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.append_pair("Version", version).extend_pairs(parameters);
        self.post(service, &[("Content-Type", "application/x-www-form-urlencoded")], &body.finish())
    }

    /// It looks at no signature, only at the service that one would be for.
    fn post(&self, service: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time-out");
        let scope = format!("AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{service}/aws4_request");
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let request = format!(
            "POST / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n\
             Authorization: {scope}, SignedHeaders=host, Signature=0\r\n{headers}\r\n{body}",
            self.address,
            body.len()
        );
        stream.write_all(request.as_bytes()).expect("it reads");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("it answers");
        let (head, body) = reply.split_once("\r\n\r\n").expect("a header");
        (head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status"), body.to_owned())
    }

    /// What it has printed so far.
    fn output(&self) -> String {
        std::fs::read_to_string(log(&self.folder)).unwrap_or_default()
    }
}

impl Drop for Ministack {
    fn drop(&mut self) {
        // It may have ended already; there is nothing to do about it then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn log(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("output")
}

fn config(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(file);
    std::fs::read_to_string(path).unwrap()
}
