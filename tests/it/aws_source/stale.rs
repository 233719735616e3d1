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
