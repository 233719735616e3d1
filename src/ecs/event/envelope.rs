//! What is around the `detail` of every event: EventBridge's envelope, and SNS's around that.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::error::one_line;
use super::{Detail, Event, EventError, Ignored, Kind, read};
use crate::ecs::Timestamp;

/// The version that EventBridge's envelope has had from the beginning. (`detail.version` is the resource's.)
const VERSION: &str = "0";

/// Both envelopes at once, so that a message is read only once. All of it is unread bytes but the names.
#[derive(Debug, Deserialize)]
pub(super) struct Envelope<'a> {
    version: Option<String>,
    #[serde(default)]
    id: String,
    #[serde(rename = "detail-type", default)]
    pub(super) detail_type: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    pub(super) account: String,
    #[serde(default)]
    pub(super) region: String,
    #[serde(default, deserialize_with = "read::optional")]
    time: Option<Timestamp>,
    #[serde(default, deserialize_with = "read::list")]
    pub(super) resources: Vec<String>,
    #[serde(borrow)]
    pub(super) detail: Option<&'a RawValue>,
    /// Of SNS: `Notification` is a message, the others are about subscriptions.
    #[serde(rename = "Type")]
    sns_type: Option<String>,
    /// Of SNS: the event, as a string.
    #[serde(rename = "Message", borrow)]
    sns_message: Option<Cow<'a, str>>,
}

impl<'a> Envelope<'a> {
    pub(super) fn read(body: &'a [u8]) -> Result<Self, EventError> {
        match body.trim_ascii_start().first() {
            Some(b'{') => Ok(serde_json::from_slice(body)?),
            Some(_) => Err(EventError::no_event("it is no JSON object")),
            None => Err(EventError::no_event("it is empty")),
        }
    }

    /// What SNS has in its envelope, if this is SNS's.
    pub(super) fn notification(&self) -> Option<&str> {
        self.sns_message.as_deref().filter(|_| self.sns_type.as_deref() == Some("Notification"))
    }

    pub(super) fn into_event(self) -> Result<Event, EventError> {
        if self.detail_type.is_empty() {
            let sns = |kind| format!("it is a {kind} of SNS");
            let what = self.sns_type.as_deref().map_or_else(|| "it has no `detail-type`".to_owned(), sns);
            return Err(EventError::no_event(&what));
        }
        Ok(Event {
            detail: self.detail()?,
            id: one_line(&self.id),
            account: one_line(&self.account),
            region: one_line(&self.region),
            time: self.time,
        })
    }

    fn detail(&self) -> Result<Detail, EventError> {
        match Kind::named(&self.detail_type) {
            None => Ok(Detail::Ignored(Ignored::UnknownType)),
            Some((_, source)) if source != self.source => Ok(Detail::Ignored(Ignored::ForeignSource)),
            Some(_) if self.version.as_deref().is_some_and(|version| version != VERSION) => {
                Ok(Detail::Ignored(Ignored::UnknownVersion))
            }
            Some((kind, _)) => kind.detail(self),
        }
    }
}
