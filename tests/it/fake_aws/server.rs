//! The HTTP side: which operation a request is, what the knobs do to it, and the record.

use std::net::SocketAddr;
use std::sync::{Arc, mpsc};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::serve::IncomingStream;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::error::AwsError;
use super::knobs::Manner;
use super::op::{Api, Op};
use super::query::Params;
use super::record::Call;
use super::world::World;
use super::{Shared, ec2_api, ecs_api, elb_api, imds_api, lock, route53_api, sns_api, sqs_api};
use crate::loopback;

/// Largest request body, in bytes: a message of SQS may have 1 MiB, and more once it is JSON.
const MAX_BODY: usize = 8 << 20;
/// How far, in seconds, the time of a signature may be from ours.
const SIGNATURE_LIFE: i64 = 300;

/// Serves until `stopped` resolves; then the runtime, and with it every connection, is dropped.
pub fn run(shared: Arc<Shared>, address: &mpsc::Sender<SocketAddr>, stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::bind((loopback::address(), 0)).await.expect("a free port of an address of our own");
        address.send(listener.local_addr().expect("a bound address")).expect("somebody started the fake");
        let app = Router::new().fallback(handle).with_state(shared);
        let app = app.into_make_service_with_connect_info::<Peer>();
        tokio::select! {
            _ = axum::serve(listener, app) => {}
            _ = stopped => {}
        }
    });
}

/// A second handle of the connection's socket, to close it under the HTTP server.
#[derive(Clone, Debug)]
struct Peer(Arc<socket2::Socket>);

impl Connected<IncomingStream<'_, TcpListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Self(Arc::new(socket2::SockRef::from(stream.io()).try_clone().expect("a spare file descriptor")))
    }
}

/// A request whose operation is known.
struct Asked {
    op: Op,
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
    params: Params,
}

/// An answer: body, and the lifetime of the token if it is one.
type Answer = Result<(String, Option<u32>), AwsError>;

async fn handle(State(shared): State<Arc<Shared>>, ConnectInfo(peer): ConnectInfo<Peer>, request: Request) -> Response {
    let Some(asked) = read(request).await else {
        return (StatusCode::BAD_REQUEST, "the fake AWS does not serve this operation").into_response();
    };
    let latency = lock(&shared.knobs).latency(asked.op);
    if !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let answer = match refusal(&shared, &asked) {
        None => Some(answer(&shared, &asked).await),
        Some(refusal) => refusal.map(Err),
    };
    let Some(answer) = answer else {
        record(&shared, &asked, 0, None);
        // Shutting down cannot fail in a way that matters: the peer is gone either way.
        let _ = peer.0.shutdown(std::net::Shutdown::Both);
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let (status, error) = answer.as_ref().map_or_else(|error| (error.status, Some(error.code)), |_| (200, None));
    record(&shared, &asked, status, error);
    respond(asked.op.api(), answer)
}

/// Finds the operation; none: not one of ours.
async fn read(request: Request) -> Option<Asked> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, MAX_BODY).await.ok()?;
    let path = parts.uri.path().to_owned();
    let target = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let form = if body.is_empty() { parts.uri.query().unwrap_or_default().as_bytes() } else { &body };
    let mut params = Params::default();
    let op = if let Some(op) = route53_api::operation(&parts.method, &path) {
        params = Params::parse(parts.uri.query().unwrap_or_default().as_bytes());
        op
    } else if path == "/latest/api/token" {
        Op::ImdsToken
    } else if path.starts_with("/latest/") {
        Op::ImdsGet
    } else if let Some(target) = target {
        Op::from_target(target)?
    } else {
        params = Params::parse(form);
        Op::from_query(params.get("Version")?, params.get("Action")?)?
    };
    Some(Asked { op, method: parts.method, path, headers: parts.headers, body, params })
}

/// Why the request is not answered, if so; `Some(None)`: the connection is to be dropped. Never holds two locks, so a
/// test may take them in any order.
fn refusal(shared: &Shared, asked: &Asked) -> Option<Option<AwsError>> {
    let op = asked.op;
    let world = lock(&shared.world);
    let (region, account) = (world.region.clone(), world.account.clone());
    drop(world);
    let signed = check_scope(op.api(), &asked.headers, &region).and_then(|()| check_time(&asked.headers));
    if let Err(message) = signed {
        return Some(Some(AwsError::bad_signature(op.api(), message)));
    }
    let mut knobs = lock(&shared.knobs);
    if let Some(fault) = knobs.next_fault(op) {
        return Some(AwsError::of_fault(fault, op, &account));
    }
    let within = knobs.take_token(op, ec2_api::narrowed(&asked.params));
    (!within).then(|| Some(AwsError::throttled(op.api())))
}

async fn answer(shared: &Shared, asked: &Asked) -> Answer {
    let op = asked.op;
    let (manner, stale) = {
        let knobs = lock(&shared.knobs);
        (knobs.manner(op), knobs.stale_world(op))
    };
    let body = match (op.api(), stale) {
        (Api::Sqs, _) if op == Op::ReceiveMessage => {
            sqs_api::receive(&input(asked)?, &shared.messaging).await?.to_string()
        }
        (Api::Sqs, _) => sqs_api::answer(op, &input(asked)?, &mut lock(&shared.messaging), manner)?.to_string(),
        (Api::Sns, _) => sns_api::answer(op, &asked.params, &mut lock(&shared.messaging), manner)?,
        (Api::Route53, _) => {
            let mut hosting = lock(&shared.hosting);
            route53_api::answer(op, &asked.path, &asked.params, &asked.body, &mut hosting, manner)?
        }
        (_, Some(world)) => return of_world(asked, &world, manner),
        (_, None) => return of_world(asked, &lock(&shared.world), manner),
    };
    Ok((body, None))
}

fn of_world(asked: &Asked, world: &World, manner: Manner) -> Answer {
    let (op, params) = (asked.op, &asked.params);
    let body = match op.api() {
        Api::Ecs => ecs_api::answer(op, &input(asked)?, world, manner)?.to_string(),
        Api::Ec2 => ec2_api::answer(params, world, manner)?,
        Api::Classic | Api::V2 => elb_api::answer(op, params, world, manner)?,
        Api::Imds if op == Op::ImdsToken => {
            let (token, lifetime) = imds_api::token(&asked.method, &asked.headers)?;
            return Ok((token, Some(lifetime)));
        }
        Api::Imds => imds_api::get(&asked.path, &asked.headers, world)?,
        Api::Sqs | Api::Sns | Api::Route53 => unreachable!("these are not part of the world"),
    };
    Ok((body, None))
}

/// The body of an ECS or SQS request.
fn input(asked: &Asked) -> Result<Value, AwsError> {
    let parsed = serde_json::from_slice(&asked.body);
    parsed.map_err(|error| AwsError::bad_request("SerializationException", error.to_string()))
}

/// Whether the request is signed for this API and Region. The signature itself is not verified: the fake knows no
/// secret.
fn check_scope(api: Api, headers: &HeaderMap, region: &str) -> Result<(), String> {
    let Some(service) = api.signing_name() else {
        return Ok(());
    };
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let authorization = authorization.ok_or("Missing Authentication Token")?;
    let credential = authorization.split("Credential=").nth(1).and_then(|rest| rest.split(',').next());
    let scope: Vec<&str> = credential.unwrap_or_default().split('/').collect();
    match scope.as_slice() {
        [_, _, found, ..] if *found != region => {
            Err(format!("Credential should be scoped to a valid region, not '{found}'."))
        }
        [_, _, _, found, "aws4_request"] if *found == service => Ok(()),
        _ => Err(format!("Credential should be scoped to correct service: '{service}'.")),
    }
}

/// A signature is good for five minutes, before and after.
fn check_time(headers: &HeaderMap) -> Result<(), String> {
    let signed = headers.get("x-amz-date").and_then(|value| value.to_str().ok());
    let signed = signed.and_then(|text| DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok());
    let Some(signed) = signed.and_then(|time| time.to_zoned(TimeZone::UTC).ok()) else { return Ok(()) };
    let (now, signed) = (Timestamp::now(), signed.timestamp());
    match now.duration_since(signed).as_secs() {
        age if age > SIGNATURE_LIFE => Err(format!("Signature expired: {signed} is now earlier than {now} - 5 min.")),
        age if age < -SIGNATURE_LIFE => {
            Err(format!("Signature not yet current: {signed} is still later than {now} + 5 min."))
        }
        _ => Ok(()),
    }
}

fn record(shared: &Shared, asked: &Asked, status: u16, error: Option<&'static str>) {
    let op = asked.op;
    let (batch, max_results) = match op.api() {
        Api::Ecs => {
            let input = input(asked).unwrap_or_default();
            let max_results = input.get("maxResults").and_then(Value::as_u64);
            (ecs_api::batch(op, &input), max_results.and_then(|most| usize::try_from(most).ok()))
        }
        Api::Ec2 => (ec2_api::batch(&asked.params), elb_api::asked_page_size(Api::Ec2, &asked.params)),
        Api::Classic | Api::V2 => {
            (elb_api::batch(op, &asked.params), elb_api::asked_page_size(op.api(), &asked.params))
        }
        Api::Sqs => {
            let input = input(asked).unwrap_or_default();
            let most = input.get("MaxNumberOfMessages").and_then(Value::as_u64);
            (sqs_api::batch(&input), most.and_then(|most| usize::try_from(most).ok()))
        }
        Api::Sns | Api::Route53 | Api::Imds => (0, None),
    };
    lock(&shared.calls).push(Call { op, batch, max_results, status, error });
}

fn respond(api: Api, answer: Answer) -> Response {
    let kind = match api {
        Api::Ecs => "application/x-amz-json-1.1",
        Api::Sqs => "application/x-amz-json-1.0",
        Api::Ec2 | Api::Classic | Api::V2 | Api::Sns | Api::Route53 => "text/xml;charset=UTF-8",
        Api::Imds => "text/plain",
    };
    let response = Response::builder().header(header::CONTENT_TYPE, kind);
    let response = match answer {
        Ok((body, None)) => response.body(Body::from(body)),
        Ok((body, Some(lifetime))) => response.header(imds_api::TTL_HEADER, lifetime).body(Body::from(body)),
        Err(error) if api == Api::Sqs => {
            let response = response.status(error.status).header("x-amzn-query-error", error.query_error());
            response.body(Body::from(error.body(api)))
        }
        Err(error) => response.status(error.status).body(Body::from(error.body(api))),
    };
    response.expect("statuses and headers here are valid")
}
