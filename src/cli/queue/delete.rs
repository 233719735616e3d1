//! `ecs-resolver queue delete`: removes the queue that we made, with its subscription.

use clap::Args;

use super::target::Target;
use crate::cli::exit::{self, Failure};
use crate::cli::{current_thread, print};
use crate::source::queue::{HostQueue, Removed};

const EXAMPLES: &str = "Examples:
  ecs-resolver queue delete
  ecs-resolver queue delete --cluster prod --instance i-0a1b2c3d4e5f60001

Stop the daemon first: it makes its queue again. A queue that is not tagged as ours is left alone. Exit status 0 also if
there is nothing to remove.";

/// Remove the queue that we made for this host, and its subscription
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Delete {
    #[command(flatten)]
    target: Target,
}

impl Delete {
    pub(super) fn run(self) -> Result<(), Failure> {
        current_thread()?.block_on(async {
            let queue = match self.target.queue().await? {
                HostQueue::Own(queue) => queue,
                HostQueue::Given(queue) => {
                    let message =
                        format!("{} was given to us, not made by us: delete it where it was made", queue.url());
                    return Err(Failure::new(exit::CONFIG, &message));
                }
            };
            let removed = queue.remove().await.map_err(|error| Failure::new(exit::UNAVAILABLE, &error))?;
            print(told(queue.name(), removed).as_bytes())
        })
    }
}

fn told(name: &str, removed: Removed) -> String {
    match removed {
        Removed { queue: true, subscription: true } => format!("removed queue {name} and its subscription\n"),
        Removed { queue: true, subscription: false } => format!("removed queue {name}; it was not subscribed\n"),
        Removed { queue: false, subscription: true } => {
            format!("removed the subscription of queue {name}, which was gone already\n")
        }
        Removed { queue: false, subscription: false } => format!("nothing to remove: there is no queue {name}\n"),
    }
}
