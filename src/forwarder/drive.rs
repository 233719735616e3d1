//! Drives one [`Exchange`] over the [`Link`]: sends what it wants sent, and tells it what comes and when time is up.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::stream::{FuturesUnordered, StreamExt};

use super::{Flight, ForwardError, Forwarder, Link, now};
use crate::forward::{Entry, Exchange, Heard, Key, Transmit, Transport};

/// What came of listening to a try once, and what to listen to further.
struct Arrival {
    attempt: usize,
    bytes: io::Result<Vec<u8>>,
    flight: Option<Box<dyn Flight>>,
}

type Arriving = Pin<Box<dyn Future<Output = Arrival> + Send>>;

/// Asks the upstreams for `key`.
pub(super) async fn run(forwarder: &Forwarder, key: &Key) -> Result<Entry, ForwardError> {
    let settings = &forwarder.settings;
    let begun = now();
    let ids = forwarder.link.random_ids().map_err(|_| ForwardError::Unreachable)?;
    let caps = forwarder.caps(key);
    let mut exchange = Exchange::new(key.clone(), settings.upstreams.len(), settings.timing, caps, ids, begun);
    let mut arriving: FuturesUnordered<Arriving> = FuturesUnordered::new();
    let outcome = loop {
        while let Some(transmit) = exchange.poll_transmit(now()) {
            arriving.push(Box::pin(send(forwarder, transmit)));
        }
        if let Some(outcome) = exchange.poll_outcome() {
            break outcome;
        }
        let until = exchange.poll_timeout().map_or_else(tokio::time::Instant::now, Into::into);
        tokio::select! {
            Some(arrival) = arriving.next() => {
                if let Some(listening) = judge(&mut exchange, arrival) {
                    arriving.push(listening);
                }
            }
            () = tokio::time::sleep_until(until) => exchange.handle_timeout(now()),
        }
    };
    forwarder.stats.count_exchange(exchange.tally(), now().saturating_duration_since(begun), outcome.as_ref().err());
    outcome.map_err(ForwardError::from)
}

/// Tells the exchange what has arrived; gives back what to listen to further.
fn judge(exchange: &mut Exchange, arrival: Arrival) -> Option<Arriving> {
    match arrival.bytes {
        Err(_) => exchange.handle_unreachable(arrival.attempt),
        Ok(bytes) => {
            let heard = exchange.handle_reply(now(), arrival.attempt, &bytes);
            if let (Heard::Ignored, Some(flight)) = (heard, arrival.flight) {
                return Some(Box::pin(listen(arrival.attempt, flight)));
            }
        }
    }
    None
}

/// Sends one query and waits for the first thing to come back.
fn send(forwarder: &Forwarder, transmit: Transmit) -> impl Future<Output = Arrival> + Send + use<> {
    let link: Arc<dyn Link> = Arc::clone(&forwarder.link);
    let to = forwarder.settings.upstreams.get(transmit.upstream).copied();
    let Transmit { attempt, transport, query, .. } = transmit;
    async move {
        let Some(to) = to else {
            return Arrival { attempt, bytes: Err(io::ErrorKind::AddrNotAvailable.into()), flight: None };
        };
        match transport {
            Transport::Tcp => Arrival { attempt, bytes: link.tcp(to, &query).await, flight: None },
            Transport::Udp => match link.udp(to, &query).await {
                Ok(flight) => listen(attempt, flight).await,
                Err(error) => Arrival { attempt, bytes: Err(error), flight: None },
            },
        }
    }
}

async fn listen(attempt: usize, mut flight: Box<dyn Flight>) -> Arrival {
    let bytes = flight.receive().await;
    Arrival { attempt, bytes, flight: Some(flight) }
}
