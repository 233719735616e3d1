//! moto's server, a second opinion about AWS, as a child process.
//!
//! moto is a Python program; it lives in a virtual environment, `tests/.venv` or the one that
//! `ECS_RESOLVER_TEST_VENV` names. Without it the tests here fail and say how to install it.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_ecs::types::Attachment;
use serde_json::Value;

/// A running moto server. Dropping it kills it.
#[derive(Debug)]
pub struct Moto {
    child: Child,
    address: SocketAddr,
    venv: PathBuf,
    log: tempfile::NamedTempFile,
}

impl Moto {
    /// Starts an empty moto (see `tests/moto_server.py`) and waits until it listens.
    ///
    /// # Panics
    /// If moto is not installed or does not start; the message says what to do.
    pub fn start() -> Self {
        let venv = venv();
        let log = tempfile::NamedTempFile::new().expect("a temporary file for moto's output");
        let mut child = Command::new(venv.join("bin/python"))
            .arg(script("moto_server.py"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(log.path()).expect("the temporary file opens"))
            .spawn()
            .expect("bin/python of the virtual environment runs");
        let mut said = String::new();
        let stdout = child.stdout.take().expect("a pipe");
        BufReader::new(stdout).read_line(&mut said).expect("moto says its port, or ends");
        let mut moto = Self { child, address: (Ipv4Addr::LOCALHOST, 0).into(), venv, log };
        let port = said.trim().parse();
        moto.address.set_port(port.unwrap_or_else(|_| panic!("moto did not start: {said}{}", moto.output())));
        moto
    }

    /// What `AWS_ENDPOINT_URL` must say.
    pub fn endpoint_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Builds the seed's world (see `tests/moto_seed.py`) and returns what the script says about it.
    pub fn seed(&self) -> Value {
        let python = self.venv.join("bin/python");
        let seeded = Command::new(python).arg(script("moto_seed.py")).arg(self.endpoint_url()).output();
        let seeded = seeded.expect("the seeding script runs");
        let errors = String::from_utf8_lossy(&seeded.stderr);
        assert!(seeded.status.success(), "moto_seed.py failed: {errors}\nmoto said: {}", self.output());
        serde_json::from_slice(&seeded.stdout).expect("moto_seed.py prints JSON")
    }

    /// What SDK clients need to reach it.
    pub async fn sdk(&self) -> SdkConfig {
        let credentials = Credentials::new("test", "test", None, None, "test");
        aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .endpoint_url(self.endpoint_url())
            .load()
            .await
    }

    /// What it has printed so far.
    fn output(&self) -> String {
        std::fs::read_to_string(self.log.path()).unwrap_or_default()
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        // It may have ended already; there is nothing to do about it then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A script of the tests.
fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

/// The virtual environment with moto in it.
///
/// # Panics
/// If there is none; the message says how to make it.
pub fn venv() -> PathBuf {
    let named = std::env::var_os("ECS_RESOLVER_TEST_VENV").map(PathBuf::from);
    find_venv(named).unwrap_or_else(|message| panic!("{message}"))
}

/// The virtual environment with moto in it, or how to make it.
fn find_venv(named: Option<PathBuf>) -> Result<PathBuf, String> {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/.venv");
    let venv = named.unwrap_or_else(default);
    if venv.join("bin/moto_server").is_file() {
        return Ok(venv);
    }
    let at = venv.display();
    Err(format!(
        "moto is not installed in {at}, so what needs it cannot be tested. Install it with\n    \
         python3 -m venv {at} && {at}/bin/pip install -r tests/requirements.txt\n\
         or let ECS_RESOLVER_TEST_VENV name a virtual environment that has it."
    ))
}

#[test]
fn without_moto_the_message_says_how_to_install_it() {
    let message = find_venv(Some(PathBuf::from("/nonexistent"))).unwrap_err();
    assert!(message.contains("/nonexistent/bin/pip install -r tests/requirements.txt"), "{message}");
}

#[tokio::test]
async fn the_seeded_services_are_there() {
    let moto = Moto::start();
    let seeded = moto.seed();
    let ecs = aws_sdk_ecs::Client::new(&moto.sdk().await);
    let names = ["TwitchApp", "GoodreadsApp", "PortalApp", "calc"].map(str::to_owned);
    let found = ecs.describe_services().cluster("prod").set_services(Some(names.to_vec()));
    let found = found.send().await.unwrap();
    let seen: Vec<_> = found.services().iter().filter_map(|service| service.service_name()).collect();
    assert_eq!(seen, names);
    for service in found.services() {
        assert_eq!(service.status(), Some("ACTIVE"));
        let told = &seeded["services"][service.service_name().unwrap()];
        let balancers = told["loadBalancers"].as_array().unwrap();
        assert_eq!(service.load_balancers().len(), balancers.len(), "{told}");
    }
    let instances = ecs.list_container_instances().cluster("prod").send().await.unwrap();
    assert_eq!(instances.container_instance_arns().len(), 2);
}

#[tokio::test]
async fn the_seeded_tasks_keep_running() {
    let moto = Moto::start();
    let seeded = moto.seed();
    let ecs = aws_sdk_ecs::Client::new(&moto.sdk().await);
    let listed = ecs.list_tasks().cluster("prod").send().await.unwrap();
    assert_eq!(listed.task_arns().len(), 8);
    for _ in 0..3 {
        let found = ecs.describe_tasks().cluster("prod").set_tasks(listed.task_arns.clone());
        for task in found.send().await.unwrap().tasks() {
            assert_eq!(task.last_status(), Some("RUNNING"), "described once more, it moved on");
            let service = task.group().unwrap().strip_prefix("service:").unwrap();
            let told = seeded["services"][service]["tasks"].as_array().unwrap();
            let told = told.iter().find(|one| one["arn"].as_str() == task.task_arn());
            let details = task.attachments().iter().flat_map(Attachment::details);
            let mut address = details.filter(|detail| detail.name() == Some("privateIPv4Address"));
            assert_eq!(
                told.expect("the script names every task")["eniAddress"].as_str(),
                address.next().and_then(|detail| detail.value()),
                "{service}"
            );
        }
    }
}
