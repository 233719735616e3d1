//! Where events come from: the queue that `[events]` names, as this host has it.

use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;

use super::feed;
use crate::aws::identity::HostIdentity;
use crate::aws::{Aws, AwsSettings, HostResolver};
use crate::config::Config;
use crate::config::settings::Events;
use crate::source::queue::ports::{QueueUrl, TopicArn};
use crate::source::queue::{GivenQueue, HostQueue, OwnQueue, Reader};

/// What stands for the cluster in names and tags when the host follows all of them and belongs to none.
const ALL: &str = "all";
/// Where Linux tells the host's name.
const HOST_NAME: &str = "/proc/sys/kernel/hostname";

/// The queue that the configuration names; `None`: it names none, and changes are found by reading.
#[must_use]
pub fn queue(events: &Events, aws: &Aws, reader: Reader) -> Option<HostQueue> {
    let sqs = Arc::new(aws.sqs.clone());
    if let Some(url) = &events.queue_url {
        return Some(HostQueue::Given(GivenQueue::new(sqs, QueueUrl(url.clone()), reader)));
    }
    let topic = TopicArn(events.topic_arn.clone()?);
    Some(HostQueue::Own(OwnQueue::new(sqs, Arc::new(aws.sns.clone()), topic, reader)))
}

/// This process, as a reader of queues, for the first of `clusters` (names or ARNs).
///
/// A host that is no EC2 instance (ECS Anywhere, a laptop) goes by its host name. The ECS agent may know a better one,
/// but not yet when we start, and a queue must be found again by the same name.
///
/// # Errors
/// When the kernel has no random number or no name of the host.
pub fn reader(clusters: &[String], instance: Option<&str>) -> io::Result<Reader> {
    let cluster = clusters.first().map_or(ALL, |cluster| cluster.rsplit('/').next().unwrap_or(cluster));
    let mut boot = [0; 8];
    getrandom::fill(&mut boot).map_err(io::Error::other)?;
    let instance = match instance {
        Some(instance) => instance.to_owned(),
        None => host_name(Path::new(HOST_NAME))?,
    };
    Ok(Reader::new(cluster, &instance, u64::from_ne_bytes(boot)))
}

fn host_name(file: &Path) -> io::Result<String> {
    let name = std::fs::read_to_string(file)?.trim().to_owned();
    if name.is_empty() { Err(io::Error::other(format!("{} is empty", file.display()))) } else { Ok(name) }
}

/// The queue of this host for a command that is run beside the daemon: who asks is not the host's resolver, so AWS's
/// names are looked up as every program looks up names. `instance` is in place of what instance metadata says.
///
/// # Errors
/// As [`reader`].
pub async fn queue_for_command(config: &Config, instance: Option<String>) -> io::Result<Option<HostQueue>> {
    let resolver: Arc<dyn HostResolver> = Arc::new(ThroughHost);
    let identity = HostIdentity::read(Arc::clone(&resolver)).await;
    let settings = AwsSettings { region: config.ecs.region.clone().or(identity.region) };
    let aws = Aws::load(&settings, resolver, Arc::new(|_, _| {})).await;
    let instance = instance.or_else(|| identity.instance_id.map(|id| id.as_str().to_owned()));
    let (clusters, _) = feed::followed(config).await;
    Ok(queue(&config.events, &aws, reader(&clusters, instance.as_deref())?))
}

#[derive(Debug)]
struct ThroughHost;

#[async_trait]
impl HostResolver for ThroughHost {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_goes_by_the_first_cluster_and_its_instance() {
        let clusters = ["arn:aws:ecs:eu-west-1:123456789012:cluster/prod", "test"].map(str::to_owned);
        let reader = reader(&clusters, Some("i-1")).unwrap();
        assert_eq!((reader.cluster(), reader.instance()), ("prod", "i-1"));
        let another = super::reader(&clusters, Some("i-1")).unwrap();
        assert_ne!(reader.owner(), another.owner(), "each start has an id of its own");
        assert_eq!(super::reader(&[], Some("i-1")).unwrap().cluster(), "all");
    }

    #[test]
    fn a_host_without_instance_id_goes_by_its_name() {
        let name = std::fs::read_to_string(HOST_NAME).unwrap();
        assert_eq!(reader(&[], None).unwrap().instance(), name.trim());
        assert!(host_name(Path::new("/dev/null")).unwrap_err().to_string().contains("is empty"));
        assert!(host_name(Path::new("/nowhere")).is_err());
    }
}
