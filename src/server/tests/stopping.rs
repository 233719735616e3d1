use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::*;
use crate::responder::stub::HOLD;

#[tokio::test]
async fn a_stop_waits_for_the_answers_under_way() {
    // An address of its own: no other test may take the port once it is free.
    let server = start_at([127, 0, 0, 3], 2);
    let client = server.client().await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    client.send(&query(1, "slow.example.", RecordType::A, 0)).await.unwrap();
    tcp::send(&mut stream, &query(2, "slow-two.example.", RecordType::A, 0)).await;
    server.until_counted("ecs_resolver_dns_requests_total{proto=\"udp\",type=\"A\"} 1.0").await;
    server.until_counted("ecs_resolver_dns_requests_total{proto=\"tcp\",type=\"A\"} 1.0").await;
    let Running { handle, address, gate, .. } = server;
    let stopping = tokio::spawn(handle.stop(PATIENCE));
    until(|| std::net::TcpStream::connect(address).is_err(), "the listener to close").await;
    assert!(!stopping.is_finished());
    gate.add_permits(2);
    assert_eq!(receive(&client).await.metadata.id, 1);
    assert_eq!(tcp::receive(&mut stream).await.metadata.id, 2);
    assert_eq!(stopping.await.unwrap(), 0);
    bind(&[address], 1).unwrap();
}

#[tokio::test]
async fn a_stop_answers_what_has_arrived() {
    let server = start_at([127, 0, 0, 1], 1);
    let client = server.client().await;
    for id in 0..200 {
        client.send(&query(id, "web.ecs.internal.", RecordType::A, 0)).await.unwrap();
    }
    assert_eq!(server.handle.stop(PATIENCE).await, 0);
    for _ in 0..200 {
        assert_eq!(receive(&client).await.answers.len(), 3);
    }
}

#[tokio::test]
async fn a_stop_answers_what_has_arrived_over_tcp() {
    let server = start_at([127, 0, 0, 1], 1);
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    tcp::send(&mut stream, &query(0, "web.ecs.internal.", RecordType::A, 0)).await;
    assert_eq!(tcp::receive(&mut stream).await.metadata.id, 0);
    // More answers than are written at once.
    for id in 0..1200 {
        tcp::send(&mut stream, &query(id, "web.ecs.internal.", RecordType::A, 0)).await;
    }
    assert_eq!(server.handle.stop(PATIENCE).await, 0);
    for id in 0..1200 {
        assert_eq!(tcp::receive(&mut stream).await.metadata.id, id);
    }
    assert!(tcp::is_closed(&mut stream).await);
}

#[tokio::test]
async fn a_stop_waits_for_the_first_question_of_a_connection() {
    let server = start_at([127, 0, 0, 1], 1);
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    server.until_counted("ecs_resolver_dns_tcp_connections 1.0").await;
    let stopping = tokio::spawn(server.handle.stop(PATIENCE));
    tcp::send(&mut stream, &query(1, "web.ecs.internal.", RecordType::A, 0)).await;
    assert_eq!(tcp::receive(&mut stream).await.metadata.id, 1);
    assert_eq!(stopping.await.unwrap(), 0);
}

#[tokio::test]
async fn a_stop_waits_for_no_upstream_that_takes_too_long() {
    let server = start();
    let client = server.client().await;
    client.send(&query(1, "slow.example.", RecordType::A, 1232)).await.unwrap();
    server.until_counted("ecs_resolver_dns_requests_total{proto=\"udp\",type=\"A\"} 1.0").await;
    // A tenth of it for the upstream, and the rest only if something else hangs.
    assert_eq!(server.handle.stop(Duration::from_secs(10)).await, 0);
    let message = receive(&client).await;
    assert_eq!((message.metadata.id, message.metadata.response_code), (1, ResponseCode::ServFail));
}

#[tokio::test]
async fn a_stop_ends_at_its_deadline() {
    let server = start_at([127, 0, 0, 1], 1);
    let client = server.client().await;
    let held = HOLD.lock().await;
    client.send(&query(1, "hold.ecs.internal.", RecordType::A, 0)).await.unwrap();
    server.until_counted("ecs_resolver_dns_requests_total{proto=\"udp\",type=\"A\"} 1.0").await;
    let stopping = server.handle.stop(Duration::from_millis(50));
    assert!(timeout(PATIENCE, stopping).await.is_ok(), "a worker that hangs is not waited for");
    drop(held);
}

#[tokio::test]
async fn a_dropped_handle_stops_the_server() {
    let server = start_at([127, 0, 0, 4], 2);
    let address = server.address;
    let idle = TcpStream::connect(address).await.unwrap();
    drop(server);
    until(|| bind(&[address], 1).is_ok(), "the sockets to close").await;
    drop(idle);
}

#[tokio::test]
async fn a_stop_waits_for_no_client_that_does_not_read() {
    let server = start();
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut greedy = socket.connect(server.address).await.unwrap();
    let mut framed = Vec::new();
    assert!(crate::dns::framing::append(&query(1, "many.ecs.internal.", RecordType::A, 0), &mut framed));
    let framed = framed.repeat(100);
    // As much as it takes until neither side can go on.
    while timeout(Duration::from_millis(300), greedy.write_all(&framed)).await.is_ok() {}
    // It would be sent away after 5 s.
    assert_eq!(server.handle.stop(Duration::from_secs(4)).await, 0);
}
