//! The paths and what they answer.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HOST, ORIGIN};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http_body_util::{BodyExt, Full};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Document, Flush, HttpState, Readiness};

/// Time to make an answer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Dumps in memory at a time: that of a large cluster is tens of megabytes.
const MAX_DOCUMENTS: usize = 2;
/// Bytes of a command: a name in text with every byte escaped.
const MAX_COMMAND: usize = 2048;

const INDEX: &str = "ecs-resolver\n
/health     200 while the process lives
/ready      200 when it answers from an inventory, 503 and the reasons when not (?format=json)
/metrics    for Prometheus
/inventory  what ECS says is running, as JSON
/zone       what is served, as a master file
/cache      the forwarded answers that are kept (?format=json)
/cache/flush  POST name=NAME, zone=NAME or all: forgets them
";

/// What the handlers share.
#[derive(Clone)]
struct Shared {
    state: HttpState,
    documents: Arc<Semaphore>,
}

/// All paths over `state`.
pub(super) fn router(state: HttpState) -> Router {
    let shared = Shared { state, documents: Arc::new(Semaphore::new(MAX_DOCUMENTS)) };
    Router::new()
        .route("/", get(|| async { INDEX }))
        .route("/health", get(|| async { "OK" }))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .route("/inventory", get(inventory))
        .route("/zone", get(zone))
        .route("/cache", get(cache))
        .route("/cache/flush", post(flush).layer(DefaultBodyLimit::max(MAX_COMMAND)))
        .fallback(|| async { (StatusCode::NOT_FOUND, "no such path; / lists them\n") })
        .layer(middleware::from_fn(in_time))
        .with_state(shared)
}

async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => (StatusCode::GATEWAY_TIMEOUT, "the daemon did not answer in time\n").into_response(),
    }
}

async fn ready(State(shared): State<Shared>, uri: Uri, headers: HeaderMap) -> Response {
    let readiness = (shared.state.readiness)();
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    if wants_json(&uri, &headers) {
        return (status, axum::Json(readiness)).into_response();
    }
    (status, lines(&readiness)).into_response()
}

/// Whether the client asks for JSON, by `?format=json` or by its Accept header.
fn wants_json(uri: &Uri, headers: &HeaderMap) -> bool {
    let by_query = uri.query().is_some_and(|query| query.split('&').any(|pair| pair == "format=json"));
    let accept = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    by_query || accept.is_some_and(|accept| accept.contains("application/json"))
}

fn lines(readiness: &Readiness) -> String {
    let verdict = if readiness.ready { "OK" } else { "not ready" };
    let reasons = readiness.reasons.iter().map(|reason| format!("{reason}\n"));
    let warnings = readiness.warnings.iter().map(|warning| format!("warning: {warning}\n"));
    std::iter::once(format!("{verdict}\n")).chain(reasons).chain(warnings).collect()
}

async fn metrics(State(shared): State<Shared>) -> Response {
    ([(CONTENT_TYPE, crate::metrics::CONTENT_TYPE)], (shared.state.metrics)()).into_response()
}

async fn inventory(State(shared): State<Shared>) -> Response {
    dump(&shared.state.inventory, shared.documents, "application/json").await
}

async fn zone(State(shared): State<Shared>) -> Response {
    dump(&shared.state.zone, shared.documents, "text/plain; charset=utf-8").await
}

async fn cache(State(shared): State<Shared>, uri: Uri, headers: HeaderMap) -> Response {
    if wants_json(&uri, &headers) {
        return dump(&shared.state.cache_json, shared.documents, "application/json").await;
    }
    dump(&shared.state.cache, shared.documents, "text/plain; charset=utf-8").await
}

async fn flush(State(shared): State<Shared>, headers: HeaderMap, command: String) -> Response {
    if is_of_a_web_page(&headers) {
        return (StatusCode::FORBIDDEN, "web pages may not: send no Origin, and an address or localhost as Host\n")
            .into_response();
    }
    let Some(flush) = Flush::parse(&command) else {
        return (StatusCode::BAD_REQUEST, "send name=NAME, zone=NAME or all\n").into_response();
    };
    match (shared.state.flush)(flush).await {
        Ok(text) => text.into_response(),
        Err(unavailable) => (StatusCode::SERVICE_UNAVAILABLE, format!("{unavailable}\n")).into_response(),
    }
}

/// Whether a browser sends it on behalf of a page: with its origin, or to a name, which whoever owns it may have led here.
fn is_of_a_web_page(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let address = host.parse::<SocketAddr>().is_ok() || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    let is_here = address || host.split(':').next() == Some("localhost");
    headers.contains_key(ORIGIN) || !is_here
}

/// Makes a document and sends it; its place among those in memory is free when it is sent.
async fn dump(document: &Document, places: Arc<Semaphore>, media_type: &'static str) -> Response {
    let Ok(place) = places.acquire_owned().await else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    match document().await {
        Ok(text) => {
            let headers = [(CONTENT_TYPE, media_type.to_owned()), (CONTENT_LENGTH, text.len().to_string())];
            (headers, holding(place, text)).into_response()
        }
        Err(unavailable) => (StatusCode::SERVICE_UNAVAILABLE, format!("{unavailable}\n")).into_response(),
    }
}

fn holding(place: OwnedSemaphorePermit, text: String) -> Body {
    let body = Full::new(Bytes::from(text)).map_frame(move |frame| {
        // Moves the permit into the body, so that it lives as long as the bytes do.
        let _ = &place;
        frame
    });
    Body::new(body)
}
