//! Errors as each API words and wraps them.

use serde_json::json;

use super::knobs::Fault;
use super::op::{Api, Op};
use super::query::{el, text};

/// An error answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsError {
    /// The HTTP status.
    pub status: u16,
    /// The error code, without namespace.
    pub code: &'static str,
    /// The message.
    pub message: String,
}

impl AwsError {
    /// An error of the caller's making, HTTP 400.
    pub fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: 400, code, message: message.into() }
    }

    /// The ECS error for a parameter out of its range.
    pub fn invalid_parameter(message: impl Into<String>) -> Self {
        Self::bad_request("InvalidParameterException", message)
    }

    /// What `fault` looks like on `op`; none for a dropped connection, which has no answer.
    pub fn of_fault(fault: Fault, op: Op, account: &str) -> Option<Self> {
        match fault {
            Fault::AccessDenied => Some(Self::access_denied(op, account)),
            Fault::Throttled => Some(Self::throttled(op.api())),
            Fault::InternalFailure => {
                let code = if op.api() == Api::Ec2 { "InternalError" } else { "InternalFailure" };
                let message = "The request processing has failed because of an unknown error.".to_owned();
                Some(Self { status: 500, code, message })
            }
            Fault::Drop => None,
        }
    }

    /// Over the request rate.
    pub fn throttled(api: Api) -> Self {
        let (status, code, message) = match api {
            Api::Ecs => (400, "ThrottlingException", "Rate exceeded"),
            Api::Ec2 => (503, "RequestLimitExceeded", "Request limit exceeded."),
            Api::Classic | Api::V2 | Api::Route53 => (400, "Throttling", "Rate exceeded"),
            Api::Sqs => (400, "RequestThrottled", "Request is throttled."),
            Api::Sns => (429, "Throttled", "Rate exceeded"),
            Api::Imds => (503, "ServiceUnavailable", "Too many requests"),
        };
        Self { status, code, message: message.to_owned() }
    }

    fn access_denied(op: Op, account: &str) -> Self {
        let (status, code) = match op.api() {
            Api::Ecs | Api::Sqs => (400, "AccessDeniedException"),
            Api::Sns => (403, "AuthorizationError"),
            Api::Ec2 => (403, "UnauthorizedOperation"),
            Api::Classic | Api::V2 | Api::Route53 => (403, "AccessDenied"),
            Api::Imds => (403, "Forbidden"),
        };
        let user = format!("arn:aws:sts::{account}:assumed-role/ecsInstanceRole/i-00000000000000000");
        // IAM has one action for a message and for a batch.
        let action = op.action().trim_end_matches("Batch");
        let action = match op.api() {
            Api::Sqs => format!("sqs:{}", action.to_lowercase()),
            Api::Sns => format!("SNS:{action}"),
            api => format!("{}:{action}", api.signing_name().unwrap_or("imds")),
        };
        let message = match op.api() {
            Api::Ec2 => format!(
                "You are not authorized to perform this operation. User: {user} is not authorized to perform: {action} \
                 because no identity-based policy allows the {action} action"
            ),
            _ => format!(
                "User: {user} is not authorized to perform: {action} on resource: * because no identity-based policy \
                 allows the {action} action"
            ),
        };
        Self { status, code, message }
    }

    /// Not signed, or signed for something else.
    pub fn bad_signature(api: Api, message: String) -> Self {
        let (status, code) = match api {
            Api::Ecs | Api::Sqs => (400, "InvalidSignatureException"),
            Api::Ec2 => (401, "AuthFailure"),
            _ => (403, "SignatureDoesNotMatch"),
        };
        Self { status, code, message }
    }

    /// What SQS adds in a header: the code of its older protocol, which SDKs put in place of the one in the body.
    pub fn query_error(&self) -> String {
        let code = match self.code {
            "QueueDoesNotExist" => "AWS.SimpleQueueService.NonExistentQueue",
            "QueueDeletedRecently" => "AWS.SimpleQueueService.QueueDeletedRecently",
            "QueueNameExists" => "QueueAlreadyExists",
            "EmptyBatchRequest" => "AWS.SimpleQueueService.EmptyBatchRequest",
            "TooManyEntriesInBatchRequest" => "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
            "BatchEntryIdsNotDistinct" => "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
            "AccessDeniedException" => "AccessDenied",
            other => other,
        };
        let fault = if self.status < 500 { "Sender" } else { "Receiver" };
        format!("{code};{fault}")
    }

    /// The body, in the manner of `api`.
    pub fn body(&self, api: Api) -> String {
        let (code, message) = (text("Code", self.code), text("Message", &self.message));
        match api {
            Api::Ecs => json!({ "__type": self.code, "message": self.message }).to_string(),
            Api::Sqs => {
                json!({ "__type": format!("com.amazonaws.sqs#{}", self.code), "message": self.message }).to_string()
            }
            Api::Ec2 => {
                let errors = el("Errors", vec![el("Error", vec![code, message])]);
                el("Response", vec![errors, text("RequestID", super::query::REQUEST_ID)]).document(None)
            }
            // It has a document of its own for what it refuses.
            Api::Route53 if self.code == "InvalidChangeBatch" => {
                let messages = self.message.lines().map(|line| text("Message", line)).collect();
                let parts = vec![el("Messages", messages), text("RequestId", super::query::REQUEST_ID)];
                el("InvalidChangeBatch", parts).document(super::query::namespace(api))
            }
            Api::Classic | Api::V2 | Api::Sns | Api::Route53 => {
                let kind = if self.status < 500 { "Sender" } else { "Receiver" };
                let error = el("Error", vec![text("Type", kind), code, message]);
                let parts = vec![error, text("RequestId", super::query::REQUEST_ID)];
                el("ErrorResponse", parts).document(super::query::namespace(api))
            }
            Api::Imds => self.message.clone(),
        }
    }
}
