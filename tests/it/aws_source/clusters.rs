//! Several clusters: their order, and what "all" means.

use crate::aws_source::{NOBODY, follow};
use crate::daemon::Reply;
use crate::fake_aws::{FakeAws, Fault, Op};

/// `api` in both clusters, `db` only in the second. Returns the addresses of prod's api, batch's api and batch's db.
fn world(fake: &FakeAws) -> [String; 3] {
    let mut world = fake.world();
    [("prod", "api"), ("batch", "api"), ("batch", "db")].map(|(cluster, service)| {
        let task = world.service(cluster, service).fargate_tasks(1).task_arns().pop().unwrap();
        world.task(&task).private_address().unwrap()
    })
}

#[test]
fn the_first_cluster_that_has_a_service_wins() {
    let fake = FakeAws::start();
    let [prod, batch, db] = world(&fake);
    let flags = ["--cluster", "prod", "--cluster", "batch", "--upstream", NOBODY, "--fallback", "off"];
    let daemon = follow(&fake, &flags);
    daemon.wait_ready();
    assert_eq!(daemon.short("api.ecs.internal"), [prod.as_str()]);
    assert_eq!(daemon.short("api.prod.ecs.internal"), [prod.as_str()]);
    assert_eq!(daemon.short("api.batch.ecs.internal"), [batch.as_str()]);
    assert_eq!(daemon.short("db.ecs.internal"), [db.as_str()]);
    assert_eq!(daemon.ask("db.prod.ecs.internal").status, "NXDOMAIN");

    // Without a ready task it keeps its name.
    let task = fake.world().tasks_of("prod", "api").pop().unwrap();
    fake.world().task(&task).stop();
    daemon.wait_reply("api.ecs.internal", "empty", Reply::is_nodata);
    fake.world().service("prod", "api").status("INACTIVE");
    daemon.wait_for("api.ecs.internal", &[&batch]);
}

#[test]
fn while_an_earlier_cluster_is_not_read_a_later_one_does_not_answer_for_it() {
    let fake = FakeAws::start();
    let batch = world(&fake)[1].clone();
    fake.world().cluster("prod").status = "INACTIVE".to_owned();
    let flags = ["--cluster", "prod", "--cluster", "batch", "--upstream", NOBODY, "--fallback", "off"];
    let daemon = follow(&fake, &flags);
    daemon.wait_for("api.batch.ecs.internal", &[&batch]);
    for name in ["api.ecs.internal", "db.ecs.internal", "api.prod.ecs.internal"] {
        let reply = daemon.ask(name);
        assert!(reply.is_servfail("14"), "{name}: {reply:?}");
    }
    let (status, ready) = daemon.get("/ready");
    assert!(status == 503 && ready.contains("no ACTIVE cluster `prod`"), "{ready}");
    fake.world().cluster("prod").status = "ACTIVE".to_owned();
    daemon.wait_ready();
    assert_eq!(daemon.short("db.ecs.internal").len(), 1);
}

#[test]
fn all_clusters_have_full_names_only() {
    let fake = FakeAws::start();
    let [prod, batch, _] = world(&fake);
    let daemon = follow(&fake, &["--cluster", "all", "--upstream", NOBODY, "--fallback", "off"]);
    daemon.wait_ready();
    assert_eq!(daemon.short("api.prod.ecs.internal"), [prod.as_str()]);
    assert_eq!(daemon.short("api.batch.task.ecs.internal"), [batch.as_str()]);
    assert_eq!(daemon.ask("api.ecs.internal").status, "NXDOMAIN");
    assert_eq!(daemon.ask("api.staging.ecs.internal").status, "NXDOMAIN");

    let task = fake.world().service("staging", "api").fargate_tasks(1).task_arns().pop().unwrap();
    let address = fake.world().task(&task).private_address().unwrap();
    daemon.wait_for("api.staging.ecs.internal", &[&address]);
    fake.world().clusters.remove("batch");
    daemon.wait("batch is gone", || daemon.ask("api.batch.ecs.internal").status == "NXDOMAIN");
    assert_eq!(daemon.short("api.prod.ecs.internal"), [prod.as_str()]);

    // A list that fails takes nothing away.
    fake.knobs().fail(Op::ListClusters, Fault::AccessDenied);
    daemon.wait("the warning", || daemon.get("/ready").1.contains("ecs:ListClusters is not allowed"));
    assert_eq!(daemon.short("api.staging.ecs.internal"), [address.as_str()]);
}
