//! What every call has in common: it is counted, its failure is put in our words, and its pages are bounded.

use std::error::Error;
use std::sync::Arc;

use aws_smithy_async::future::pagination_stream::PaginationStream;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::error::api_error;
use crate::source::ports::{ApiError, ApiErrorKind};

/// Told of each finished call: the operation as IAM spells it (`ecs:ListServices`), and `ok` or
/// [`ApiErrorKind::label`]. A page of a list is a call of its own; the SDK's retries are not.
pub type CallObserver = Arc<dyn Fn(&'static str, &'static str) + Send + Sync>;

/// Pages of one list before we stop believing the endpoint: a million names at 100 a page.
const MAX_PAGES: usize = 10_000;

#[derive(Clone)]
pub(super) struct Calls(CallObserver);

impl Calls {
    pub(super) fn new(observer: CallObserver) -> Self {
        Self(observer)
    }

    /// Counts a finished call and puts its failure in our words.
    pub(super) fn finish<T, E>(
        &self,
        operation: &'static str,
        result: Result<T, SdkError<E, HttpResponse>>,
    ) -> Result<T, ApiError>
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        let result = result.map_err(|error| api_error(operation, &error));
        (self.0)(operation, result.as_ref().err().map_or("ok", |error| error.kind.label()));
        result
    }

    /// [`Calls::finish`] of a call about one resource, which a failure names.
    pub(super) fn finish_on<T, E>(
        &self,
        operation: &'static str,
        resource: &str,
        result: Result<T, SdkError<E, HttpResponse>>,
    ) -> Result<T, ApiError>
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        self.finish(operation, result).map_err(|error| error.about(resource))
    }

    /// Reads all pages of a list.
    pub(super) async fn pages<P, E, T>(
        &self,
        operation: &'static str,
        mut stream: PaginationStream<Result<P, SdkError<E, HttpResponse>>>,
        items: impl Fn(P) -> Vec<T>,
    ) -> Result<Vec<T>, ApiError>
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        let mut all = Vec::new();
        for _ in 0..MAX_PAGES {
            let Some(page) = stream.next().await else { return Ok(all) };
            all.extend(items(self.finish(operation, page)?));
        }
        Err(endless(operation))
    }
}

/// The error of a list that does not end.
pub(super) fn endless(operation: &'static str) -> ApiError {
    let message = format!("the list has more than {MAX_PAGES} pages, which cannot be: is the endpoint AWS's?");
    ApiError { operation, kind: ApiErrorKind::Other, message }
}

/// Whether a list that is read page by page has come to [`MAX_PAGES`].
pub(super) fn too_many(pages: usize) -> bool {
    pages >= MAX_PAGES
}
