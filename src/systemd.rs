//! What systemd is told (sd_notify(3)): ready, status, stopping, and that we are alive; and the sockets that it keeps for
//! us. Outside systemd nothing happens.

mod store;

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use sd_notify::NotifyState;

pub use store::{forget, inherited, keep};

/// How often a sign of life is given in the time that systemd waits for one: a sign may fail now and then.
const SIGNS: u32 = 4;

/// Start-up is finished: the sockets are bound and answer.
pub fn ready() {
    notify(&[NotifyState::Ready]);
}

/// The configuration is being read anew; [`ready`] says that it was.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => notify(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!(%error, "systemd cannot be told of a reload: there is no clock"),
    }
}

/// Shutdown has begun.
pub fn stopping() {
    notify(&[NotifyState::Stopping]);
}

/// One line for `systemctl status`.
pub fn status(text: &str) {
    // A line break would begin another assignment of the protocol.
    notify(&[NotifyState::Status(&text.replace(['\n', '\r'], " "))]);
}

/// Tells systemd's watchdog that we live, four times in the time that it waits for it, as long as `check` finds nothing
/// wrong in the time that it is given; until `shutdown`. Returns at once if the unit has no `WatchdogSec`.
pub async fn watchdog<C>(check: impl Fn(Duration) -> C + Send, shutdown: impl Future<Output = ()> + Send)
where
    C: Future<Output = Result<(), &'static str>> + Send,
{
    if let Some(limit) = sd_notify::watchdog_enabled() {
        let period = limit / SIGNS;
        let beat = || notify(&[NotifyState::Watchdog]);
        pulse(period, move || check(period), beat, shutdown).await;
    }
}

/// Calls `beat` every `period` in which `check` finds nothing wrong, until `shutdown`.
async fn pulse<C>(
    period: Duration,
    check: impl Fn() -> C + Send,
    mut beat: impl FnMut() + Send,
    shutdown: impl Future<Output = ()> + Send,
) where
    C: Future<Output = Result<(), &'static str>> + Send,
{
    // An interval of nothing would panic.
    let mut ticks = tokio::time::interval(period.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut shutdown = pin!(shutdown);
    loop {
        let checked = async {
            ticks.tick().await;
            check().await
        };
        let checked = tokio::select! {
            () = &mut shutdown => return,
            checked = checked => checked,
        };
        match checked {
            Ok(()) => beat(),
            Err(fault) => {
                tracing::error!("{fault}: systemd's watchdog is not answered; if that goes on, it starts us anew");
            }
        }
    }
}

fn notify(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "systemd cannot be told {state:?}");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_watchdog_is_answered_only_while_nothing_is_wrong() {
        let (asked, beats) = (AtomicU32::new(0), AtomicU32::new(0));
        let check = async || if asked.fetch_add(1, Ordering::Relaxed) < 3 { Ok(()) } else { Err("worn out") };
        let count = || {
            beats.fetch_add(1, Ordering::Relaxed);
        };
        let end = tokio::time::sleep(Duration::from_millis(5500));
        pulse(Duration::from_secs(1), check, count, end).await;
        assert_eq!((asked.into_inner(), beats.into_inner()), (6, 3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_that_takes_forever_is_no_sign_of_life_and_holds_up_no_shutdown() {
        let beats = AtomicU32::new(0);
        let count = || {
            beats.fetch_add(1, Ordering::Relaxed);
        };
        let end = tokio::time::sleep(Duration::from_secs(60));
        pulse(Duration::from_secs(1), std::future::pending, count, end).await;
        assert_eq!(beats.into_inner(), 0);
    }

    #[tokio::test]
    async fn without_a_watchdog_it_returns_at_once() {
        // Test runners are no units with WatchdogSec.
        watchdog(async |_| Ok(()), std::future::pending()).await;
    }
}
