//! Lambda's runtime API, as a custom runtime sees it: it asks for the next event, and posts an answer or an error.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::Value;
use tokio::sync::Mutex as AsyncMutex;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::aws_source::environment;
use crate::fake_aws::FakeAws;

/// Time for one invocation; a machine that is busy with other builds is slow.
const PATIENCE: Duration = Duration::from_mins(3);

/// What the function posted: its answer, or its error.
type Posted = Result<Value, String>;

struct Api {
    events: AsyncMutex<UnboundedReceiver<String>>,
    posted: Mutex<Sender<Posted>>,
}

/// The function: the binary `bootstrap`, with the runtime API that it asks. Ended when dropped.
pub struct Function {
    child: Child,
    events: tokio::sync::mpsc::UnboundedSender<String>,
    posted: Receiver<Posted>,
    log: tempfile::NamedTempFile,
    _server: tokio::runtime::Runtime,
}

fn command(fake: &FakeAws, api: SocketAddr, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bootstrap"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ECS_RESOLVER_") || name.starts_with("AWS_"))
    {
        command.env_remove(name);
    }
    let endpoint = fake.endpoint_url();
    command.env_remove("RUST_LOG").envs(environment(&endpoint)).envs(variables.iter().copied());
    command
        .env("AWS_LAMBDA_RUNTIME_API", api.to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", "registerEcsServiceDns")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128");
    command
}

impl Function {
    /// Starts the function with these environment variables.
    pub fn start(fake: &FakeAws, variables: &[(&str, &str)]) -> Self {
        let server = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (events, waiting) = tokio::sync::mpsc::unbounded_channel();
        let (sender, posted) = channel();
        let api = Arc::new(Api { events: AsyncMutex::new(waiting), posted: Mutex::new(sender) });
        let listener = server.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .with_state(api);
        server.spawn(async move { axum::serve(listener, app).await });
        let log = tempfile::NamedTempFile::new().unwrap();
        let output = || Stdio::from(log.reopen().unwrap());
        let child =
            command(fake, address, variables).stdout(output()).stderr(output()).spawn().expect("bootstrap runs");
        Self { child, events, posted, log, _server: server }
    }

    /// Runs the function where it ends by itself; returns what it said.
    pub fn run_to_end(fake: &FakeAws, variables: &[(&str, &str)]) -> String {
        let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
        let output = command(fake, nobody, variables).output().expect("bootstrap runs");
        assert!(!output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// Invokes it with an event.
    pub fn invoke(&self, event: &Value) -> Posted {
        self.events.send(event.to_string()).expect("the API is served");
        let until = Instant::now() + PATIENCE;
        match self.posted.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(posted) => posted,
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                panic!("the function did not answer: {}", self.log())
            }
        }
    }

    /// What it has printed so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log.path()).unwrap_or_default()
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn next(State(api): State<Arc<Api>>) -> Response {
    let Some(event) = api.events.lock().await.recv().await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let headers = [
        ("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd"),
        ("Lambda-Runtime-Deadline-Ms", "1893456000000"),
        ("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:123456789012:function:registerEcsServiceDns"),
        ("Content-Type", "application/json"),
    ];
    (headers, event).into_response()
}

async fn response(State(api): State<Arc<Api>>, Path(_): Path<String>, body: Bytes) -> StatusCode {
    post_back(&api, serde_json::from_slice(&body).map_err(|error| error.to_string()))
}

async fn error(State(api): State<Arc<Api>>, Path(_): Path<String>, body: Bytes) -> StatusCode {
    let told: Value = serde_json::from_slice(&body).unwrap_or_default();
    post_back(&api, Err(told["errorMessage"].as_str().unwrap_or_default().to_owned()))
}

fn post_back(api: &Api, posted: Posted) -> StatusCode {
    // Nobody listens any more when the test has failed.
    let _ = api.posted.lock().unwrap().send(posted);
    StatusCode::ACCEPTED
}
