use std::net::SocketAddr;

use tokio::net::UdpSocket;
use tokio::sync::oneshot;

use super::*;
use crate::dns::RecordType;
use crate::responder::stub::{query, responder};
use crate::server::Limits;

/// Longest that a test waits for anything.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn queries_are_answered_while_the_last_save_waits_for_the_disk() {
    let sockets = server::bind(&[SocketAddr::from(([127, 0, 0, 1], 0))], 1).unwrap();
    let metrics = Metrics::new("test");
    let handle = server::serve(sockets, responder().0, &metrics, &Limits::default()).unwrap();
    let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    client.connect(handle.addresses()[0]).await.unwrap();
    let (disk, written) = oneshot::channel::<()>();
    let saving = tokio::spawn(async move { drop(written.await) });
    let finishing = tokio::spawn(finish(handle, vec![saving]));
    for id in 0..20 {
        client.send(&query(id, "web.ecs.internal.", RecordType::A, 0)).await.unwrap();
        let answer = tokio::time::timeout(PATIENCE, client.recv(&mut [0; 512])).await;
        assert!(answer.is_ok_and(|received| received.is_ok()), "question {id} was lost");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(!finishing.is_finished());
    disk.send(()).unwrap();
    finishing.await.unwrap();
    assert!(client.send(&query(20, "web.ecs.internal.", RecordType::A, 0)).await.is_ok());
    assert!(client.recv(&mut [0; 512]).await.is_err(), "the port is closed");
}
