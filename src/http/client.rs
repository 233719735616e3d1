//! The other end of the dumps and commands: how `ecs-resolver dump` and `cache` ask the daemon of this host.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HOST};
use hyper::http::request::Builder;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Time to connect, and then for the head and for each piece of the body; longer than the daemon takes to give up.
const PATIENCE: Duration = Duration::from_secs(45);
/// Bytes of an error's text that are shown.
const MAX_ERROR: usize = 64 * 1024;

/// Why there is no document.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody listens there.
    #[error("no ecs-resolver answers on {address}: {reason}; is it running, and is its http.listen this address?")]
    NoDaemon {
        /// Whom we asked.
        address: SocketAddr,
        /// What happened.
        reason: String,
    },
    /// It answered, but not with the document.
    #[error("{address} answered {status}: {text}")]
    Refused {
        /// Whom we asked.
        address: SocketAddr,
        /// Its status.
        status: StatusCode,
        /// Its reason.
        text: String,
    },
    /// It broke off.
    #[error("the answer of {address} broke off: {reason}")]
    Broken {
        /// Whom we asked.
        address: SocketAddr,
        /// What happened.
        reason: String,
    },
    /// The document could not be written.
    #[error("the answer cannot be written: {0}")]
    Write(#[from] std::io::Error),
}

/// Gets `path` from the daemon on `address` and writes its body to `out` as it comes.
///
/// # Errors
/// [`Error`], which says what to look at.
pub async fn get(address: SocketAddr, path: &'static str, out: &mut dyn Write) -> Result<(), Error> {
    send(address, Request::get(path), String::new(), out).await
}

/// Sends `command` to `path` of the daemon on `address` and writes what it answers to `out`.
///
/// # Errors
/// [`Error`], which says what to look at.
pub async fn post(address: SocketAddr, path: &'static str, command: String, out: &mut dyn Write) -> Result<(), Error> {
    send(address, Request::post(path), command, out).await
}

async fn send(address: SocketAddr, request: Builder, command: String, out: &mut dyn Write) -> Result<(), Error> {
    let no_daemon = |reason| Error::NoDaemon { address, reason };
    let response = match timeout(PATIENCE, exchange(address, request, command)).await {
        Err(_) => return Err(no_daemon("no answer in time".to_owned())),
        Ok(Err(error)) => return Err(no_daemon(error.to_string())),
        Ok(Ok(response)) => response,
    };
    if response.status() != StatusCode::OK {
        return Err(refused(address, response).await);
    }
    let broken = |reason| Error::Broken { address, reason };
    let mut body = response.into_body();
    loop {
        match timeout(PATIENCE, body.frame()).await {
            Err(_) => return Err(broken("no more came in time".to_owned())),
            Ok(Some(Err(error))) => return Err(broken(error.to_string())),
            Ok(Some(Ok(frame))) => out.write_all(frame.data_ref().map_or(&[], |bytes| bytes))?,
            Ok(None) => return Ok(out.flush()?),
        }
    }
}

async fn exchange(address: SocketAddr, request: Builder, command: String) -> Result<Response<Incoming>, anyhow::Error> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    // Ends with the response; whatever breaks it, the response's body says.
    tokio::spawn(connection);
    let request = request.header(HOST, address.to_string()).header(CONNECTION, "close");
    Ok(sender.send_request(request.body(Full::new(Bytes::from(command)))?).await?)
}

async fn refused(address: SocketAddr, response: Response<Incoming>) -> Error {
    let status = response.status();
    let body = timeout(PATIENCE, Limited::new(response.into_body(), MAX_ERROR).collect()).await;
    let text = body.ok().and_then(Result::ok).map(|body| String::from_utf8_lossy(&body.to_bytes()).trim().to_owned());
    Error::Refused { address, status, text: text.unwrap_or_default() }
}
