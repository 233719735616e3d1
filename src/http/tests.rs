//! Against a real listener on a free port.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;

use super::*;

/// A served state; stops when dropped.
struct Served {
    address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

async fn served(state: HttpState) -> Served {
    let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    tokio::spawn(serve(listener, state, async move {
        let _ = stopped.await;
    }));
    Served { address, _stop: stop }
}

fn state() -> HttpState {
    HttpState {
        readiness: Arc::new(|| Readiness { ready: true, ..Readiness::default() }),
        metrics: Arc::new(|| "up 1\n".to_owned()),
        inventory: document(|| async { Ok("{\"clusters\":[]}".to_owned()) }),
        zone: document(|| async { Err(Unavailable("the updater has stopped".to_owned())) }),
        cache: document(|| async { Ok("; www.example. A\n".to_owned()) }),
        flush: Arc::new(|flush| Box::pin(async move { Ok(format!("flushed {flush}\n")) })),
    }
}

/// Sends `head` as it is and reads until the daemon closes.
async fn raw(address: SocketAddr, head: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut text = String::new();
    // A reset after an early answer is as good as a close.
    let _ = stream.read_to_string(&mut text).await;
    text
}

async fn fetch(address: SocketAddr, path: &str, headers: &str) -> String {
    raw(address, &format!("GET {path} HTTP/1.1\r\nhost: x\r\n{headers}\r\n")).await
}

#[tokio::test]
async fn the_cache_is_shown_and_flushed() {
    let served = served(state()).await;
    assert!(fetch(served.address, "/cache", "").await.ends_with("\r\n\r\n; www.example. A\n"));
    let post = async |body: &str| {
        let head = format!("POST /cache/flush HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        raw(served.address, &head).await
    };
    for command in ["name=www.example.", "zone=example.", "all"] {
        let reply = post(command).await;
        assert!(reply.starts_with("HTTP/1.1 200") && reply.ends_with(&format!("flushed {command}\n")), "{reply}");
    }
    for wrong in ["", "name", "name=a..b", "everything", "names=a"] {
        assert!(post(wrong).await.starts_with("HTTP/1.1 400"), "{wrong}");
    }
    assert!(post(&"x".repeat(3000)).await.starts_with("HTTP/1.1 413"));
    assert!(fetch(served.address, "/cache/flush", "").await.starts_with("HTTP/1.1 405"), "a look changes nothing");
    let mut out = Vec::new();
    client::post(served.address, "/cache/flush", "zone=example".to_owned(), &mut out).await.unwrap();
    assert_eq!(out, b"flushed zone=example.\n");
}

#[tokio::test]
async fn the_fixed_paths_answer() {
    let served = served(state()).await;
    let health = fetch(served.address, "/health", "").await;
    assert!(health.starts_with("HTTP/1.1 200") && health.ends_with("\r\n\r\nOK"), "{health}");
    assert!(health.contains("connection: close"), "{health}");
    let index = fetch(served.address, "/", "").await;
    for path in ["/health", "/ready", "/metrics", "/inventory", "/zone"] {
        assert!(index.contains(path), "{index}");
    }
    let metrics = fetch(served.address, "/metrics", "").await;
    assert!(metrics.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    assert!(metrics.ends_with("up 1\n"), "{metrics}");
    assert!(fetch(served.address, "/nosuch", "").await.starts_with("HTTP/1.1 404"));
    assert!(raw(served.address, "POST /zone HTTP/1.1\r\nhost: x\r\n\r\n").await.starts_with("HTTP/1.1 405"));
}

#[tokio::test]
async fn readiness_follows_its_provider() {
    let ready = Arc::new(AtomicBool::new(false));
    let provider = Arc::clone(&ready);
    let readiness = move || match provider.load(Ordering::Relaxed) {
        true => Readiness { ready: true, reasons: vec![], warnings: vec!["ecs:ListTasks is throttled".to_owned()] },
        false => Readiness { ready: false, reasons: vec!["no inventory".to_owned(), "x".to_owned()], warnings: vec![] },
    };
    let served = served(HttpState { readiness: Arc::new(readiness), ..state() }).await;
    let before = fetch(served.address, "/ready", "").await;
    assert!(before.starts_with("HTTP/1.1 503") && before.ends_with("not ready\nno inventory\nx\n"), "{before}");
    for (path, headers) in [("/ready?x&format=json", ""), ("/ready", "accept: application/json\r\n")] {
        let json = fetch(served.address, path, headers).await;
        let body: serde_json::Value = serde_json::from_str(json.split("\r\n\r\n").nth(1).unwrap()).unwrap();
        assert_eq!(body["reasons"][0], "no inventory");
        assert!(json.starts_with("HTTP/1.1 503") && json.contains("content-type: application/json"), "{json}");
    }
    ready.store(true, Ordering::Relaxed);
    let after = fetch(served.address, "/ready", "").await;
    assert!(after.starts_with("HTTP/1.1 200") && after.ends_with("OK\nwarning: ecs:ListTasks is throttled\n"));
}

#[tokio::test]
async fn the_client_gets_documents_and_reasons() {
    let served = served(state()).await;
    let mut out = Vec::new();
    client::get(served.address, "/inventory", &mut out).await.unwrap();
    assert_eq!(out, b"{\"clusters\":[]}");
    let refused = client::get(served.address, "/zone", &mut out).await.unwrap_err().to_string();
    assert!(refused.contains("503") && refused.contains("the updater has stopped"), "{refused}");
}

#[tokio::test]
async fn a_large_document_arrives_whole_and_frees_its_place() {
    let text = "0123456789abcdef".repeat(1 << 18);
    let made = text.clone();
    let inventory = document(move || std::future::ready(Ok(made.clone())));
    let served = served(HttpState { inventory, ..state() }).await;
    // More in a row than may be in memory at a time.
    for _ in 0..5 {
        let mut out = Vec::new();
        client::get(served.address, "/inventory", &mut out).await.unwrap();
        assert!(out == text.as_bytes());
    }
}

#[tokio::test]
async fn without_a_daemon_the_client_names_the_address() {
    let address = "127.0.0.3:9153".parse().unwrap();
    let error = client::get(address, "/zone", &mut Vec::new()).await.unwrap_err();
    assert!(matches!(error, client::Error::NoDaemon { .. }));
    assert!(error.to_string().contains(&format!("no ecs-resolver answers on {address}")), "{error}");
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let first = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = first.local_addr().unwrap();
    let error = bind(address).await.unwrap_err().to_string();
    assert!(error.contains(&address.to_string()) && error.contains("in use"), "{error}");
}

#[tokio::test]
async fn heads_are_bounded() {
    let served = served(state()).await;
    let many = "a: b\r\n".repeat(MAX_HEADERS + 1);
    let refused = fetch(served.address, "/health", &many).await;
    assert!(refused.starts_with("HTTP/1.1 431"), "{refused}");
    let long = format!("a: {}\r\n", "b".repeat(MAX_HEAD + 1));
    let refused = fetch(served.address, "/health", &long).await;
    assert!(refused.starts_with("HTTP/1.1 431"), "{refused}");
    assert_eq!(raw(served.address, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await, "", "HTTP/2 is not spoken");
    assert!(fetch(served.address, "/health", "").await.starts_with("HTTP/1.1 200"));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_says_nothing_is_dropped() {
    let served = served(state()).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(b"GET /health HTTP/1.1\r\n").await.unwrap();
    let mut rest = Vec::new();
    let closed = timeout(LIFETIME, stream.read_to_end(&mut rest)).await;
    assert!(closed.is_ok(), "still open");
    assert!(!rest.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test(start_paused = true)]
async fn a_document_that_never_comes_is_given_up() {
    let zone = document(std::future::pending);
    let served = served(HttpState { zone, ..state() }).await;
    assert!(fetch(served.address, "/zone", "").await.starts_with("HTTP/1.1 504"));
}

#[tokio::test]
async fn shutdown_lets_a_request_under_way_finish() {
    let (go, gate) = oneshot::channel::<()>();
    let (begun, begins) = oneshot::channel::<()>();
    let once = std::sync::Mutex::new(Some((gate, begun)));
    let zone = document(move || {
        let taken = once.lock().unwrap().take();
        async move {
            let (gate, begun) = taken.unwrap();
            let _ = begun.send(());
            let _ = gate.await;
            Ok("done".to_owned())
        }
    });
    // An address of its own: no other test may take the port once it is free.
    let listener = bind("127.0.0.4:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(serve(listener, HttpState { zone, ..state() }, async move {
        let _ = stopped.await;
    }));
    let request = tokio::spawn(async move { fetch(address, "/zone", "").await });
    begins.await.unwrap();
    drop(stop);
    go.send(()).unwrap();
    let answer = request.await.unwrap();
    assert!(answer.ends_with("done"), "{answer}");
    server.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_crowd_that_says_nothing_keeps_nobody_out() {
    let served = served(state()).await;
    let mut crowd = Vec::new();
    for _ in 0..2 * MAX_CONNECTIONS {
        crowd.push(TcpStream::connect(served.address).await.unwrap());
    }
    // No time of the crowd's is over: it would be a minute.
    let health = timeout(HEAD_TIMEOUT / 2, fetch(served.address, "/health", "")).await;
    assert!(health.unwrap().starts_with("HTTP/1.1 200"));
    let gone = crowd[0].read(&mut [0; 8]).await;
    assert!(matches!(gone, Ok(0) | Err(_)), "the first was sent away");
}
