use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};

use super::tcp::{connect, is_closed, receive, send};
use super::*;

const CONNECTIONS: &str = "ecs_resolver_dns_tcp_connections";

/// Room for a few, and little patience.
fn tight() -> Limits {
    Limits {
        tcp_connections: 8,
        tcp_connections_per_client: 4,
        tcp_idle: Duration::from_millis(300),
        ..Limits::default()
    }
}

/// The same with the patience of every day.
fn narrow() -> Limits {
    Limits { tcp_idle: Duration::from_secs(600), ..tight() }
}

async fn connect_from(ip: [u8; 4], server: &Running) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((ip, 0))).unwrap();
    socket.connect(server.address).await.unwrap()
}

async fn is_answered(stream: &mut TcpStream) {
    send(stream, &query(9, "web.ecs.internal.", RecordType::A, 0)).await;
    assert_eq!(receive(stream).await.metadata.id, 9);
}

impl Running {
    async fn until_open(&self, count: usize) {
        self.until_counted(&format!("{CONNECTIONS} {count}.0")).await;
    }
}

#[tokio::test]
async fn silence_closes_the_connection_even_amid_a_question() {
    let server = start_within(&tight());
    let (mut silent, mut slow) = (connect(&server).await, connect(&server).await);
    let begun = tokio::time::Instant::now();
    for stream in [&mut silent, &mut slow] {
        is_answered(stream).await;
    }
    slow.write_all(&[0, 40, 1, 2]).await.unwrap();
    assert!(is_closed(&mut silent).await && is_closed(&mut slow).await);
    assert!(begun.elapsed() >= Duration::from_millis(300));
    server.until_counted("ecs_resolver_dns_dropped_total{reason=\"slow\"} 1.0").await;
}

#[tokio::test]
async fn a_question_has_its_time_as_a_whole() {
    let server = start_within(&tight());
    let mut stream = connect(&server).await;
    stream.write_all(&[0x10, 0]).await.unwrap();
    // One byte now and then: each comes in time, the question never does.
    let trickle = async {
        while stream.write_all(&[0]).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, trickle).await.expect("still open");
    server.until_counted("ecs_resolver_dns_dropped_total{reason=\"slow\"} 1.0").await;
}

#[tokio::test]
async fn who_does_not_read_is_not_read_from_and_closed() {
    let server = start_within(&tight());
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut greedy = socket.connect(server.address).await.unwrap();
    let mut framed = Vec::new();
    assert!(crate::dns::framing::append(&query(1, "many.ecs.internal.", RecordType::A, 0), &mut framed));
    let framed = framed.repeat(100);
    let flood = async { while greedy.write_all(&framed).await.is_ok() {} };
    timeout(PATIENCE, flood).await.expect("still open");
    server.until_counted("ecs_resolver_dns_dropped_total{reason=\"slow\"} 1.0").await;
    server.until_open(0).await;
}

#[tokio::test]
async fn questions_under_way_are_limited_on_one_connection() {
    let server = start();
    let mut greedy = connect(&server).await;
    for _ in 0..200 {
        send(&mut greedy, &query(1, "slow.example.", RecordType::A, 0)).await;
    }
    server.until_counted("ecs_resolver_dns_requests_total{proto=\"tcp\",type=\"A\"} 64.0").await;
    let mut other = connect(&server).await;
    is_answered(&mut other).await;
    server.until_counted("ecs_resolver_dns_requests_total{proto=\"tcp\",type=\"A\"} 65.0").await;
    server.gate.add_permits(1);
    for _ in 0..200 {
        assert_eq!(receive(&mut greedy).await.metadata.id, 1);
    }
}

#[tokio::test]
async fn a_newcomer_is_served_and_the_longest_idle_one_goes() {
    let server = start_within(&narrow());
    let mut idle = Vec::new();
    // Loopback has three quarters: six of eight.
    for number in 1..=6 {
        idle.push(connect(&server).await);
        server.until_open(number).await;
    }
    // Twice: that the first answer was given is noted before the second is, and maybe not before it arrives.
    is_answered(&mut idle[0]).await;
    is_answered(&mut idle[0]).await;
    let mut new = connect(&server).await;
    is_answered(&mut new).await;
    assert!(is_closed(&mut idle[1]).await);
    is_answered(&mut idle[0]).await;
    server.until_counted("ecs_resolver_dns_dropped_total{reason=\"connection\"} 1.0").await;
    server.until_open(6).await;
}

#[tokio::test]
async fn the_client_that_has_most_makes_room_for_others() {
    let server = start_within(&narrow());
    let mut one = connect_from([127, 0, 0, 9], &server).await;
    is_answered(&mut one).await;
    let mut many = Vec::new();
    for number in 2..=7 {
        many.push(connect_from([127, 0, 0, 8], &server).await);
        server.until_open(number).await;
    }
    let mut others = [connect_from([127, 0, 0, 7], &server).await, connect_from([127, 0, 0, 7], &server).await];
    for other in &mut others {
        is_answered(other).await;
    }
    is_answered(&mut one).await;
    assert!(is_closed(&mut many[0]).await);
}

#[tokio::test]
async fn questions_of_one_client_leave_places_for_others() {
    let server =
        start_within(&Limits { questions_under_way: 4, questions_under_way_per_client: 2, ..Limits::default() });
    let mut greedy = connect_from([127, 0, 0, 9], &server).await;
    for id in 0..4 {
        send(&mut greedy, &query(id, &format!("slow-{id}.example."), RecordType::A, 1232)).await;
    }
    let refused = receive(&mut greedy).await;
    assert_eq!((refused.metadata.id, refused.metadata.response_code), (3, ResponseCode::ServFail));
    server.until_counted("ecs_resolver_dns_dropped_total{reason=\"share\"} 1.0").await;
    let mut other = connect_from([127, 0, 0, 8], &server).await;
    send(&mut other, &query(7, "www.example.", RecordType::A, 0)).await;
    let message = receive(&mut other).await;
    assert_eq!((message.metadata.id, message.answers.len()), (7, 1));
    server.gate.add_permits(4);
    for _ in 0..3 {
        assert_eq!(receive(&mut greedy).await.answers.len(), 1);
    }
}

#[tokio::test]
async fn idle_and_slow_clients_keep_nobody_out() {
    let limits = Limits { tcp_connections: 64, tcp_idle: Duration::from_secs(600), ..Limits::default() };
    let server = start_within(&limits);
    let client = server.client().await;
    let mut crowd = Vec::new();
    for number in 0u8..=250 {
        let mut stream = connect_from([127, 0, 1, number % 5 + 1], &server).await;
        if number % 2 == 0 {
            // It may have been sent away already.
            let _ = stream.write_all(&[0, 40, 1]).await;
        }
        crowd.push(stream);
        if number % 50 == 0 {
            is_answered(&mut connect(&server).await).await;
            assert_eq!(ask(&client, &query(1, "web.ecs.internal.", RecordType::A, 0)).await.answers.len(), 3);
        }
    }
    // Fewer, where the machine was so slow that half questions have had their time.
    let open = |line: &str| line.strip_prefix(CONNECTIONS)?.trim().parse::<f64>().ok();
    let few = || server.metrics.encode().lines().find_map(open).is_some_and(|open| open <= 64.0);
    until(few, "no more than 64 to be open").await;
}
