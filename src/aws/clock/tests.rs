use std::sync::Arc;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::SharedTimeSource;

use super::*;
use crate::aws::replay::{Replay, aws, config};
use crate::source::ports::EcsApi;

const HOUR: Duration = Duration::from_secs(3600);

/// A clock of a host, which goes on as tokio's does and can be set.
#[derive(Debug, Clone)]
struct Host {
    begun: Instant,
    /// What it shows when it begins.
    set: Arc<Mutex<SystemTime>>,
}

impl Host {
    fn start() -> Self {
        let set = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        Self { begun: Instant::now(), set: Arc::new(Mutex::new(set)) }
    }

    fn set(&self, change: impl FnOnce(SystemTime) -> SystemTime) {
        let mut set = self.set.lock().unwrap();
        *set = change(*set);
    }
}

impl TimeSource for Host {
    fn now(&self) -> SystemTime {
        *self.set.lock().unwrap() + self.begun.elapsed()
    }
}

#[tokio::test(start_paused = true)]
async fn it_follows_the_host_forward_and_never_back() {
    let host = Host::start();
    let clock = Forward::of(host.clone());
    let begun = host.now();
    assert_eq!(clock.now(), begun);
    host.set(|time| time + 24 * HOUR);
    assert_eq!(clock.now(), begun + 24 * HOUR);
    host.set(|time| time - 25 * HOUR);
    assert_eq!(clock.now(), begun + 24 * HOUR, "it has been told so");
    tokio::time::advance(Duration::from_secs(5)).await;
    assert_eq!(clock.now(), begun + 24 * HOUR + Duration::from_secs(5), "and goes on");
    host.set(|time| time + 26 * HOUR);
    assert_eq!(clock.now(), host.now());
}

/// How long calls take of which the first is throttled, while the host's clock is put back by an hour.
async fn calls_take(host: &Host, clock: SharedTimeSource, region: &'static str) -> Duration {
    let throttled = (400, r#"{"__type":"ThrottlingException"}"#);
    let fine = (200, r#"{"clusterArns":[]}"#);
    let replay = Replay::new(&[fine, throttled, fine, fine, fine]);
    let sdk = config(replay.clone())
        .region(aws_config::Region::new(region))
        .retry_config(RetryConfig::adaptive().with_max_attempts(2))
        .sleep_impl(aws_smithy_async::rt::sleep::SharedAsyncSleep::new(TokioSleep::new()))
        .time_source(clock);
    let (aws, _) = aws(sdk).await;
    let begun = Instant::now();
    for call in 0..4 {
        if call == 2 {
            host.set(|time| time - HOUR);
        }
        assert!(aws.ecs.list_clusters().await.is_ok(), "{:?}", replay.sent());
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    begun.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_put_back_holds_no_call_up() {
    let host = Host::start();
    let ours = SharedTimeSource::new(Forward::of(host.clone()));
    assert!(calls_take(&host, ours, "eu-central-1").await < HOUR / 10);
    // Else this clock would not be needed any more.
    let theirs = SharedTimeSource::new(host.clone());
    assert!(calls_take(&host, theirs, "eu-west-1").await > HOUR / 2);
}
