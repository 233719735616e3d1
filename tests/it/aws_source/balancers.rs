//! Load balancers that go, or were never known: the flat name never leads to tasks, which listen on other ports.

use crate::aws_source::{follow, follow_prod, wait_pass};
use crate::fake_aws::world::Scheme;
use crate::fake_aws::{FakeAws, Op};
use crate::upstream::Upstream;

#[test]
fn a_deleted_load_balancer_is_remembered() {
    let fake = FakeAws::start();
    let (alb, group) = {
        let mut world = fake.world();
        let classic = world.add_classic_load_balancer("old", Scheme::Internal);
        world.service("prod", "old").classic_load_balancer("old", 80).fargate_tasks(1);
        let alb = world.add_application_load_balancer("new", Scheme::InternetFacing);
        let group = world.add_target_group("new", "ip", Some(&alb));
        world.service("prod", "new").target_group(&group, 80).fargate_tasks(1);
        assert!(classic.starts_with("internal-old-"));
        (alb, group)
    };
    let daemon = follow_prod(&fake);
    let alias = |name: &str| daemon.short(&format!("CNAME {name}.ecs.internal"));
    let before = [alias("old"), alias("new")];
    assert!(before.iter().all(|alias| alias.len() == 1 && alias[0].contains(".elb.amazonaws.com.")), "{before:?}");
    {
        let mut world = fake.world();
        world.classic_load_balancers.clear();
        world.load_balancers.remove(&alb);
    }
    wait_pass(&daemon, &fake);
    assert_eq!([alias("old"), alias("new")], before);
    fake.world().target_groups.remove(&group);
    wait_pass(&daemon, &fake);
    assert_eq!([alias("old"), alias("new")], before);
    assert_eq!(daemon.get("/ready").0, 200);

    // Made anew under the old name, it has another DNS name.
    let again = fake.world().add_classic_load_balancer("old", Scheme::Internal);
    daemon.wait_for("CNAME old.ecs.internal", &[&format!("{again}.")]);
}

#[test]
fn a_missing_load_balancer_does_not_fail_the_batch_of_the_others() {
    let fake = FakeAws::start();
    {
        let mut world = fake.world();
        world.add_classic_load_balancer("there", Scheme::Internal);
        world.service("prod", "there").classic_load_balancer("there", 80);
        world.service("prod", "lost").classic_load_balancer("lost", 80).fargate_tasks(1);
        let alb = world.add_application_load_balancer("web", Scheme::Internal);
        let group = world.add_target_group("web", "ip", Some(&alb));
        world.service("prod", "web").target_group(&group, 80);
        let gone = world.add_target_group("gone", "ip", None);
        world.target_groups.remove(&gone);
        world.service("prod", "gone").target_group(&gone, 80).fargate_tasks(1);
    }
    let upstream = Upstream::start(&["lost.ecs.internal. 60 IN CNAME example.com."]);
    let daemon = follow(&fake, &["--cluster", "prod", "--upstream", &upstream.flag()]);
    daemon.wait_ready();
    assert_eq!(daemon.short("CNAME there.ecs.internal").len(), 1);
    assert_eq!(daemon.short("CNAME web.ecs.internal").len(), 1);
    let not_found = |op| fake.calls_of(op).iter().any(|call| call.error.is_some());
    assert!(not_found(Op::DescribeClassicLoadBalancers) && not_found(Op::DescribeTargetGroups));

    // Route 53 has the record.
    daemon.wait_for("lost.ecs.internal", &["192.0.2.7", "example.com."]);
    let reply = daemon.ask("gone.ecs.internal");
    assert!(reply.is_servfail("0"), "nobody knows: {reply:?}");
    assert_eq!(daemon.short("gone.prod.task.ecs.internal").len(), 1, "its tasks have their own names");
    let reply = daemon.ask("gone.prod.lb.ecs.internal");
    assert!(reply.is_servfail("0"), "{reply:?}");
}

#[test]
fn a_target_group_without_load_balancer_counts_as_none() {
    let fake = FakeAws::start();
    let group = {
        let mut world = fake.world();
        let group = world.add_target_group("web", "ip", None);
        world.service("prod", "web").target_group(&group, 80).fargate_tasks(1);
        group
    };
    let daemon = follow_prod(&fake);
    assert_eq!(daemon.ask("web.ecs.internal").data("A").len(), 1);

    // A blue/green service declares its target groups in its task sets; an internal load balancer goes first.
    {
        let mut world = fake.world();
        let public = world.add_application_load_balancer("public", Scheme::InternetFacing);
        let internal = world.add_application_load_balancer("inside", Scheme::Internal);
        world.target_groups.get_mut(&group).unwrap().load_balancer_arns = vec![public];
        let green = world.add_target_group("green", "ip", Some(&internal));
        world.service("prod", "web").task_set("PRIMARY", &green, 80);
    }
    daemon.wait("the internal one", || {
        daemon.short("CNAME web.ecs.internal").iter().any(|target| target.starts_with("internal-inside-"))
    });
}
