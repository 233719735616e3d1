//! The Route 53 zone as the daemon answers it: through the upstream, or from a copy that it reads from the fake AWS.

mod across;
mod copy;
mod differential;
mod emulators;
mod order;
mod pages;
mod peers;
mod refused;
mod resolver;
mod types;

use crate::daemon::Daemon;
use crate::fake_aws::FakeAws;

/// A port that is closed, for daemons that need no upstream.
const NOBODY: &str = "127.0.0.1:1";

/// What a daemon on this fake has in its environment.
fn environment(endpoint: &str) -> Vec<(&str, &str)> {
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

/// A daemon with this configuration, on `fake`; not waited for.
fn start(fake: &FakeAws, configuration: &str, flags: &[&str]) -> (Daemon, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("ecs-resolver.toml");
    std::fs::write(&file, configuration).expect("the configuration is written");
    let mut arguments = vec!["run", "--config", file.to_str().expect("a path in UTF-8")];
    arguments.extend(flags);
    (Daemon::start(&arguments, &environment(&fake.endpoint_url())), folder)
}

/// A daemon that knows nothing of ECS and keeps a copy of the hosted zone; ready.
fn copy_of(fake: &FakeAws, upstream: &str) -> Daemon {
    let (daemon, _) = start(fake, "", &["--source", "off", "--fallback", "api", "--upstream", upstream]);
    daemon.wait_ready();
    daemon
}
