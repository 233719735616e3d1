//! From a message that can be received to an answer that says so: the whole daemon on the fake AWS, over real HTTP, with
//! 10,000 tasks. `cargo bench --bench event_to_answer` prints p50 and p99 over 1,000 events, and what the daemon's own
//! CPU had to do with it.
//!
//! Each event tells of one task, of another service each time, that is to stop; one look at the answers every half
//! millisecond finds out when it is gone. The machine runs the fake and this program as well.

#![expect(clippy::disallowed_methods, reason = "a bench waits for real time")]

#[expect(dead_code, reason = "the tests use the rest")]
#[path = "../tests/it/daemon/mod.rs"]
mod daemon;
#[expect(dead_code, unused_imports, reason = "the tests use the rest")]
#[path = "../tests/it/fake_aws/mod.rs"]
mod fake_aws;
#[path = "../tests/it/loopback.rs"]
mod loopback;

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use daemon::Daemon;
use fake_aws::world::TaskDefinition;
use fake_aws::{FakeAws, Travel};
use hickory_proto::op::{Message, MessageType, OpCode, Query};
use hickory_proto::rr::{Name, RData, RecordType};

const SERVICES: usize = 1_000;
const TASKS: usize = 10;

fn main() {
    let fake = FakeAws::start();
    let topic = fake.messaging().add_topic("ecs-changes");
    build(&fake);
    fake.emit_events(&topic, Travel::default());
    let daemon = follow(&fake, &topic);
    let socket = UdpSocket::bind((daemon.dns.ip(), 0)).expect("a socket");
    socket.connect(daemon.dns).expect("a route");
    socket.set_read_timeout(Some(Duration::from_secs(5))).expect("a time limit");

    let per_question = cpu_per_question(&daemon, &socket);
    let (before, mut questions) = (cpu(&daemon), 0);
    let mut times: Vec<Duration> = (0..SERVICES).map(|n| one_event(&fake, &socket, n, &mut questions)).collect();
    let spent = cpu(&daemon).saturating_sub(before + per_question * questions);
    times.sort();
    let at = |part: usize| times[times.len() * part / 1_000];
    println!("{SERVICES} events, {} tasks: p50 {:?}, p99 {:?}, most {:?}", SERVICES * TASKS, at(500), at(990), at(999));
    println!("CPU of the daemon: {:?} an event; {per_question:?} a question", spent / SERVICES as u32);
    println!("{}", serving(&daemon));
}

fn name(number: usize) -> String {
    format!("svc-{number:04}")
}

fn build(fake: &FakeAws) {
    let mut world = fake.world();
    let host = world.add_host("prod", 'a');
    world.metadata_of = Some(host.instance_id);
    let definition = world.register(TaskDefinition::new("svc", "awsvpc").port("http", 8080));
    for number in 0..SERVICES {
        let service = world.service("prod", &name(number)).desired(10);
        service.edit(|service| service.task_definition.clone_from(&definition)).fargate_tasks(TASKS);
    }
}

fn follow(fake: &FakeAws, topic: &str) -> Daemon {
    let endpoint = fake.endpoint_url();
    let environment = [
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint.as_str()),
        ("AWS_ACCESS_KEY_ID", "AKIDTEST"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_REGION", "us-east-1"),
    ];
    let flags = ["run", "--config", "/dev/null", "--cluster", "prod", "--upstream", "127.0.0.1:1", "--fallback", "off"];
    let flags = [&flags[..], &["--reconcile-interval", "24h", "--topic-arn", topic]].concat();
    let daemon = Daemon::start(&flags, &environment);
    daemon.wait_ready();
    daemon.wait_log("changes are learned from events");
    // The pass that follows at the interval of polling is not what is measured.
    daemon.wait("the clusters are read once more", || {
        daemon.metric("ecs_resolver_source_interval_seconds") == Some(86_400.0)
    });
    daemon
}

/// From the event to the answer without the task.
fn one_event(fake: &FakeAws, socket: &UdpSocket, number: usize, questions: &mut u32) -> Duration {
    let arn = fake.world().tasks_of("prod", &name(number)).remove(0);
    let address = fake.world().task(&arn).private_address().expect("an address");
    let name = format!("{}.prod.task.ecs.internal.", name(number));
    assert!(ask(socket, &name).contains(&address), "{name}");
    fake.world().task(&arn).stopping();
    let readable = Instant::now();
    loop {
        *questions += 1;
        if !ask(socket, &name).contains(&address) {
            return readable.elapsed();
        }
        assert!(readable.elapsed() < Duration::from_secs(30), "{name} still has {address}");
        std::thread::sleep(Duration::from_micros(500));
    }
}

fn ask(socket: &UdpSocket, name: &str) -> Vec<String> {
    let mut query = Message::new(7, MessageType::Query, OpCode::Query);
    query.add_query(Query::query(Name::from_ascii(name).expect("a name"), RecordType::A));
    socket.send(&query.to_vec().expect("a query")).expect("it is sent");
    let mut reply = [0; 2_048];
    let length = socket.recv(&mut reply).expect("an answer");
    let reply = Message::from_vec(&reply[..length]).expect("a reply");
    let address = |data: &RData| match data {
        RData::A(address) => Some(address.to_string()),
        _ => None,
    };
    reply.answers.iter().filter_map(|record| address(&record.data)).collect()
}

fn cpu_per_question(daemon: &Daemon, socket: &UdpSocket) -> Duration {
    const QUESTIONS: u32 = 5_000;
    let before = cpu(daemon);
    for _ in 0..QUESTIONS {
        ask(socket, "svc-0000.prod.task.ecs.internal.");
    }
    (cpu(daemon) - before) / QUESTIONS
}

/// User and system time of the daemon.
fn cpu(daemon: &Daemon) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", daemon.pid)).expect("the daemon runs");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    let ticks: u64 = [fields[11], fields[12]].iter().map(|field| field.parse::<u64>().expect("ticks")).sum();
    // USER_HZ is 100 on every Linux.
    Duration::from_millis(ticks * 10)
}

/// What the daemon itself says of it.
fn serving(daemon: &Daemon) -> String {
    let of = |what: &str| daemon.metric(&format!("ecs_resolver_event_serve_duration_seconds_{what}")).unwrap_or(0.0);
    format!("from receipt to served, by its own metric: {:.2} ms on average", 1e3 * of("sum") / of("count"))
}
