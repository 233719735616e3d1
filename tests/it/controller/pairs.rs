//! Two controllers at once.

use super::{add_balanced, changes, registered};
use crate::aws_source::environment;
use crate::daemon::Daemon;
use crate::fake_aws::{FakeAws, Op};

fn start(fake: &FakeAws) -> Daemon {
    let flags = ["--config", "/dev/null", "--cluster", "prod", "--interval", "200ms"];
    Daemon::start_controller(&flags, &environment(&fake.endpoint_url()))
}

#[test]
fn two_controllers_converge_to_the_same_zone_and_do_not_fight() {
    let fake = FakeAws::start();
    let zone = fake.hosting().add_zone("ecs.internal");
    for number in 0..12 {
        add_balanced(&fake, &format!("s{number:02}"));
    }
    // Both list the empty zone, and both then want to make the same names.
    fake.knobs().set_latency_of(Op::ChangeResourceRecordSets, std::time::Duration::from_millis(700));
    let (one, other) = (start(&fake), start(&fake));
    one.wait("all are registered", || fake.hosting().records(&zone) == registered(&fake));
    for number in 0..4 {
        fake.world().service("prod", &format!("s{number:02}")).status("INACTIVE");
    }
    add_balanced(&fake, "late");
    one.wait("the change has arrived", || fake.hosting().records(&zone) == registered(&fake));
    for controller in [&one, &other] {
        controller.wait_ready();
        let whole =
            || controller.metric("ecs_resolver_register_reconciles_total{result=\"whole\"}").unwrap_or_default();
        let before = whole();
        controller.wait("it is content", || whole() >= before + 2.0);
    }
    let calm = changes(&fake);
    let seen = fake.count(Op::ListResourceRecordSets);
    one.wait("both have looked again", || fake.count(Op::ListResourceRecordSets) >= seen + 6);
    assert_eq!(changes(&fake), calm, "nobody changes anything any more");
    assert_eq!(fake.hosting().owned(&zone).len(), 9);
}
