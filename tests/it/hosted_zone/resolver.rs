//! The default: names that ECS does not know are asked of the VPC resolver, and what it said is dropped when ECS has
//! the name.

use super::start;
use crate::fake_aws::FakeAws;
use crate::upstream::Upstream;

#[test]
fn no_lives_as_long_as_ours_does_and_goes_when_the_name_appears() {
    let upstream = Upstream::start(&["only.ecs.internal. 300 IN A 10.9.0.3", "soon.ecs.internal. 300 IN A 10.9.0.4"]);
    let fake = FakeAws::start();
    fake.world().service("prod", "web").fargate_tasks(1);
    let configuration = "[dns]\nnegative_ttl = 3\n[ecs]\npoll_interval = \"500ms\"\n";
    let (daemon, _folder) = start(&fake, configuration, &["--cluster", "prod", "--upstream", &upstream.flag()]);
    daemon.wait_ready();
    let no = daemon.ask("nosuch.ecs.internal");
    assert_eq!((no.status.as_str(), no.authority[0].split(' ').nth(1)), ("NXDOMAIN", Some("3")), "{no:?}");
    assert_eq!(daemon.short("soon.ecs.internal"), ["10.9.0.4"]);
    assert_eq!(daemon.short("only.ecs.internal"), ["10.9.0.3"]);
    let asked = || daemon.metric("ecs_resolver_forward_requests_total{proto=\"udp\"}").unwrap();
    let once = asked();
    assert_eq!((daemon.short("soon.ecs.internal").len(), asked()), (1, once), "it is cached, for five minutes");
    fake.world().service("prod", "soon").fargate_tasks(2);
    daemon.wait("ECS has it", || daemon.short("soon.ecs.internal").len() == 2);
    // Once ECS has lost the name again, the upstream is asked anew.
    fake.world().clusters.get_mut("prod").unwrap().services.remove("soon");
    daemon.wait("Route 53 has it again", || daemon.short("soon.ecs.internal") == ["10.9.0.4"]);
    assert!(asked() > once, "it was not in the cache any more");
    assert_eq!(daemon.short("only.ecs.internal"), ["10.9.0.3"]);
}
