//! Health, readiness, metrics and dumps over HTTP/1.1, for this host only: there is no access control.
//!
//! What is shown comes from closures in [`HttpState`]; nothing here knows the daemon. Connections, their lifetime,
//! header bytes and the documents under way are bounded, and a connection serves one request, so a client that
//! dawdles holds up nobody for long.

pub mod client;
mod guests;
mod routes;

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use guests::{Guest, Guests};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use serde::Serialize;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::dns::DomainName;

/// Connections served at a time. One more sends away the one that has asked nothing for longest, or else the oldest.
const MAX_CONNECTIONS: usize = 64;
/// Headers of a request.
const MAX_HEADERS: usize = 64;
/// Bytes of a request's head.
const MAX_HEAD: usize = 16 * 1024;
/// Time for a request's head to arrive.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// Time for a connection from accept to close, a large document to a slow reader included.
const LIFETIME: Duration = Duration::from_secs(60);
/// Time for the requests under way to finish at shutdown.
const DRAIN: Duration = Duration::from_secs(2);
/// Pause after accept failed, as it does again at once when file descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Whether the daemon can do its work, for `/ready`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Readiness {
    /// Whether `/ready` is 200.
    pub ready: bool,
    /// Why not, one sentence each.
    pub reasons: Vec<String>,
    /// What is wrong without making it unready.
    pub warnings: Vec<String>,
}

/// A document could not be made; the text is for the client.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

/// The making of a document.
pub type Making = Pin<Box<dyn Future<Output = Result<String, Unavailable>> + Send>>;

/// Makes a document anew for each request.
pub type Document = Arc<dyn Fn() -> Making + Send + Sync>;

/// Boxes an asynchronous closure as a [`Document`].
pub fn document<F, M>(make: F) -> Document
where
    F: Fn() -> M + Send + Sync + 'static,
    M: Future<Output = Result<String, Unavailable>> + Send + 'static,
{
    Arc::new(move || Box::pin(make()))
}

/// Which of the answers that are kept are to be forgotten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flush {
    /// All.
    All,
    /// Those about this name.
    Name(DomainName),
    /// Those about this name and the names below it.
    Zone(DomainName),
}

impl Flush {
    /// Reads `name=NAME`, `zone=NAME` or `all`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim().split_once('=') {
            None => (text.trim() == "all").then_some(Self::All),
            Some(("name", name)) => DomainName::from_text(name).map(Self::Name),
            Some(("zone", name)) => DomainName::from_text(name).map(Self::Zone),
            Some(_) => None,
        }
    }
}

impl fmt::Display for Flush {
    /// As [`Self::parse`] reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all"),
            Self::Name(name) => write!(f, "name={name}"),
            Self::Zone(name) => write!(f, "zone={name}"),
        }
    }
}

/// Where the answers come from.
#[derive(Clone)]
pub struct HttpState {
    /// `/ready`
    pub readiness: Arc<dyn Fn() -> Readiness + Send + Sync>,
    /// `/metrics`: OpenMetrics 1.0 text.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// `/inventory`: JSON, as the fixture source reads it.
    pub inventory: Document,
    /// `/zone`: a master file (RFC 1035 5).
    pub zone: Document,
    /// `/cache`: the forwarded answers that are kept.
    pub cache: Document,
    /// `/cache/flush`: forgets some of them, and says how many.
    pub flush: Arc<dyn Fn(Flush) -> Making + Send + Sync>,
}

/// The address could not be listened on.
#[derive(Debug, thiserror::Error)]
#[error(
    "HTTP cannot listen on {address} (TCP): {source}; free it, or give http.listen (--http) another address or \"off\""
)]
pub struct BindError {
    /// Address and port.
    pub address: SocketAddr,
    /// What the kernel said.
    pub source: std::io::Error,
}

/// Opens the listening socket.
///
/// # Errors
/// [`BindError`], with address and port, when it is taken or not ours.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, BindError> {
    TcpListener::bind(address).await.map_err(|source| BindError { address, source })
}

/// Serves until `shutdown`, then lets the requests under way finish for a moment.
pub async fn serve(listener: TcpListener, state: HttpState, shutdown: impl Future<Output = ()> + Send) {
    let router = routes::router(state);
    let mut guests = Guests::with_room_for(MAX_CONNECTIONS);
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&listener) => accepted,
        };
        while connections.try_join_next().is_some() {}
        let Some(stream) = accepted else { continue };
        let guest = guests.admit();
        let router = router.clone();
        connections.spawn(async move {
            // Who is told to go goes at once.
            let told = guest.told.clone();
            let _ = told.run_until_cancelled(connection(stream, router, guest)).await;
        });
    }
    drop(listener);
    // Who is not through by then is cut off when the set is dropped.
    let _ = timeout(DRAIN, async { while connections.join_next().await.is_some() {} }).await;
}

/// The next connection; `None` after a failure and a pause.
async fn accept(listener: &TcpListener) -> Option<TcpStream> {
    match listener.accept().await {
        Ok((stream, _)) => Some(stream),
        Err(error) => {
            tracing::debug!(%error, "HTTP accept failed");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

/// One connection, one request.
async fn connection(stream: TcpStream, router: axum::Router, guest: Guest) {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request| {
        guest.has_asked();
        router.call(request)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .keep_alive(false)
        .header_read_timeout(HEAD_TIMEOUT)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD);
    let served = http.serve_connection(TokioIo::new(stream), service);
    if let Ok(Err(error)) = timeout(LIFETIME, served).await {
        tracing::debug!(%error, "HTTP connection failed");
    }
}

#[cfg(test)]
mod tests;
