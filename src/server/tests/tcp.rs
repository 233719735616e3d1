use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::dns::framing;

pub(super) async fn connect(server: &Running) -> TcpStream {
    TcpStream::connect(server.address).await.unwrap()
}

pub(super) async fn send(stream: &mut TcpStream, message: &[u8]) {
    let mut framed = u16::try_from(message.len()).unwrap().to_be_bytes().to_vec();
    framed.extend_from_slice(message);
    stream.write_all(&framed).await.unwrap();
}

pub(super) async fn receive(stream: &mut TcpStream) -> Message {
    let read = async {
        let length = stream.read_u16().await.unwrap();
        let mut bytes = vec![0; length.into()];
        stream.read_exact(&mut bytes).await.unwrap();
        Message::from_vec(&bytes).unwrap()
    };
    timeout(PATIENCE, read).await.expect("no reply")
}

/// Whether the server closes the connection without another word.
pub(super) async fn is_closed(stream: &mut TcpStream) -> bool {
    let mut byte = [0];
    matches!(timeout(PATIENCE, stream.read(&mut byte)).await.expect("still open"), Ok(0) | Err(_))
}

#[tokio::test]
async fn answers_leave_as_they_are_ready() {
    let server = start();
    let mut stream = connect(&server).await;
    send(&mut stream, &query(1, "slow.example.", RecordType::A, 0)).await;
    send(&mut stream, &query(2, "late.ecs.internal.", RecordType::AAAA, 0)).await;
    send(&mut stream, &query(3, "web.ecs.internal.", RecordType::A, 0)).await;
    send(&mut stream, &query(4, "www.example.", RecordType::A, 0)).await;
    let mut ids = [receive(&mut stream).await.metadata.id, receive(&mut stream).await.metadata.id];
    ids.sort_unstable();
    assert_eq!(ids, [3, 4]);
    server.gate.add_permits(2);
    let mut ids = [receive(&mut stream).await.metadata.id, receive(&mut stream).await.metadata.id];
    ids.sort_unstable();
    assert_eq!(ids, [1, 2]);
    server.until_counted("ecs_resolver_dns_tcp_connections 1.0").await;
    drop(stream);
    server.until_counted("ecs_resolver_dns_tcp_connections 0.0").await;
}

#[tokio::test]
async fn what_udp_truncates_tcp_has_whole() {
    let server = start();
    let client = server.client().await;
    let mut stream = connect(&server).await;
    for (name, count) in [("many.ecs.internal.", 200), ("big.example.", 150)] {
        for (payload, limit) in [(0, 512), (1232, 1232), (65_535, 1232)] {
            client.send(&query(1, name, RecordType::A, payload)).await.unwrap();
            let bytes = receive_bytes(&client).await;
            let message = Message::from_vec(&bytes).unwrap();
            assert!(
                message.metadata.truncation && bytes.len() <= limit && bytes.len() > limit - 40,
                "{name} {payload}"
            );
            assert!(!message.answers.is_empty() && message.edns.is_some() == (payload > 0));
        }
        send(&mut stream, &query(2, name, RecordType::A, 0)).await;
        let message = receive(&mut stream).await;
        assert_eq!((message.metadata.truncation, message.answers.len()), (false, count));
    }
}

#[tokio::test]
async fn a_question_may_come_in_pieces_and_two_in_one() {
    let server = start();
    let mut stream = connect(&server).await;
    let question = query(7, "web.ecs.internal.", RecordType::A, 0);
    let mut framed = u16::try_from(question.len()).unwrap().to_be_bytes().to_vec();
    framed.extend_from_slice(&question);
    for byte in &framed {
        stream.write_all(&[*byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(receive(&mut stream).await.metadata.id, 7);
    stream.write_all(&framed.repeat(3)).await.unwrap();
    for _ in 0..3 {
        assert_eq!(receive(&mut stream).await.answers.len(), 3);
    }
}

#[tokio::test]
async fn a_client_may_close_its_half_and_still_gets_its_answers() {
    let server = start();
    let mut stream = connect(&server).await;
    send(&mut stream, &query(1, "slow.example.", RecordType::A, 0)).await;
    stream.shutdown().await.unwrap();
    server.gate.add_permits(1);
    assert_eq!(receive(&mut stream).await.metadata.id, 1);
    assert!(is_closed(&mut stream).await);
}

#[tokio::test]
async fn what_is_no_question_closes_the_connection() {
    let server = start();
    let mut short = connect(&server).await;
    short.write_all(&[0, 3, 1, 2, 3]).await.unwrap();
    assert!(is_closed(&mut short).await);
    let mut cut = connect(&server).await;
    cut.write_all(&[0, 40, 1, 2, 3]).await.unwrap();
    cut.shutdown().await.unwrap();
    assert!(is_closed(&mut cut).await);
    let mut response = connect(&server).await;
    let mut message = query(1, "web.ecs.internal.", RecordType::A, 0);
    message[2] |= 0x80;
    send(&mut response, &message).await;
    assert!(is_closed(&mut response).await);
    server.until_counted("ecs_resolver_dns_dropped_total{reason=\"framing\"} 2.0").await;
    server.until_counted("ecs_resolver_dns_dropped_total{reason=\"no_query\"} 1.0").await;
}

#[tokio::test]
async fn many_questions_in_one_piece_are_all_answered() {
    let server = start();
    let mut stream = connect(&server).await;
    let mut framed = Vec::new();
    for id in 0..3000 {
        assert!(framing::append(&query(id, "web.ecs.internal.", RecordType::A, 0), &mut framed));
    }
    let (mut reader, mut writer) = stream.split();
    let sent = writer.write_all(&framed);
    let received = async {
        for id in 0..3000 {
            let length = reader.read_u16().await.unwrap();
            let mut bytes = vec![0; length.into()];
            reader.read_exact(&mut bytes).await.unwrap();
            assert_eq!(bytes[..2], u16::to_be_bytes(id));
        }
    };
    let (sent, ()) = timeout(PATIENCE, async { tokio::join!(sent, received) }).await.expect("no reply");
    sent.unwrap();
}

#[tokio::test]
async fn what_is_owed_is_sent_before_a_wrong_connection_closes() {
    let server = start();
    let mut stream = connect(&server).await;
    send(&mut stream, &query(1, "slow.example.", RecordType::A, 0)).await;
    stream.write_all(&[0, 3, 1, 2, 3]).await.unwrap();
    server.until_counted("ecs_resolver_dns_dropped_total{reason=\"framing\"} 1.0").await;
    server.gate.add_permits(1);
    assert_eq!(receive(&mut stream).await.metadata.id, 1);
    assert!(is_closed(&mut stream).await);
}

#[tokio::test]
async fn a_client_that_leaves_costs_nobody_anything() {
    let server = start();
    for id in 0..20 {
        let mut stream = connect(&server).await;
        send(&mut stream, &query(id, "slow.example.", RecordType::A, 0)).await;
        stream.write_all(&[0, 40, 1, 2]).await.unwrap();
    }
    server.until_counted("ecs_resolver_dns_requests_total{proto=\"tcp\",type=\"A\"} 20.0").await;
    server.gate.add_permits(1);
    server.until_counted("ecs_resolver_dns_tcp_connections 0.0").await;
    let mut stream = connect(&server).await;
    send(&mut stream, &query(1, "slow.example.", RecordType::A, 0)).await;
    assert_eq!(receive(&mut stream).await.answers.len(), 1);
}

#[tokio::test]
async fn a_fault_costs_one_connection() {
    let server = start();
    let mut stream = connect(&server).await;
    send(&mut stream, &query(1, "fault.ecs.internal.", RecordType::A, 0)).await;
    assert!(is_closed(&mut stream).await);
    let mut stream = connect(&server).await;
    send(&mut stream, &query(2, "web.ecs.internal.", RecordType::A, 0)).await;
    assert_eq!(receive(&mut stream).await.metadata.id, 2);
    // What is asked later is answered by the connection's task.
    send(&mut stream, &query(3, "fault.ecs.internal.", RecordType::A, 0)).await;
    assert!(is_closed(&mut stream).await);
    server.until_counted("ecs_resolver_dns_dropped_total{reason=\"fault\"} 2.0").await;
    assert!((server.handle.liveness())());
}

#[tokio::test]
async fn late_answers_that_come_together_all_arrive() {
    let server = start();
    let mut stream = connect(&server).await;
    // 145 KB. Each name twice: a client may not have more names under way, of 64.
    let questions = 0..60;
    for id in questions.clone() {
        let name = format!("slow-big-{}.example.", id / 2);
        send(&mut stream, &query(id, &name, RecordType::A, 0)).await;
    }
    server.until_counted("ecs_resolver_dns_requests_total{proto=\"tcp\",type=\"A\"} 60.0").await;
    server.gate.add_permits(Semaphore::MAX_PERMITS / 2);
    let mut ids = Vec::new();
    for _ in questions.clone() {
        let message = receive(&mut stream).await;
        assert_eq!(message.answers.len(), 150);
        ids.push(message.metadata.id);
    }
    ids.sort_unstable();
    assert_eq!(ids, Vec::from_iter(questions));
}

/// What was sent before the connection is accepted is answered, by whatever way: at once, later, and by closing.
#[tokio::test]
async fn a_client_that_asks_at_once_is_answered() {
    let server = start();
    // More than is read at first.
    let count = 64;
    let mut framed = Vec::new();
    for id in 0..count {
        assert!(framing::append(&query(id, "web.ecs.internal.", RecordType::A, 0), &mut framed));
    }
    assert!(framing::append(&query(count, "slow.example.", RecordType::A, 0), &mut framed));
    let address = server.address;
    // Without a turn of the runtime between the connection and its questions.
    let connected = tokio::task::spawn_blocking(move || {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        io::Write::write_all(&mut stream, &framed).unwrap();
        stream.set_nonblocking(true).unwrap();
        stream
    });
    let mut stream = TcpStream::from_std(connected.await.unwrap()).unwrap();
    for id in 0..count {
        assert_eq!(receive(&mut stream).await.metadata.id, id);
    }
    server.gate.add_permits(1);
    assert_eq!(receive(&mut stream).await.metadata.id, count);
    send(&mut stream, &query(1, "web.ecs.internal.", RecordType::A, 0)).await;
    assert_eq!(receive(&mut stream).await.metadata.id, 1);
    drop(stream);
    server.until_counted("ecs_resolver_dns_tcp_connections 0.0").await;
}
