//! The whole daemon with events: what AWS says, by a topic and a queue of our own, is what `dig` says; the clusters are
//! not polled meanwhile.

mod changes;
mod emulators;
mod queue;
mod rollout;
mod told;

use crate::daemon::Daemon;
use crate::fake_aws::{FakeAws, Travel};

/// A daemon that follows the cluster `prod` of a fake by its events, and reads it again only when something is amiss.
struct Followed {
    fake: FakeAws,
    topic: String,
    /// The name of the queue that the daemon makes.
    queue: String,
    daemon: Daemon,
}

/// Like that of `aws_source`, with the metadata of an instance.
fn environment(endpoint: &str) -> Vec<(&str, &str)> {
    vec![
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ACCESS_KEY_ID", "AKIDTEST"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint),
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
    ]
}

/// Starts a daemon on `fake` with these flags, which polls as often as that, and reads everything again hardly ever.
fn start(fake: &FakeAws, poll_interval: &str, flags: &[&str]) -> Daemon {
    let mut arguments = vec!["run", "--config", "/dev/null", "--cluster", "prod", "--upstream", "127.0.0.1:1"];
    arguments.extend(["--fallback", "off", "--poll-interval", poll_interval, "--reconcile-interval", "24h"]);
    arguments.extend(flags);
    Daemon::start(&arguments, &environment(&fake.endpoint_url()))
}

/// The daemon's host, a container instance of `prod`. Returns the name of the queue that it makes.
fn join(fake: &FakeAws) -> String {
    let mut world = fake.world();
    let host = world.add_host("prod", 'a');
    let queue = format!("ecs-resolver-prod-{}", host.instance_id);
    world.metadata_of = Some(host.instance_id);
    queue
}

impl Followed {
    /// Builds a world, starts a daemon that follows it, and waits until its events are read.
    fn new(build: impl FnOnce(&FakeAws)) -> Self {
        let fake = FakeAws::start();
        let queue = join(&fake);
        build(&fake);
        let topic = fake.messaging().add_topic("ecs-changes");
        fake.emit_events(&topic, Travel::default());
        let daemon = start(&fake, "1h", &["--topic-arn", &topic, "--health-interval", "500ms"]);
        daemon.wait_ready();
        daemon.wait("events", || daemon.log().contains("changes are learned from events"));
        Self { fake, topic, queue, daemon }
    }

    /// Waits until nothing is in the queue any more.
    fn wait_handled(&self) {
        self.daemon.wait("an empty queue", || self.fake.messaging().queue(&self.queue).counts() == (0, 0));
    }
}
