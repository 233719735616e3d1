use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use hickory_proto::op::{Message, ResponseCode};
use tokio::net::UdpSocket;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::*;
use crate::dns::RecordType;
use crate::responder::stub::{query, responder};

mod batches;
mod inherited;
mod self_query;
mod stopping;
mod tcp;
mod tcp_limits;
mod unusual;

/// Longest that a test waits for anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server on a free port.
struct Running {
    handle: ServerHandle,
    address: SocketAddr,
    /// Lets answers of the upstream to `slow` names go.
    gate: Arc<Semaphore>,
    metrics: Metrics,
}

fn start_with(ip: [u8; 4], workers: usize, limits: &Limits) -> Running {
    let sockets = bind(&[SocketAddr::from((ip, 0))], workers).unwrap();
    let (responder, gate) = responder();
    let metrics = Metrics::new("test");
    let handle = serve(sockets, responder, &metrics, limits).unwrap();
    Running { address: handle.addresses()[0], handle, gate, metrics }
}

fn start_at(ip: [u8; 4], workers: usize) -> Running {
    start_with(ip, workers, &Limits::default())
}

fn start_within(limits: &Limits) -> Running {
    start_with([127, 0, 0, 1], 1, limits)
}

fn start() -> Running {
    start_at([127, 0, 0, 1], 2)
}

impl Running {
    async fn client(&self) -> UdpSocket {
        client(self.address).await
    }

    /// Waits until the metrics have this line.
    async fn until_counted(&self, line: &str) {
        until(|| self.metrics.encode().lines().any(|have| have == line), line).await;
    }
}

async fn client(to: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await.unwrap();
    socket.connect(to).await.unwrap();
    socket
}

async fn until(holds: impl Fn() -> bool, what: &str) {
    let begun = Instant::from(tokio::time::Instant::now());
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn receive_bytes(socket: &UdpSocket) -> Vec<u8> {
    let mut bytes = vec![0; 65_535];
    let length = timeout(PATIENCE, socket.recv(&mut bytes)).await.expect("no reply").unwrap();
    bytes.truncate(length);
    bytes
}

async fn receive(socket: &UdpSocket) -> Message {
    Message::from_vec(&receive_bytes(socket).await).unwrap()
}

async fn ask(socket: &UdpSocket, query: &[u8]) -> Message {
    socket.send(query).await.unwrap();
    receive(socket).await
}

fn addresses(message: &Message) -> Vec<String> {
    message.answers.iter().map(|record| record.data.to_string()).collect()
}

#[tokio::test]
async fn udp_answers_from_the_zone_and_through_the_upstream() {
    let server = start();
    let client = server.client().await;
    let message = ask(&client, &query(1, "WEB.ecs.internal.", RecordType::A, 0)).await;
    assert_eq!((message.metadata.id, message.answers.len()), (1, 3));
    let message = ask(&client, &query(2, "app.ecs.internal.", RecordType::A, 1232)).await;
    let mut chased = addresses(&message);
    chased[2..].sort();
    assert_eq!(chased, ["lb.example.", "lb2.example.", "192.0.2.1", "192.0.2.2"]);
    let message = ask(&client, &query(3, "www.example.", RecordType::A, 1232)).await;
    assert_eq!(addresses(&message), ["192.0.2.7"]);
    server.until_counted("ecs_resolver_dns_requests_total{proto=\"udp\",type=\"A\"} 3.0").await;
    server.until_counted("ecs_resolver_dns_answers_total{source=\"zone\"} 1.0").await;
    server.until_counted("ecs_resolver_dns_answers_total{source=\"upstream\"} 2.0").await;
    server.until_counted("ecs_resolver_dns_request_duration_seconds_count 3").await;
}

#[tokio::test]
async fn answers_rotate() {
    let server = start_at([127, 0, 0, 1], 1);
    let client = server.client().await;
    let mut first = Vec::new();
    for id in 0..3 {
        let message = ask(&client, &query(id, "web.ecs.internal.", RecordType::A, 0)).await;
        first.extend(addresses(&message).into_iter().take(1));
    }
    first.sort();
    assert_eq!(first, ["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
}

#[tokio::test]
async fn every_worker_answers() {
    let server = start_at([127, 0, 0, 1], 4);
    // The kernel spreads clients over the sockets by their ports.
    for id in 0..64 {
        let message = ask(&server.client().await, &query(id, "web.ecs.internal.", RecordType::A, 0)).await;
        assert_eq!(message.metadata.id, id);
    }
}

#[tokio::test]
async fn a_slow_upstream_holds_up_nobody_else() {
    let server = start_at([127, 0, 0, 1], 1);
    let client = server.client().await;
    client.send(&query(1, "slow.example.", RecordType::A, 0)).await.unwrap();
    assert_eq!(ask(&client, &query(2, "web.ecs.internal.", RecordType::A, 0)).await.metadata.id, 2);
    server.gate.add_permits(1);
    assert_eq!(receive(&client).await.metadata.id, 1);
}

#[tokio::test]
async fn without_room_the_client_is_told() {
    let server = start_within(&Limits { questions_under_way: 1, ..Limits::default() });
    let client = server.client().await;
    client.send(&query(1, "slow.example.", RecordType::A, 0)).await.unwrap();
    let message = ask(&client, &query(2, "www.example.", RecordType::A, 1232)).await;
    assert_eq!((message.metadata.id, message.metadata.response_code), (2, ResponseCode::ServFail));
    server.until_counted("ecs_resolver_dns_dropped_total{reason=\"busy\"} 1.0").await;
    assert_eq!(ask(&client, &query(3, "web.ecs.internal.", RecordType::A, 0)).await.answers.len(), 3);
    server.gate.add_permits(1);
    assert_eq!(receive(&client).await.answers.len(), 1);
}

#[tokio::test]
async fn a_fault_costs_one_query() {
    let server = start_at([127, 0, 0, 1], 1);
    let client = server.client().await;
    for id in 0..3 {
        client.send(&query(id, "fault.ecs.internal.", RecordType::A, 0)).await.unwrap();
    }
    assert_eq!(ask(&client, &query(9, "web.ecs.internal.", RecordType::A, 0)).await.metadata.id, 9);
    server.until_counted("ecs_resolver_dns_dropped_total{reason=\"fault\"} 3.0").await;
}

#[tokio::test]
async fn a_fault_in_a_task_costs_one_answer_which_is_servfail() {
    let server = start_at([127, 0, 0, 1], 1);
    let client = server.client().await;
    let mut stream = tcp::connect(&server).await;
    tcp::send(&mut stream, &query(1, "lapse-tcp.ecs.internal.", RecordType::A, 1232)).await;
    let replies = [
        tcp::receive(&mut stream).await,
        ask(&client, &query(2, "lapse-udp.ecs.internal.", RecordType::A, 1232)).await,
    ];
    for (id, reply) in (1..).zip(&replies) {
        assert_eq!((reply.metadata.id, reply.metadata.response_code), (id, ResponseCode::ServFail));
        assert!(reply.queries.len() == 1 && reply.edns.is_some(), "{reply}");
    }
    server.until_counted("ecs_resolver_dns_dropped_total{reason=\"fault\"} 2.0").await;
    server.until_counted("ecs_resolver_dns_answers_total{source=\"error\"} 2.0").await;
    server.until_counted("ecs_resolver_dns_request_duration_seconds_count 2").await;
}

#[tokio::test]
async fn responses_and_scraps_get_no_reply() {
    let server = start();
    let client = server.client().await;
    let mut response = query(1, "web.ecs.internal.", RecordType::A, 0);
    response[2] |= 0x80;
    client.send(&response).await.unwrap();
    client.send(&response[..11]).await.unwrap();
    client.send(b"").await.unwrap();
    assert_eq!(ask(&client, &query(2, "web.ecs.internal.", RecordType::A, 0)).await.metadata.id, 2);
    server.until_counted("ecs_resolver_dns_dropped_total{reason=\"no_query\"} 3.0").await;
}

#[tokio::test]
async fn a_server_on_all_addresses_answers_from_the_one_that_was_asked() {
    let server = start_at([0, 0, 0, 0], 2);
    // A connected socket hears nobody but whom it asked.
    for ip in [Ipv4Addr::new(127, 0, 0, 1), Ipv4Addr::new(127, 8, 7, 6)] {
        let client = client(SocketAddr::new(IpAddr::V4(ip), server.address.port())).await;
        for name in ["web.ecs.internal.", "www.example."] {
            assert!(!ask(&client, &query(1, name, RecordType::A, 0)).await.answers.is_empty());
        }
    }
}

#[tokio::test]
async fn a_port_in_use_is_a_clear_error() {
    let server = start();
    let error = bind(&[server.address], 2).unwrap_err();
    assert_eq!((error.address, error.protocol), (server.address, "UDP"));
    let said = error.to_string();
    assert!(said.starts_with(&format!("cannot listen on {} (UDP): ", server.address)), "{said}");
    assert!(said.contains("systemd-resolved"), "{said}");

    let tcp_only = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = tcp_only.local_addr().unwrap();
    assert_eq!(bind(&[taken], 1).unwrap_err().protocol, "TCP");
}

#[tokio::test]
async fn an_address_that_the_host_does_not_have_stops_nobody() {
    let absent = SocketAddr::from(([192, 0, 2, 53], 0));
    let sockets = bind(&[absent, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))], 2).unwrap();
    let present = sockets.addresses()[1];
    let handle = serve(sockets, responder().0, &Metrics::new("test"), &Limits::default()).unwrap();
    let client = client(present).await;
    assert_eq!(ask(&client, &query(1, "web.ecs.internal.", RecordType::A, 0)).await.answers.len(), 3);
    drop(handle);
}
