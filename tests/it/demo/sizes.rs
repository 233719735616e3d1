//! Clusters of any size, answers of any size, and how many questions a connection carries.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, OpCode, Query};
use hickory_proto::rr::{Name, RecordType};

use crate::daemon::{self, Daemon};

fn synthetic(services: &str, tasks: &str) -> Daemon {
    let demo = Daemon::start(&["demo", "--services", services, "--tasks", tasks, "--no-churn"], &[]);
    demo.wait_ready();
    demo
}

/// The zone as `dump` prints it, but for the serial, which is the time of the start.
fn zone(demo: &Daemon) -> String {
    let dump = daemon::command(&["dump", "--http", &demo.http.to_string()]).output().unwrap();
    assert!(dump.status.success(), "{}", String::from_utf8_lossy(&dump.stderr));
    let text = String::from_utf8(dump.stdout).unwrap();
    let (soa, rest) = text.split_once('\n').expect("lines");
    assert!(soa.contains(" SOA "), "{soa}");
    rest.to_owned()
}

#[test]
fn a_thousand_services_answer() {
    let demo = synthetic("1000", "3");
    assert_eq!(demo.short("svc-0000.ecs.internal"), ["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
    let last = demo.ask("SRV _http._tcp.svc-0999.ecs.internal");
    assert_eq!((last.data("SRV").len(), last.additional.len()), (3, 3), "{last:?}");
    assert!(last.data("SRV").iter().all(|data| data.starts_with("10 100 8080 ")), "{last:?}");
    assert_eq!(demo.ask("svc-1000.ecs.internal").status, "NXDOMAIN");
    demo.wait_metric("ecs_resolver_inventory_resources{kind=\"task\"}", 3000.0);
}

/// Not of a thousand: unoptimised and on a busy machine, such a dump takes longer than the daemon allows.
#[test]
fn every_run_serves_the_same_zone() {
    let (one, other) = (synthetic("50", "3"), synthetic("50", "3"));
    let zone_of_one = zone(&one);
    assert!(zone_of_one.lines().count() > 1000);
    assert!(zone_of_one == zone(&other), "the two runs differ");
}

#[test]
fn what_does_not_fit_is_cut_to_whole_records_and_whole_over_tcp() {
    let demo = synthetic("1", "90");
    let name = "svc-0000.ecs.internal";
    assert_eq!(demo.short(name).len(), 90, "dig asks again over TCP");
    assert_eq!(demo.short(&format!("+noedns {name}")).len(), 90);
    // 512 and 1,232 bytes less header, question and OPT, 16 bytes a record.
    for (how, fit) in [("+noedns", 29), ("+bufsize=1232", 73), ("+bufsize=4096", 73), ("+bufsize=700", 40)] {
        let reply = demo.ask(&format!("+ignore +nocookie {how} {name}"));
        assert!(reply.flags.contains("tc"), "{how}: {reply:?}");
        assert_eq!(reply.data("A").len(), fit, "{how}");
    }
    let mut seen = BTreeSet::new();
    for _ in 0..90 {
        seen.extend(demo.short(&format!("+ignore +noedns {name}")));
    }
    assert_eq!(seen.len(), 90, "answers rotate, so that a client without TCP sees everybody in time");
    // Two before dig came again over TCP, four, ninety.
    demo.wait_metric("ecs_resolver_dns_truncated_total", 96.0);
}

#[test]
fn synthetic_tasks_come_and_go() {
    let demo = Daemon::start(&["demo", "--services", "2", "--tasks", "2", "--seed", "3"], &[]);
    demo.wait_ready();
    let serial = demo.short("SOA ecs.internal");
    demo.wait("the serial changes", || demo.short("SOA ecs.internal") != serial);
    demo.wait("a task is gone", || {
        let gone = |name: &str| demo.short(&format!("{name}.ecs.internal")).len() < 2;
        gone("svc-0000") || gone("svc-0001")
    });
}

#[test]
fn a_connection_carries_many_questions() {
    let demo = synthetic("50", "2");
    let mut stream = TcpStream::connect(demo.dns).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut bytes = Vec::new();
    for id in 0..50 {
        let mut query = Message::new(id, MessageType::Query, OpCode::Query);
        let name = Name::from_ascii(format!("svc-{id:04}.ecs.internal.")).unwrap();
        query.add_query(Query::query(name, RecordType::A));
        let query = query.to_vec().unwrap();
        bytes.extend(u16::try_from(query.len()).unwrap().to_be_bytes());
        bytes.extend(query);
    }
    // In pieces that respect no boundary.
    for piece in bytes.chunks(700) {
        stream.write_all(piece).unwrap();
    }
    let mut ids = BTreeSet::new();
    for _ in 0..50 {
        let mut length = [0; 2];
        stream.read_exact(&mut length).unwrap();
        let mut reply = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut reply).unwrap();
        let reply = Message::from_vec(&reply).unwrap();
        let name = format!("svc-{:04}.ecs.internal.", reply.metadata.id);
        assert_eq!(reply.queries[0].name().to_ascii(), name, "each reply belongs to its question, in any order");
        assert_eq!(reply.answers.len(), 2);
        assert!(ids.insert(reply.metadata.id));
    }
    assert_eq!(ids.len(), 50);
}
