//! When the controller reconciles: at an interval, and soon after an event that asks for it.

use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};

use crate::registrar::{Controller, Hearing};
use crate::source::pace;

/// Time from an event to the reconcile, so that what happens together is reconciled together.
const GATHER: Duration = Duration::from_secs(2);

/// After a reconcile events wait as long as it took, up to this: a large zone takes many calls to read, of which the
/// whole account has few.
const LONGEST_REST: Duration = Duration::from_secs(15);

/// Reconciles, and hears events if there is a queue of them, for ever.
pub(super) async fn work(interval: Duration, controller: Controller, hearing: Option<Hearing>) {
    let Some(hearing) = hearing else { return reconcile(interval, controller, None).await };
    // Subscribed first, read second, so that nothing falls between.
    hearing.open_first().await;
    // Hearing ends only when the updater has stopped.
    let (_, ()) = tokio::join!(hearing.run(), reconcile(interval, controller, Some(&hearing)));
}

/// Reconciles for ever. Events that come while reconciles fail do not hasten the next one.
async fn reconcile(interval: Duration, controller: Controller, hearing: Option<&Hearing>) {
    let mut failures = 0;
    loop {
        let began = Instant::now();
        let hints = hearing.map(Hearing::begin).unwrap_or_default();
        let result = controller.reconcile(&hints).await;
        failures = if result.is_err() { failures + 1 } else { 0 };
        if let Some(hearing) = hearing {
            hearing.end(result.is_ok_and(|outcome| outcome.complete)).await;
        }
        let pause = if failures > 0 { pace::backoff(failures, interval) } else { interval };
        // One that takes longer than the interval is followed by a pause all the same.
        let due = (began + pace::jittered(pause, fastrand::f64())).max(Instant::now() + interval / 10);
        let rest = began.elapsed().clamp(GATHER, LONGEST_REST);
        let asked = async {
            match hearing {
                Some(hearing) if failures == 0 => hearing.asked().await,
                _ => std::future::pending().await,
            }
            sleep(rest).await;
        };
        tokio::select! {
            () = sleep_until(due) => {}
            () = asked => {}
        }
    }
}
