//! Which of a batch does not exist, when the API only says that not all of it does.
//!
//! Sometimes the message names the missing one; then it is dropped and the rest is asked again. Else the batch is
//! halved until each missing one stands alone. Every answer drops or divides, so a batch of n costs fewer than 2n calls.

use std::future::Future;

use crate::source::ports::{ApiError, ApiErrorKind, Described};

/// Describes what exists of `ids` and says what does not.
///
/// # Errors
/// What `describe` failed with, unless it is [`ApiErrorKind::NotFound`].
pub(super) async fn without_missing<Id, T, F, Fut>(
    ids: &[Id],
    text: fn(&Id) -> &str,
    describe: F,
) -> Result<Described<T, Id>, ApiError>
where
    Id: Clone,
    F: Fn(Vec<Id>) -> Fut,
    Fut: Future<Output = Result<Vec<T>, ApiError>>,
{
    let mut described = Described::default();
    let mut batches = vec![ids.to_vec()];
    while let Some(batch) = batches.pop() {
        if batch.is_empty() {
            // Asked for nothing, the API describes everything.
            continue;
        }
        match describe(batch.clone()).await {
            Ok(found) => described.found.extend(found),
            Err(error) if error.kind != ApiErrorKind::NotFound => return Err(error),
            Err(_) if batch.len() == 1 => described.missing.extend(batch),
            Err(error) => {
                let (named, rest): (Vec<_>, Vec<_>) =
                    batch.iter().cloned().partition(|id| names(&error.message, text(id)));
                if named.is_empty() || rest.is_empty() {
                    let (left, right) = batch.split_at(batch.len() / 2);
                    batches.extend([right.to_vec(), left.to_vec()]);
                } else {
                    described.missing.extend(named);
                    batches.push(rest);
                }
            }
        }
    }
    Ok(described)
}

/// Whether the message means this one: an ARN where it stands alone, a name only in quotation marks, because a load
/// balancer may be called `no` or `found`.
fn names(message: &str, id: &str) -> bool {
    let boundary = |c: Option<char>| {
        if id.contains(':') {
            c.is_none_or(|c| !(c.is_ascii_alphanumeric() || "-:/".contains(c)))
        } else {
            matches!(c, Some('\'' | '"' | '`'))
        }
    };
    message.match_indices(id).any(|(start, _)| {
        let before = message.get(..start).and_then(|text| text.chars().next_back());
        let after = message.get(start + id.len()..).and_then(|text| text.chars().next());
        boundary(before) && boundary(after)
    })
}
