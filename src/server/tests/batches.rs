use super::*;

/// Sends `count` questions at once, each with another id, and waits for all answers.
async fn flood(client: &UdpSocket, name: &str, count: u16) -> Vec<Message> {
    for id in 0..count {
        client.send(&query(id, name, RecordType::A, 0)).await.unwrap();
    }
    let mut messages = Vec::new();
    for _ in 0..count {
        messages.push(receive(client).await);
    }
    messages.sort_by_key(|message| message.metadata.id);
    messages
}

#[tokio::test]
async fn a_crowd_gets_its_answers_each_its_own() {
    for ip in [[127, 0, 0, 1], [0, 0, 0, 0]] {
        let server = start_at(ip, 1);
        // A wildcard socket must answer from the address that was asked, in a batch of several as well.
        let at = |last| SocketAddr::from(([127, 0, 0, last], server.address.port()));
        let clients = [client(at(1)).await, client(at(if ip[0] == 0 { 9 } else { 1 })).await];
        let names = ["web.ecs.internal.", "none.ecs.internal."];
        let (first, second) = tokio::join!(flood(&clients[0], names[0], 100), flood(&clients[1], names[1], 100));
        for (messages, (name, answers)) in [first, second].iter().zip([(names[0], 3), (names[1], 0)]) {
            for (id, message) in (0..100).zip(messages) {
                assert_eq!((message.metadata.id, message.answers.len()), (id, answers));
                assert_eq!(message.queries[0].name().to_ascii(), name);
            }
        }
    }
}

#[tokio::test]
async fn a_fault_costs_one_query_of_its_batch() {
    let server = start_at([127, 0, 0, 1], 1);
    let client = server.client().await;
    // What the worker waits for: all of these are in its queue when it reads.
    let fault = query(500, "fault.ecs.internal.", RecordType::A, 0);
    for id in 0..60 {
        client.send(&query(id, "web.ecs.internal.", RecordType::A, 0)).await.unwrap();
        if id % 20 == 7 {
            client.send(&fault).await.unwrap();
        }
    }
    for _ in 0..60 {
        assert_eq!(receive(&client).await.answers.len(), 3);
    }
    server.until_counted("ecs_resolver_dns_dropped_total{reason=\"fault\"} 3.0").await;
}

#[tokio::test]
async fn the_largest_question_is_read_whole() {
    let server = start_at([127, 0, 0, 1], 1);
    let client = server.client().await;
    // An option that nobody knows, as long as a datagram can be.
    let mut large = query(9, "web.ecs.internal.", RecordType::A, 1232);
    let (at, room) = (large.len() - 2, 65_507 - large.len() - 4);
    large[at..].copy_from_slice(&u16::try_from(room + 4).unwrap().to_be_bytes());
    large.extend([0xff, 0xf0]);
    large.extend(u16::try_from(room).unwrap().to_be_bytes());
    large.resize(65_507, 7);
    for _ in 0..10 {
        for id in 0..3 {
            client.send(&query(id, "web.ecs.internal.", RecordType::A, 0)).await.unwrap();
        }
        client.send(&large).await.unwrap();
        for _ in 0..4 {
            assert_eq!(receive(&client).await.answers.len(), 3);
        }
    }
}

#[tokio::test]
async fn a_crowd_is_counted_one_by_one() {
    let server = start_at([127, 0, 0, 1], 1);
    flood(&server.client().await, "web.ecs.internal.", 100).await;
    server.until_counted("ecs_resolver_dns_requests_total{proto=\"udp\",type=\"A\"} 100.0").await;
    server.until_counted("ecs_resolver_dns_answers_total{source=\"zone\"} 100.0").await;
    server.until_counted("ecs_resolver_dns_request_duration_seconds_count 100").await;
}
