//! A controller looks at the health of tasks for all agents.

use super::{Followed, environment};
use crate::daemon::Daemon;
use crate::fake_aws::world::TaskDefinition;
use crate::fake_aws::{Fault, Op};

const LOOKS: &str = "ecs_resolver_aws_requests_total{operation=\"ecs:DescribeTasks\",result=\"ok\"}";
const TOLD: &str = "ecs_resolver_events_total{type=\"task_health\",result=\"served\"}";

/// Two healthy tasks, an agent, and their addresses and ARNs.
fn checked() -> (Followed, Vec<(String, String)>) {
    let mut tasks = Vec::new();
    let it = Followed::new(|fake| {
        let checked = TaskDefinition::new("web", "awsvpc").port("http", 80).health_check();
        let mut world = fake.world();
        for arn in world.service("prod", "web").task_definition(checked).fargate_tasks(2).task_arns() {
            world.task(&arn).health("web", "HEALTHY");
            tasks.push((world.task(&arn).private_address().expect("an address"), arn));
        }
    });
    it.fake.hosting().add_zone("ecs.internal");
    (it, tasks)
}

fn controller(it: &Followed) -> Daemon {
    let flags = ["--config", "/dev/null", "--cluster", "prod", "--interval", "1h", "--topic-arn", &it.topic];
    let flags = [&flags[..], &["--health-interval", "500ms"]].concat();
    Daemon::start_controller(&flags, &environment(&it.fake.endpoint_url()))
}

/// How often it has happened.
fn count(daemon: &Daemon, metric: &str) -> f64 {
    daemon.metric(metric).unwrap_or(0.0)
}

#[test]
fn the_agent_stops_looking_and_is_told_of_every_change() {
    let (it, tasks) = checked();
    let controller = controller(&it);
    it.daemon.wait("it is told", || count(&it.daemon, TOLD) >= 2.0);
    // What is under way when the first message comes may still end.
    let steady = count(&controller, LOOKS) + 2.0;
    it.daemon.wait("two rounds", || count(&controller, LOOKS) >= steady);
    let before = count(&it.daemon, LOOKS);
    for (word, left) in [("UNHEALTHY", 1), ("HEALTHY", 2)] {
        it.fake.world().task(&tasks[0].1).health("web", word);
        it.daemon.wait(word, || it.daemon.short("web.prod.task.ecs.internal").len() == left);
    }
    let rounds = count(&controller, LOOKS) + 4.0;
    it.daemon.wait("four rounds", || count(&controller, LOOKS) >= rounds);
    assert_eq!(count(&it.daemon, LOOKS), before, "the agent has not looked itself:\n{}", it.daemon.log());
    assert!(controller.terminate().success());
    it.fake.world().task(&tasks[0].1).health("web", "UNHEALTHY");
    it.daemon
        .wait("it looks for itself again", || it.daemon.short("web.prod.task.ecs.internal") == [tasks[1].0.clone()]);
}

#[test]
fn a_controller_that_may_not_tell_or_look_says_so_and_agents_look_themselves() {
    for (op, action) in [(Op::Publish, "sns:Publish"), (Op::ListTasks, "ecs:ListTasks")] {
        let (it, tasks) = checked();
        it.fake.knobs().fail(op, Fault::AccessDenied);
        let controller = controller(&it);
        let said = format!("add {action} to the role");
        controller.wait(&said, || controller.get("/ready").1.contains(&said));
        it.fake.world().task(&tasks[0].1).health("web", "UNHEALTHY");
        let left = || it.daemon.short("web.prod.task.ecs.internal");
        it.daemon.wait("the agent sees it", || left() == [tasks[1].0.clone()]);
        assert_eq!(count(&it.daemon, TOLD), 0.0, "{action}");
        it.fake.knobs().heal_all();
        it.daemon.wait("it is told", || count(&it.daemon, TOLD) >= 1.0);
    }
}
