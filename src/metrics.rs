//! What we count and how it is exported.
//!
//! The table of names is in [`table`], the counters of the query path in [`counters`]; both are brought together here
//! and written in the Prometheus text format. Values that live in other rooms (inventory sizes, cache, ages) are not
//! copied here: whoever has them gives a closure that is called when somebody scrapes.

pub mod counters;
mod forward;
pub mod table;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use counters::{BUCKETS, COOKIES, PROTOS, RCODES, REASONS, SOURCES, Sets, TURNED_AWAY, TYPES, Totals};
pub use counters::{Counters, Dropped, Proto, Source, TurnedAway};
use table::{Kind, Metric};

/// Content type of [`Metrics::encode`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Collects the samples of one metric.
#[derive(Debug, Default)]
pub struct Samples {
    values: Vec<(Vec<String>, f64)>,
    /// Sum in seconds; upper bound in seconds and count of each bucket.
    histogram: Option<(f64, Vec<(f64, u64)>)>,
}

impl Samples {
    /// The sample of a counter or gauge without labels.
    pub fn value(&mut self, value: f64) {
        self.values.push((Vec::new(), value));
    }

    /// A sample of a counter or gauge with these label values, in the order of the table.
    pub fn labelled(&mut self, labels: &[&str], value: f64) {
        self.values.push((labels.iter().map(|label| (*label).to_owned()).collect(), value));
    }

    /// A histogram of durations: upper bounds of the buckets in microseconds, the number in each, one more number
    /// for what is above all bounds, and the sum in microseconds.
    pub fn durations(&mut self, bounds: &[u64], counts: &[u64], sum_micros: f64) {
        let bounds = bounds.iter().map(|micros| float(*micros) / 1e6).chain([f64::INFINITY]);
        self.histogram = Some((sum_micros / 1e6, bounds.zip(counts.iter().copied()).collect()));
    }
}

type Read = Box<dyn Fn(&mut Samples) + Send + Sync>;

/// All metrics of the process. Shared as an `Arc`.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    values: Arc<Values>,
    calls: Arc<Calls>,
}

/// Where the values come from: for each metric of the table that has any, how to read them.
#[derive(Default)]
struct Values {
    sets: Arc<Sets>,
    reads: Mutex<BTreeMap<&'static str, Read>>,
}

/// Calls of AWS APIs by operation and result.
type Calls = Mutex<BTreeMap<(&'static str, &'static str), u64>>;

impl Metrics {
    /// Metrics of this version of the program; the values of other rooms are yet to be [provided](Self::provide).
    #[must_use]
    pub fn new(version: &'static str) -> Self {
        let values = Arc::new(Values::default());
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Arc::clone(&values)));
        let metrics = Self { registry, values, calls: Arc::default() };
        metrics.provide(&table::BUILD_INFO, move |samples| samples.labelled(&[version], 1.0));
        let calls = Arc::clone(&metrics.calls);
        metrics.provide(&table::AWS_REQUESTS, move |samples| {
            for ((operation, result), count) in lock(&calls).iter() {
                samples.labelled(&[operation, result], float(*count));
            }
        });
        metrics.provide_totals();
        metrics
    }

    /// Exports what the counters of the query path say together.
    fn provide_totals(&self) {
        let provide = |metric, read: fn(&Totals, &mut Samples)| {
            let sets = Arc::clone(&self.values.sets);
            self.provide(metric, move |samples| read(&sets.totals(), samples));
        };
        provide(&table::DNS_REQUESTS, |totals, samples| {
            for (proto, counts) in PROTOS.iter().zip(&totals.requests) {
                for (qtype, count) in TYPES.iter().zip(counts) {
                    samples.labelled(&[proto, qtype], float(*count));
                }
            }
        });
        provide(&table::DNS_RESPONSES, |totals, samples| {
            let codes = RCODES.iter().map(|(_, label)| *label).chain(["other"]);
            codes.zip(totals.responses).for_each(|(label, count)| samples.labelled(&[label], float(count)));
        });
        provide(&table::DNS_ANSWERS, |totals, samples| {
            SOURCES.iter().zip(totals.answers).for_each(|(label, count)| samples.labelled(&[label], float(count)));
        });
        provide(&table::DNS_DROPPED, |totals, samples| {
            REASONS.iter().zip(totals.dropped).for_each(|(label, count)| samples.labelled(&[label], float(count)));
        });
        provide(&table::DNS_TURNED_AWAY, |totals, samples| {
            TURNED_AWAY.iter().zip(totals.turned_away).for_each(|(how, count)| samples.labelled(&[how], float(count)));
        });
        provide(&table::DNS_COOKIES, |totals, samples| {
            COOKIES.iter().zip(totals.cookies).for_each(|(worth, count)| samples.labelled(&[worth], float(count)));
        });
        provide(&table::DNS_TRUNCATED, |totals, samples| samples.value(float(totals.truncated)));
        provide(&table::DNS_DURATION, |totals, samples| {
            samples.durations(&BUCKETS, &totals.durations, float(totals.duration_nanos) / 1e3);
        });
    }

    /// A set of counters for one thread that nobody else may write.
    #[must_use]
    pub fn worker(&self) -> Arc<Counters> {
        self.values.sets.register(Counters::of_one_worker())
    }

    /// A set of counters that any number of tasks may write.
    #[must_use]
    pub fn shared(&self) -> Arc<Counters> {
        self.values.sets.register(Counters::of_many())
    }

    /// Exports `metric` with what `read` says at each scrape; replaces an earlier one.
    pub fn provide(&self, metric: &'static Metric, read: impl Fn(&mut Samples) + Send + Sync + 'static) {
        lock(&self.values.reads).insert(metric.name, Box::new(read));
    }

    /// Counts an AWS call by operation (`ecs:ListServices`) and result (`ok`, or the label of the error).
    pub fn aws_request(&self, operation: &'static str, result: &'static str) {
        *lock(&self.calls).entry((operation, result)).or_default() += 1;
    }

    /// Everything in the Prometheus text format ([`CONTENT_TYPE`]).
    #[must_use]
    pub fn encode(&self) -> String {
        let mut out = String::new();
        match text::encode_registry(&mut out, &self.registry) {
            Ok(()) => out,
            // Writing to a String cannot fail; half a page would look like lost metrics.
            Err(fmt::Error) => String::new(),
        }
    }
}

/// A poisoned lock still guards valid numbers.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(clippy::cast_precision_loss, reason = "the format has only floats; exact up to 2^53")]
fn float(count: u64) -> f64 {
    count as f64
}

impl Collector for Values {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for metric in table::TABLE {
            let mut samples = Samples::default();
            if let Some(read) = lock(&self.reads).get(metric.name) {
                read(&mut samples);
            }
            if let Some((sum, buckets)) = samples.histogram {
                let count = buckets.iter().map(|(_, count)| count).sum();
                let mut family = encoder.encode_descriptor(metric.name, metric.help, None, MetricType::Histogram)?;
                family.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
            } else if !samples.values.is_empty() {
                write_values(&mut encoder, metric, &samples.values)?;
            }
        }
        Ok(())
    }
}

/// Writes a counter or gauge. The samples of both are written as those of a gauge: `encode_counter` would add `_total`
/// to them alone, as OpenMetrics has it, and readers of the older format would then miss HELP and TYPE.
fn write_values(encoder: &mut DescriptorEncoder<'_>, metric: &Metric, values: &[(Vec<String>, f64)]) -> fmt::Result {
    let kind = if metric.kind == Kind::Counter { MetricType::Counter } else { MetricType::Gauge };
    let mut family = encoder.encode_descriptor(metric.name, metric.help, None, kind)?;
    for (labels, value) in values {
        if metric.labels.is_empty() {
            family.encode_gauge(value)?;
            continue;
        }
        let labels: Vec<(&str, &str)> = metric.labels.iter().copied().zip(labels.iter().map(String::as_str)).collect();
        family.encode_family(&labels.as_slice())?.encode_gauge(value)?;
    }
    Ok(())
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Values").field("sets", &self.sets).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
