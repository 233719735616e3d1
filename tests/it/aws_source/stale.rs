//! `ListTasks` is eventually consistent: what it says of a task is never the last word.

use crate::aws_source::{follow_prod, id, wait_pass};
use crate::fake_aws::{FakeAws, Op};

#[test]
fn a_stale_list_neither_keeps_the_dead_nor_drops_the_living() {
    let fake = FakeAws::start();
    let tasks = fake.world().service("prod", "web").fargate_tasks(2).task_arns();
    let daemon = follow_prod(&fake);
    let address = |task: &str| fake.world().task(task).private_address().unwrap();
    let (listed, unlisted) = (address(&tasks[0]), address(&tasks[1]));
    daemon.wait_for("web.ecs.internal", &[&listed, &unlisted]);

    // A list without the second task; what it says of itself stays as it is.
    fake.freeze(Op::DescribeTasks);
    fake.world().task(&tasks[1]).desired_status = "STOPPED".to_owned();
    fake.freeze(Op::ListTasks);
    fake.world().task(&tasks[1]).desired_status = "RUNNING".to_owned();
    fake.knobs().thaw(Op::DescribeTasks);
    wait_pass(&daemon, &fake);
    assert_eq!(fake.batches(Op::DescribeTasks).last(), Some(&2), "the unlisted one is asked for by name");
    assert_eq!(daemon.short("web.ecs.internal").len(), 2, "running, although not listed");

    // The list goes on naming the first.
    fake.world().task(&tasks[0]).stop();
    daemon.wait_for("web.ecs.internal", &[&unlisted]);
    wait_pass(&daemon, &fake);
    assert_eq!(daemon.short("web.ecs.internal"), [unlisted.as_str()], "it does not come back");
    assert_eq!(daemon.ask(&format!("{}.task.ecs.internal", id(&tasks[0]))).status, "NXDOMAIN");
}

#[test]
fn a_forgotten_task_is_gone() {
    let fake = FakeAws::start();
    let tasks = fake.world().service("prod", "web").fargate_tasks(2).task_arns();
    let daemon = follow_prod(&fake);
    assert_eq!(daemon.short("web.ecs.internal").len(), 2);
    fake.world().forget_task(&tasks[0]);
    let left = fake.world().task(&tasks[1]).private_address().unwrap();
    daemon.wait_for("web.ecs.internal", &[&left]);
}

#[test]
fn a_task_that_describe_does_not_know_yet_is_waited_for() {
    let fake = FakeAws::start();
    let old = fake.world().service("prod", "web").fargate_tasks(1).task_arns().pop().unwrap();
    let daemon = follow_prod(&fake);
    // Listed, and MISSING to DescribeTasks, which is behind.
    fake.freeze(Op::DescribeTasks);
    let tasks = fake.world().service("prod", "web").fargate_tasks(1).task_arns();
    wait_pass(&daemon, &fake);
    assert_eq!(fake.batches(Op::DescribeTasks).last(), Some(&2));
    assert_eq!(daemon.short("web.ecs.internal").len(), 1);
    fake.knobs().thaw(Op::DescribeTasks);
    let new = tasks.into_iter().find(|task| *task != old).unwrap();
    let addresses = [old, new].map(|task| fake.world().task(&task).private_address().unwrap());
    daemon.wait_for("web.ecs.internal", &[&addresses[0], &addresses[1]]);
}

#[test]
fn an_older_version_changes_nothing() {
    let fake = FakeAws::start();
    let tasks = fake.world().service("prod", "web").fargate_tasks(2).task_arns();
    let daemon = follow_prod(&fake);
    let left = fake.world().task(&tasks[1]).private_address().unwrap();
    let before = fake.world().task(&tasks[0]).clone();
    fake.world().task(&tasks[0]).stopping();
    daemon.wait_for("web.ecs.internal", &[&left]);

    // A replica that is behind answers with what was.
    *fake.world().task(&tasks[0]) = before;
    wait_pass(&daemon, &fake);
    assert_eq!(daemon.short("web.ecs.internal"), [left.as_str()]);
    fake.world().task(&tasks[0]).stopping().stop();
    daemon.wait_reply("web.ecs.internal", "calm", |reply| reply.ttls("A") == [5]);
}

#[test]
fn without_versions_the_later_answer_counts() {
    let fake = FakeAws::start();
    fake.knobs().omit_versions = true;
    let tasks = fake.world().service("prod", "web").fargate_tasks(2).task_arns();
    let daemon = follow_prod(&fake);
    assert_eq!(daemon.short("web.ecs.internal").len(), 2);
    let left = fake.world().task(&tasks[1]).private_address().unwrap();
    fake.world().task(&tasks[0]).stopping();
    daemon.wait_for("web.ecs.internal", &[&left]);
    fake.world().task(&tasks[0]).status("RUNNING", "RUNNING");
    daemon.wait("both again", || daemon.short("web.ecs.internal").len() == 2);
}
