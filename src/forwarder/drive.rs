//! Drives one [`Exchange`] over the [`Link`]: sends what it wants sent, and tells it what comes and when time is up.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};

use super::budget::Class;
use super::rules::Rules;
use super::settings::Server;
use super::stats::count;
use super::{Flight, ForwardError, Forwarder, Link, now, probe};
use crate::forward::{Entry, Exchange, Heard, Key, Plan, Random, Transmit, Transport};

/// What came of listening to a try once, and what to listen to further.
struct Arrival {
    attempt: usize,
    bytes: io::Result<Vec<u8>>,
    flight: Option<Box<dyn Flight>>,
}

type Arriving = Pin<Box<dyn Future<Output = Arrival> + Send>>;

/// A place in the line of those who want to send.
type InLine<'b> = Pin<Box<dyn Future<Output = ()> + Send + 'b>>;

/// Asks the upstreams for `key`.
pub(super) async fn run(forwarder: &Arc<Forwarder>, key: &Key, class: Class) -> Result<Entry, ForwardError> {
    let (begun, rules) = (now(), forwarder.rules.load_full());
    let mut exchange = begin(forwarder, &rules, key)?;
    if rules.budget.is_exhausted(class) {
        count(&forwarder.stats.shed_waited);
    }
    let mut arriving: FuturesUnordered<Arriving> = FuturesUnordered::new();
    let mut in_line: Option<(Transport, InLine<'_>)> = None;
    let outcome = loop {
        if let Some(outcome) = exchange.poll_outcome() {
            break outcome;
        }
        let sends = exchange.wants_to_send();
        // The place in line is kept while other things happen.
        if in_line.as_ref().map(|(transport, _)| *transport) != sends {
            in_line = sends.map(|transport| (transport, rules.budget.take(class, transport).boxed()));
        }
        let turn = async {
            match &mut in_line {
                Some((_, turn)) => turn.await,
                None => std::future::pending().await,
            }
        };
        let until = exchange.poll_timeout().map_or_else(tokio::time::Instant::now, Into::into);
        tokio::select! {
            Some(arrival) = arriving.next() => {
                if let Some(listening) = judge(&mut exchange, arrival) {
                    arriving.push(listening);
                }
            }
            () = turn => {
                in_line = None;
                if let Some(transmit) = exchange.poll_transmit(now()) {
                    arriving.push(Box::pin(send(&rules, transmit)));
                }
            }
            () = tokio::time::sleep_until(until) => exchange.handle_timeout(now()),
        }
        for (upstream, observation) in exchange.take_observed() {
            probe::observe(forwarder, &rules, upstream, observation);
        }
    };
    forwarder.stats.count_exchange(exchange.tally(), now().saturating_duration_since(begun), outcome.as_ref().err());
    outcome.map_err(|failure| ForwardError::of(failure, exchange.ede()))
}

/// The exchange for `key`, and a look at those of its upstreams that nobody has asked before.
fn begin(forwarder: &Arc<Forwarder>, rules: &Arc<Rules>, key: &Key) -> Result<Exchange, ForwardError> {
    let settings = &rules.settings;
    let mut bytes = [0; Random::LEN];
    rules.link.random(&mut bytes).map_err(|_| ForwardError::Unreachable)?;
    let random = Random::from_bytes(&bytes);
    let candidates = rules.upstreams.candidates(&key.name, &random, now());
    if candidates.is_empty() {
        return Err(ForwardError::Loop);
    }
    for candidate in candidates.iter().filter(|candidate| rules.upstreams.is_first_use(candidate.upstream)) {
        probe::look(forwarder, rules, candidate.upstream);
    }
    let down = rules.upstreams.are_down(key.name.as_wire());
    let plan = Plan {
        candidates,
        budget: if down { settings.timing.stale_wait } else { settings.timing.budget },
        caps: rules.caps(key),
        mix_case: settings.mix_case,
    };
    Ok(Exchange::new(key.clone(), plan, random, now()))
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
fn send(rules: &Rules, transmit: Transmit) -> impl Future<Output = Arrival> + Send + use<> {
    let link: Arc<dyn Link> = Arc::clone(&rules.link);
    let to = rules.upstreams.server(transmit.upstream).cloned();
    let Transmit { attempt, transport, query, .. } = transmit;
    async move {
        let Some(to) = to else {
            return Arrival { attempt, bytes: Err(io::ErrorKind::AddrNotAvailable.into()), flight: None };
        };
        match transport {
            Transport::Tcp | Transport::Tls => {
                Arrival { attempt, bytes: over_stream(&*link, &to, &query).await, flight: None }
            }
            Transport::Udp => match link.udp(to.address, &query).await {
                Ok(flight) => listen(attempt, flight).await,
                Err(error) => Arrival { attempt, bytes: Err(error), flight: None },
            },
        }
    }
}

/// One question over a connection.
pub(super) async fn over_stream(link: &dyn Link, to: &Server, query: &[u8]) -> io::Result<Vec<u8>> {
    match &to.tls {
        Some(name) => link.tls(to.address, name, query).await,
        None => link.tcp(to.address, query).await,
    }
}

async fn listen(attempt: usize, mut flight: Box<dyn Flight>) -> Arrival {
    let bytes = flight.receive().await;
    Arrival { attempt, bytes, flight: Some(flight) }
}
