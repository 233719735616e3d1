//! The whole daemon on the fake AWS: the real SDK over real HTTP in, `dig` out.
//!
//! Worlds are small: the daemon stretches its poll interval so that a fleet spares AWS's limits, and three hosts make
//! it two seconds and more.

mod balancers;
mod clusters;
mod denied;
mod dump;
mod health;
mod hosts;
mod names;
mod outage;
mod own_dns;
mod paging;
mod ports;
mod restart;
mod services;
mod stale;
mod throttling;

use crate::daemon::Daemon;
use crate::fake_aws::{FakeAws, Op};

/// A port that is closed, for daemons that need no upstream.
const NOBODY: &str = "127.0.0.1:1";

/// What a daemon on this fake has in its environment: credentials, a region, and nothing of this host's.
pub fn environment(endpoint: &str) -> Vec<(&str, &str)> {
    vec![
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ACCESS_KEY_ID", "AKIDTEST"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
    ]
}

/// A daemon that reads `fake` as often as it may, with these flags and nothing from a configuration file.
fn follow(fake: &FakeAws, flags: &[&str]) -> Daemon {
    let mut arguments = vec!["run", "--config", "/dev/null", "--poll-interval", "500ms"];
    arguments.extend(flags);
    Daemon::start(&arguments, &environment(&fake.endpoint_url()))
}

/// A daemon that follows the cluster `prod` and has nobody to forward to; ready.
fn follow_prod(fake: &FakeAws) -> Daemon {
    let daemon = follow(fake, &["--cluster", "prod", "--upstream", NOBODY, "--fallback", "off"]);
    daemon.wait_ready();
    daemon
}

/// Waits until a pass that began from now on is through: the next list may belong to one that had begun before, the
/// one after it to the one that is waited for, and the third says that this one is through.
fn wait_pass(daemon: &Daemon, fake: &FakeAws) {
    let before = fake.count(Op::ListTasks);
    daemon.wait("a whole pass", || fake.count(Op::ListTasks) >= before + 3);
}

/// The id in a task's ARN, which is its label.
fn id(arn: &str) -> &str {
    arn.rsplit('/').next().expect("an ARN has a last part")
}
