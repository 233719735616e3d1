//! The controller with a queue of events: what happens is registered long before the interval is over.

use super::{add_balanced, registered, seed};
use crate::aws_source::environment;
use crate::daemon::Daemon;
use crate::fake_aws::world::Scheme;
use crate::fake_aws::{FakeAws, Fault, Op, Travel};

const QUEUE: &str = "ecs-resolver-prod-controller";

/// A controller of `prod` with a queue of its own below a topic that hears of everything.
fn start(fake: &FakeAws, interval: &str, flags: &[&str]) -> Daemon {
    let topic = fake.messaging().add_topic("ecs-changes");
    fake.emit_events(&topic, Travel::default());
    let fixed = ["--config", "/dev/null", "--cluster", "prod", "--interval", interval, "--topic-arn", &topic];
    Daemon::start_controller(&[&fixed, flags].concat(), &environment(&fake.endpoint_url()))
}

fn wait_handled(daemon: &Daemon, fake: &FakeAws) {
    daemon.wait("an empty queue", || fake.messaging().queue(QUEUE).counts() == (0, 0));
}

#[test]
fn a_service_is_registered_and_deregistered_as_events_tell_of_it() {
    let fake = FakeAws::start();
    let zone = seed(&fake);
    let daemon = start(&fake, "1h", &[]);
    daemon.wait("all are registered", || fake.hosting().records(&zone) == registered(&fake));
    daemon.wait_log("services are registered as events tell of them");
    add_balanced(&fake, "late");
    daemon.wait("the new one too", || fake.hosting().records(&zone) == registered(&fake));
    wait_handled(&daemon, &fake);
    fake.world().service("prod", "late").desired(0).status("INACTIVE");
    daemon.wait("it is gone", || fake.hosting().records(&zone) == registered(&fake));
    wait_handled(&daemon, &fake);
    assert_eq!(fake.hosting().records(&zone).len(), 3);
    assert!(daemon.terminate().success());
}

#[test]
fn tasks_are_followed_where_they_are_registered() {
    let fake = FakeAws::start();
    let zone = fake.hosting().add_zone("ecs.internal");
    fake.world().service("prod", "web").fargate_tasks(1);
    let daemon = start(&fake, "1h", &["--record-type", "A"]);
    let addresses = || fake.hosting().records(&zone).iter().filter(|it| it.starts_with("web.ecs.internal.")).count();
    daemon.wait("the first task", || addresses() == 1);
    let arn = fake.world().launch("prod", "web");
    fake.world().come_up(&arn);
    daemon.wait("the second task", || addresses() == 2);
    fake.world().task(&arn).stopping();
    daemon.wait("it leaves", || addresses() == 1);
    wait_handled(&daemon, &fake);
}

#[test]
fn what_asks_for_nothing_is_removed_without_a_reconcile() {
    let fake = FakeAws::start();
    let zone = seed(&fake);
    fake.world().service("prod", "TwitchApp").fargate_tasks(1);
    let daemon = start(&fake, "1h", &[]);
    daemon.wait("all are registered", || fake.hosting().records(&zone) == registered(&fake));
    daemon.wait_log("services are registered as events tell of them");
    wait_handled(&daemon, &fake);
    let passes = || daemon.metric("ecs_resolver_register_reconciles_total{result=\"whole\"}");
    // It ends after what it registers.
    daemon.wait("the first pass", || passes() >= Some(1.0));
    let before = passes();
    fake.messaging().send(QUEUE, "no event");
    let arn = fake.world().launch("prod", "TwitchApp");
    fake.world().come_up(&arn);
    daemon.wait("they are removed", || {
        daemon.log().contains("a message of the queue of events is none")
            && fake.messaging().queue(QUEUE).counts() == (0, 0)
    });
    assert_eq!(passes(), before);
    let count = |kind: &str, result: &str| {
        daemon.metric(&format!("ecs_resolver_events_total{{type=\"{kind}\",result=\"{result}\"}}")).unwrap_or_default()
    };
    assert_eq!(count("other", "malformed"), 1.0);
    assert!(count("task", "ignored") >= 1.0 && count("task", "served") == 0.0);
    daemon.wait("health is looked at", || daemon.metric("ecs_resolver_source_health_interval_seconds") > Some(0.0));
}

#[test]
fn a_queue_that_vanishes_is_made_again_and_what_it_missed_is_made_up_for() {
    let fake = FakeAws::start();
    let zone = seed(&fake);
    let daemon = start(&fake, "1h", &[]);
    daemon.wait("all are registered", || fake.hosting().records(&zone) == registered(&fake));
    daemon.wait_log("services are registered as events tell of them");
    fake.messaging().name_is_taken = std::time::Duration::from_secs(2);
    fake.messaging().delete_queue(QUEUE);
    // No queue hears of this one.
    add_balanced(&fake, "late");
    daemon.wait_log("the queue of events is gone: it is opened again");
    daemon.wait("the missed one", || fake.hosting().records(&zone) == registered(&fake));
    daemon.wait("events again", || daemon.log().matches("services are registered as events tell of them").count() == 2);
    add_balanced(&fake, "later");
    daemon.wait("what is new", || fake.hosting().records(&zone) == registered(&fake));
    wait_handled(&daemon, &fake);
}

/// Of several clusters, the first that has a service of a name has the name. All share one queue.
#[test]
fn services_of_several_clusters_are_registered_as_events_tell_of_them() {
    let fake = FakeAws::start();
    let zone = seed(&fake);
    fake.world().cluster("batch");
    let daemon = start(&fake, "1h", &["--cluster", "batch"]);
    let add = |service: &str| {
        let mut world = fake.world();
        let target = world.add_classic_load_balancer(&format!("batch-{service}"), Scheme::Internal);
        world.service("batch", service).classic_load_balancer(&format!("batch-{service}"), 80).desired(1);
        target
    };
    let has = |name: &str, target: &str| {
        let line = format!("{}.ecs.internal. 60 CNAME {target}", name.to_lowercase());
        fake.hosting().records(&zone).contains(&line)
    };
    let twitch = add("TwitchApp");
    let nightly = add("nightly");
    let first = fake.world().classic_load_balancers["TwitchApp"].dns_name.clone();
    daemon.wait("both clusters", || has("nightly", &nightly) && has("TwitchApp", &first));
    daemon.wait_log("services are registered as events tell of them");
    let weekly = add("weekly");
    daemon.wait("an event of the second", || has("weekly", &weekly));
    add_balanced(&fake, "late");
    let late = fake.world().classic_load_balancers["late"].dns_name.clone();
    daemon.wait("an event of the first", || has("late", &late));
    fake.world().service("prod", "TwitchApp").desired(0).status("INACTIVE");
    daemon.wait("the next in line has the name", || has("TwitchApp", &twitch));
    fake.world().service("batch", "nightly").desired(0).status("INACTIVE");
    daemon.wait("it is gone", || !has("nightly", &nightly));
    wait_handled(&daemon, &fake);
}

#[test]
fn two_controllers_share_one_queue_and_nothing_is_missed() {
    let fake = FakeAws::start();
    let zone = seed(&fake);
    let (one, other) = (start(&fake, "1h", &[]), start(&fake, "1h", &[]));
    for daemon in [&one, &other] {
        daemon.wait_ready();
        daemon.wait_log("services are registered as events tell of them");
    }
    for number in 0..6 {
        add_balanced(&fake, &format!("s{number}"));
        one.wait("it is registered by one of the two", || fake.hosting().records(&zone) == registered(&fake));
    }
    fake.world().service("prod", "s0").desired(0).status("INACTIVE");
    one.wait("it is gone", || fake.hosting().records(&zone) == registered(&fake));
    wait_handled(&one, &fake);
    assert!(one.terminate().success());
    add_balanced(&fake, "alone");
    other.wait("the other goes on", || fake.hosting().records(&zone) == registered(&fake));
}

/// The message of a reconcile that could not read everything comes again.
#[test]
fn a_message_stays_until_its_reconcile_is_through() {
    let fake = FakeAws::start();
    let zone = seed(&fake);
    let daemon = start(&fake, "1h", &[]);
    daemon.wait("all are registered", || fake.hosting().records(&zone) == registered(&fake));
    daemon.wait_log("services are registered as events tell of them");
    wait_handled(&daemon, &fake);
    fake.messaging().queue(QUEUE).set("VisibilityTimeout", "1");
    fake.knobs().fail(Op::ListServices, Fault::AccessDenied);
    add_balanced(&fake, "late");
    let partial = "ecs_resolver_register_reconciles_total{result=\"partial\"}";
    daemon.wait("two in vain", || daemon.metric(partial).is_some_and(|count| count >= 2.0));
    assert_ne!(fake.messaging().queue(QUEUE).counts(), (0, 0));
    fake.knobs().heal_all();
    daemon.wait("it is registered", || fake.hosting().records(&zone) == registered(&fake));
    wait_handled(&daemon, &fake);
}

#[test]
fn without_its_queue_it_goes_on_at_its_interval_and_says_why() {
    let fake = FakeAws::start();
    let zone = seed(&fake);
    fake.knobs().fail(Op::CreateQueue, Fault::AccessDenied);
    let daemon = start(&fake, "200ms", &[]);
    daemon.wait("all are registered", || fake.hosting().records(&zone) == registered(&fake));
    add_balanced(&fake, "late");
    daemon.wait("it follows", || fake.hosting().records(&zone) == registered(&fake));
    let (status, said) = daemon.get("/ready");
    assert!(status == 200 && said.contains("add sqs:CreateQueue to the role"), "{said}");
    fake.knobs().heal_all();
    daemon.wait("the queue", || daemon.log().contains("services are registered as events tell of them"));
}
