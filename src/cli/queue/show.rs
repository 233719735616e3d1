//! `ecs-resolver queue show`: the queue as it is.

use clap::Args;
use serde_json::json;

use super::target::Target;
use crate::cli::exit::{self, Failure};
use crate::cli::{current_thread, print};
use crate::source::queue::ports::SubscriptionArn;
use crate::source::queue::{HostQueue, QueueReport};

const EXAMPLES: &str = "Examples:
  ecs-resolver queue show
  ecs-resolver queue show --json | jq .messages.waiting
  ecs-resolver queue show --cluster prod --instance i-0a1b2c3d4e5f60001

Changes nothing. Exit status 69 if the queue is not there, or AWS does not let us look.";

/// Show the queue: where it is, who reads it, how many messages wait
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Show {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

impl Show {
    pub(super) fn run(self) -> Result<(), Failure> {
        let Self { json, target } = self;
        current_thread()?.block_on(async {
            let queue = target.queue().await?;
            let report = queue.report().await.map_err(|error| Failure::new(exit::UNAVAILABLE, &error))?;
            let Some(report) = report else { return Err(Failure::new(exit::UNAVAILABLE, &absent(&queue))) };
            let is_own = matches!(queue, HostQueue::Own(_));
            print(if json { as_json(&report) } else { as_table(&report, is_own) }.as_bytes())
        })
    }
}

/// Why there may be none.
fn absent(queue: &HostQueue) -> String {
    let name = queue.name();
    match queue {
        HostQueue::Own(_) => format!("there is no queue {name}; `ecs-resolver run` makes it when it starts"),
        HostQueue::Given(_) => format!("there is no queue {name}; create it, or correct events.queue_url"),
    }
}

fn as_json(report: &QueueReport) -> String {
    let value = json!({
        "url": report.url.as_str(),
        "owner": report.owner,
        "subscription": report.subscription.as_ref().map(SubscriptionArn::as_str),
        "messages": { "waiting": report.waiting, "in_flight": report.in_flight },
    });
    format!("{value:#}\n")
}

fn as_table(report: &QueueReport, is_own: bool) -> String {
    let QueueReport { url, owner, subscription, waiting, in_flight } = report;
    let owner = owner.as_deref().unwrap_or("nobody");
    let subscription = match subscription {
        Some(arn) => format!("subscription  {arn}\n"),
        None if is_own => "subscription  none\n".to_owned(),
        None => String::new(),
    };
    format!(
        "queue         {url}\nowner         {owner}\n{subscription}messages      about {waiting} waiting, {in_flight} \
         in flight\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::queue::ports::QueueUrl;

    #[test]
    fn a_report_is_a_table_for_people_and_json_for_programs() {
        let mut report = QueueReport {
            url: QueueUrl("https://sqs.r.amazonaws.com/1/q".to_owned()),
            owner: Some("0000000000000001 i-1".to_owned()),
            subscription: Some(SubscriptionArn("arn:s".to_owned())),
            waiting: 3,
            in_flight: 1,
        };
        let table = as_table(&report, true);
        let words: Vec<_> = table.lines().map(|line| line.split_once("  ").unwrap().0).collect();
        assert_eq!(words, ["queue", "owner", "subscription", "messages"]);
        assert!(table.ends_with("about 3 waiting, 1 in flight\n"), "{table}");
        let value: serde_json::Value = serde_json::from_str(&as_json(&report)).unwrap();
        assert_eq!((&value["subscription"], &value["messages"]["waiting"]), (&json!("arn:s"), &json!(3)));

        (report.owner, report.subscription) = (None, None);
        assert!(as_table(&report, true).contains("owner         nobody\nsubscription  none\n"));
        assert!(!as_table(&report, false).contains("subscription"), "that of a given queue is not known");
    }
}
