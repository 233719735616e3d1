//! What reading is in both kinds of queue.

use super::ports::{QueueUrl, SqsApi};
use super::reader::{OWNER, Reader};
use crate::ecs::Timestamp;
use crate::source::ports::{ApiError, ApiErrorKind, Owner};

/// Most messages that SQS deletes in one call.
const BATCH: usize = 10;

/// Deletes what was received. A receipt that is out of date means that the message has come, or will come, once more;
/// that is no failure.
pub(super) async fn delete(sqs: &dyn SqsApi, queue: &QueueUrl, receipts: &[String]) -> Result<(), ApiError> {
    let mut kept = Vec::new();
    for batch in receipts.chunks(BATCH) {
        for failed in sqs.delete_messages(queue, batch).await? {
            if failed.expired {
                tracing::debug!(%queue, reason = failed.reason, "a message had been given to somebody again");
            } else {
                kept.push(failed.reason);
            }
        }
    }
    let Some(first) = kept.first() else { return Ok(()) };
    let message = format!("{} of {} messages of {queue} were not deleted: {first}", kept.len(), receipts.len());
    Err(ApiError { operation: "sqs:DeleteMessage", kind: ApiErrorKind::Other, message })
}

/// Says that `reader` reads the queue, and returns who has said so last.
pub(super) async fn claim(
    sqs: &dyn SqsApi,
    queue: &QueueUrl,
    reader: &Reader,
    now: Timestamp,
) -> Result<Owner, ApiError> {
    let told = sqs.tags(queue).await?.remove(OWNER);
    sqs.tag(queue, &reader.claim(now)).await?;
    Ok(told.filter(|told| *told != reader.owner()).map_or(Owner::Ours, Owner::Other))
}
