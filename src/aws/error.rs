//! From the SDK's errors to [`ApiError`]: the kind that decides what we do, and words that a person can act on.

use std::error::Error;
use std::iter::successors;

use aws_credential_types::provider::error::CredentialsError;
use aws_runtime::retries::classifiers::THROTTLING_ERRORS;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::source::ports::{ApiError, ApiErrorKind};

/// Longest message that is passed on, in characters.
const MAX_MESSAGE: usize = 300;

/// Throttling codes that the SDK's own list lacks.
const MORE_THROTTLING: &[&str] = &["TooManyRequests", "DependencyThrottle", "RateExceeded", "Throttled"];

const DENIED: &[&str] = &[
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "UnauthorizedOperation",
    "NotAuthorized",
    "UnauthorizedException",
];

const CREDENTIALS: &[&str] = &[
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    "UnrecognizedClientException",
    "InvalidClientTokenId",
    "InvalidAccessKeyId",
    "AuthFailure",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "IncompleteSignature",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
];

const NOT_FOUND: &[&str] = &[
    "ClusterNotFoundException",
    "ServiceNotFoundException",
    "LoadBalancerNotFound",
    "TargetGroupNotFound",
    "NoSuchHostedZone",
    "NoSuchChange",
    // SQS in its own words, and in those of its older protocol, which JSON answers still carry.
    "QueueDoesNotExist",
    "AWS.SimpleQueueService.NonExistentQueue",
    // SNS: a topic, a subscription.
    "NotFound",
    "NotFoundException",
];

const REJECTED: &[&str] = &["InvalidChangeBatch", "InvalidInput"];

/// A queue's name is free again 60 s after the queue was deleted.
const NOT_YET: &[&str] = &["QueueDeletedRecently", "AWS.SimpleQueueService.QueueDeletedRecently"];

impl ApiError {
    /// The same, with the name of what the call was about before AWS's words.
    pub(super) fn about(self, resource: &str) -> Self {
        Self { message: shorten(&format!("{resource}: {}", self.message)), ..self }
    }
}

/// Puts a failed call in our words.
pub(super) fn api_error<E>(operation: &'static str, error: &SdkError<E, HttpResponse>) -> ApiError
where
    E: Error + ProvideErrorMetadata + 'static,
{
    let status = error.raw_response().map(|response| response.status().as_u16());
    let (kind, message) = match error.as_service_error().map(ProvideErrorMetadata::meta) {
        Some(meta) => (
            kind_of_code(operation, meta.code().unwrap_or_default()),
            service_message(meta.code(), meta.message(), status),
        ),
        None => (kind_of_transport(error), transport_message(error)),
    };
    let kind = if status == Some(429) { ApiErrorKind::Throttled } else { kind };
    ApiError { operation, kind, message: shorten(&message) }
}

fn kind_of_code(operation: &'static str, code: &str) -> ApiErrorKind {
    if THROTTLING_ERRORS.contains(&code) || MORE_THROTTLING.contains(&code) {
        ApiErrorKind::Throttled
    } else if DENIED.contains(&code) {
        ApiErrorKind::Denied
    } else if CREDENTIALS.contains(&code) {
        ApiErrorKind::Credentials
    } else if REJECTED.contains(&code) {
        ApiErrorKind::Rejected
    } else if NOT_FOUND.contains(&code) || (operation == "ecs:DescribeTaskDefinition" && code == "ClientException") {
        // ECS has no code of its own for a task definition that does not exist.
        ApiErrorKind::NotFound
    } else if NOT_YET.contains(&code) {
        ApiErrorKind::NotYet
    } else {
        ApiErrorKind::Other
    }
}

fn kind_of_transport<E>(error: &SdkError<E, HttpResponse>) -> ApiErrorKind
where
    E: Error + 'static,
{
    // The SDK's error for credentials that take too long is not public, so its words must do.
    let of_identity = |cause: &(dyn Error + 'static)| {
        cause.is::<CredentialsError>() || cause.to_string().starts_with("identity resolver timed out")
    };
    if causes(error).any(of_identity) {
        return ApiErrorKind::Credentials;
    }
    match error {
        SdkError::TimeoutError(_) => ApiErrorKind::Unreachable,
        SdkError::DispatchFailure(failure) if failure.is_io() || failure.is_timeout() => ApiErrorKind::Unreachable,
        _ => ApiErrorKind::Other,
    }
}

fn service_message(code: Option<&str>, message: Option<&str>, status: Option<u16>) -> String {
    match (code, message) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(only), None) | (None, Some(only)) => only.to_owned(),
        (None, None) => format!("HTTP status {}", status.unwrap_or_default()),
    }
}

/// The SDK's two outer layers around a failed request only say that there was one ("dispatch failure: io error").
fn transport_message<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: Error + 'static,
{
    let layers = if matches!(error, SdkError::DispatchFailure(_)) { 2 } else { 0 };
    let inner = story(causes(error).skip(layers));
    if inner.is_empty() { story(causes(error)) } else { inner }
}

/// The error and what caused it, outermost first.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    successors(Some(error), |&cause| cause.source())
}

/// The whole story in one line, without the parts that only repeat what was said.
fn story<'a>(causes: impl Iterator<Item = &'a (dyn Error + 'static)>) -> String {
    causes.fold(String::new(), |story, cause| {
        let words = cause.to_string();
        match story.is_empty() {
            true => words,
            false if story.contains(&words) => story,
            false => format!("{story}: {words}"),
        }
    })
}

/// One line of at most [`MAX_MESSAGE`] characters: what an endpoint sends goes to logs and pages.
pub(super) fn shorten(text: &str) -> String {
    let mut line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_MESSAGE).collect();
    if text.chars().nth(MAX_MESSAGE).is_some() {
        line.pop();
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests;
