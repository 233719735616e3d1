//! What systemd is told (sd_notify(3)): ready, status, stopping, and that we are alive. Outside systemd nothing happens.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use sd_notify::NotifyState;

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

/// Tells systemd's watchdog that we live, at half its period, as long as `alive` agrees; until `shutdown`. Returns at
/// once if the unit has no `WatchdogSec`.
pub async fn watchdog(alive: impl Fn() -> bool + Send, shutdown: impl Future<Output = ()> + Send) {
    if let Some(period) = sd_notify::watchdog_enabled() {
        pulse(period / 2, alive, || notify(&[NotifyState::Watchdog]), shutdown).await;
    }
}

/// Calls `beat` every `period` in which `alive` holds, until `shutdown`.
async fn pulse(
    period: Duration,
    alive: impl Fn() -> bool + Send,
    mut beat: impl FnMut() + Send,
    shutdown: impl Future<Output = ()> + Send,
) {
    // An interval of nothing would panic.
    let mut ticks = tokio::time::interval(period.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut shutdown = pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => return,
            _ = ticks.tick() => {}
        }
        if alive() {
            beat();
        } else {
            tracing::error!(
                "a worker or the updater has ended: systemd's watchdog is not answered, so that it starts us anew"
            );
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
    async fn the_watchdog_is_answered_only_while_alive() {
        let (asked, beats) = (AtomicU32::new(0), AtomicU32::new(0));
        let alive = || asked.fetch_add(1, Ordering::Relaxed) < 3;
        let count = || {
            beats.fetch_add(1, Ordering::Relaxed);
        };
        let end = tokio::time::sleep(Duration::from_millis(5500));
        pulse(Duration::from_secs(1), alive, count, end).await;
        assert_eq!((asked.into_inner(), beats.into_inner()), (6, 3));
    }

    #[tokio::test]
    async fn without_a_watchdog_it_returns_at_once() {
        // Test runners are no units with WatchdogSec.
        watchdog(|| true, std::future::pending()).await;
    }
}
