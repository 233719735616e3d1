//! The daemon is its host's resolver, so its AWS clients ask it by function call and never through the host.

use crate::aws_source::environment;
use crate::daemon::Daemon;
use crate::fake_aws::FakeAws;
use crate::upstream::Upstream;

#[test]
fn aws_is_found_through_the_forwarder() {
    let fake = FakeAws::start();
    fake.world().service("prod", "web").fargate_tasks(2);
    // This host's resolver does not know the name: RFC 6761 keeps .example for such.
    let alias = format!("alias.example. 60 IN A {}", fake.address().ip());
    let upstream = Upstream::start(&["*.aws.example. 60 IN CNAME alias.example.", &alias]);
    let endpoint = format!("http://ecs.us-east-1.aws.example:{}", fake.address().port());
    let arguments = ["run", "--config", "/dev/null", "--cluster", "prod", "--upstream", &upstream.flag()];
    let daemon = Daemon::start(&arguments, &environment(&endpoint));
    daemon.wait_ready();
    assert_eq!(daemon.short("web.ecs.internal").len(), 2);
    let asked = daemon.metric("ecs_resolver_forward_requests_total{proto=\"udp\"}");
    assert!(asked.is_some_and(|asked| asked >= 1.0), "it must have asked the upstream: {asked:?}");
    let clients = daemon.get("/metrics").1;
    let of_clients = |line: &&str| line.starts_with("ecs_resolver_dns_requests_total{");
    let asked: f64 =
        clients.lines().filter(of_clients).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum();
    assert!(asked <= 1.0, "only dig asked through the socket:\n{clients}");
}

#[test]
fn an_endpoint_that_has_no_address_is_named() {
    let fake = FakeAws::start();
    let upstream = Upstream::start(&[]);
    let endpoint = format!("http://nowhere.example:{}", fake.address().port());
    let arguments = ["run", "--config", "/dev/null", "--cluster", "prod", "--upstream", &upstream.flag()];
    let daemon = Daemon::start(&arguments, &environment(&endpoint));
    daemon.wait("/ready says it", || daemon.get("/ready").1.contains("nowhere.example"));
    let (status, ready) = daemon.get("/ready");
    assert!(status == 503 && ready.contains("ecs:DescribeClusters got no answer"), "{ready}");
    daemon.wait_for("example.com", &["192.0.2.7"]);
}
