//! A stream of bytes from a TCP client: the first byte says how it is cut into segments. Served by the real server, so
//! the handler of unusual queries is fuzzed as well.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::LazyLock;
use std::time::Duration;

use ecs_resolver::metrics::Metrics;
use ecs_resolver::server::{self, ServerHandle};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};

use super::reply;
use super::rig::{self, Upstream};

/// Far longer than any deadline of the server: without an end, it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// The server, where it listens, and what it runs on.
static SERVER: LazyLock<(Runtime, ServerHandle, SocketAddr)> = LazyLock::new(|| {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let (handle, address) = {
        let _within = runtime.enter();
        let sockets = server::bind(&[(Ipv4Addr::LOCALHOST, 0).into()], 1).expect("a free port");
        let address = sockets.addresses()[0];
        // It knows no names: NODATA, at once. Without an answer every question would wait for it, in real time.
        let responder = rig::responder(Upstream { reply: Vec::new(), fitting: true });
        (
            server::serve(sockets, responder.into(), &Metrics::new("fuzz"), &server::Limits::default())
                .expect("a server"),
            address,
        )
    };
    (runtime, handle, address)
});

/// Sends the stream and reads until the server closes.
///
/// # Panics
/// When the server does not close, sends half a message, or one that is no reply to a message of the stream.
pub fn run(data: &[u8]) {
    let Some((&cut, stream)) = data.split_first() else { return };
    let (runtime, _, address) = &*SERVER;
    let replies = runtime.block_on(async {
        tokio::time::timeout(PATIENCE, exchange(*address, stream, usize::from(cut))).await.expect("the server hangs")
    });
    check(stream, &replies);
}

/// Holds what a server has sent against the stream that it was sent.
///
/// # Panics
/// When it is half a message, or one that is no reply to a message of the stream.
pub fn check(stream: &[u8], replies: &[u8]) {
    let queries = frames(stream).0;
    let (replies, rest) = frames(replies);
    assert!(rest.is_empty(), "half a message: {rest:02x?}");
    // They may come in another order, and queries may have the same id: each reply must find a query of its own.
    let mut answered = vec![None; queries.len()];
    for of in 0..replies.len() {
        let found = find(of, &queries, &replies, &mut answered, &mut vec![false; queries.len()]);
        assert!(found, "{:02x?} is no reply to any of {queries:02x?}", replies[of]);
    }
}

/// Finds a query for the reply with this number, if need be by finding another for a reply that has one.
fn find(of: usize, queries: &[&[u8]], replies: &[&[u8]], answered: &mut [Option<usize>], seen: &mut [bool]) -> bool {
    for at in 0..queries.len() {
        if seen[at] || reply::judge(queries[at], replies[of], true).is_err() {
            continue;
        }
        seen[at] = true;
        if answered[at].is_none_or(|other| find(other, queries, replies, answered, seen)) {
            answered[at] = Some(of);
            return true;
        }
    }
    false
}

/// Writes the stream in pieces of `cut` bytes (0: at once), then says that there is no more; gives what came back.
async fn exchange(address: SocketAddr, stream: &[u8], cut: usize) -> Vec<u8> {
    let mut replies = Vec::new();
    let connection = TcpStream::connect(address).await.expect("the server accepts");
    connection.set_nodelay(true).expect("an option of TCP");
    let (mut reader, mut writer) = connection.into_split();
    let write = async {
        let size = if cut == 0 { stream.len().max(1) } else { cut };
        for piece in stream.chunks(size) {
            // The server may have closed at the first fault.
            if writer.write_all(piece).await.is_err() {
                return;
            }
        }
        let _ = writer.shutdown().await;
    };
    let read = async {
        match reader.read_to_end(&mut replies).await {
            Ok(_) => {}
            // Closed with something unread.
            Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => {}
            Err(error) => panic!("reading: {error}"),
        }
    };
    tokio::join!(write, read);
    replies
}

/// The messages of a stream, and what is left behind the last whole one.
fn frames(mut stream: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    let mut frames = Vec::new();
    while let Some((length, rest)) = stream.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length));
        let Some((frame, rest)) = rest.split_at_checked(length) else { break };
        frames.push(frame);
        stream = rest;
    }
    (frames, stream)
}
