use super::*;
use crate::responder::stub::{HOLD, ZONE};

/// Long enough for a worker that lives.
const BRIEF: Duration = Duration::from_millis(700);

#[tokio::test]
async fn a_held_worker_is_found_and_found_well_again() {
    let server = start_at([127, 0, 0, 1], 2);
    let own = server.handle.self_query(ZONE.clone());
    assert!(own.is_answered(PATIENCE).await);
    let held = HOLD.lock().await;
    let client = server.client().await;
    client.send(&query(1, "hold.ecs.internal.", RecordType::A, 0)).await.unwrap();
    server.until_counted("ecs_resolver_dns_requests_total{proto=\"udp\",type=\"A\"} 1.0").await;
    assert!(server.handle.liveness()(), "its thread is there");
    assert!(!own.is_answered(BRIEF).await, "but half of the clients wait in vain");
    drop(held);
    assert_eq!(receive(&client).await.metadata.id, 1);
    assert!(own.is_answered(PATIENCE).await);
}

#[tokio::test]
async fn whoever_listens_on_all_addresses_is_asked_on_loopback() {
    let server = start_at([0, 0, 0, 0], 3);
    assert!(server.handle.self_query(ZONE.clone()).is_answered(PATIENCE).await);
}

#[tokio::test]
async fn an_address_that_the_host_does_not_have_is_not_asked() {
    let sockets = bind(&[SocketAddr::from(([192, 0, 2, 53], 0))], 1).unwrap();
    let metrics = Metrics::new("test");
    let handle = serve(sockets, responder().0, &metrics, &Limits::default()).unwrap();
    assert!(handle.self_query(ZONE.clone()).is_answered(BRIEF).await);
    assert!(!metrics.encode().contains("type=\"SOA\"} 1.0"), "nothing left the host");
}

#[tokio::test]
async fn a_worker_that_is_busy_with_others_lives() {
    let server = start_at([127, 0, 0, 1], 1);
    // Nobody is at this port, so the queries are lost; but the worker is seen to work.
    let nobody = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let lost = SelfQuery { addresses: vec![nobody.local_addr().unwrap()], ..server.handle.self_query(ZONE.clone()) };
    assert!(!lost.is_answered(BRIEF).await);
    let client = server.client().await;
    let busy = async {
        loop {
            ask(&client, &query(1, "web.ecs.internal.", RecordType::A, 0)).await;
        }
    };
    tokio::select! {
        () = busy => unreachable!(),
        answered = lost.is_answered(BRIEF) => assert!(answered),
    }
}
