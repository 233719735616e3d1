//! Attributes and tags of a queue: which there are, and what values SQS takes.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::Value;

use crate::fake_aws::error::AwsError;

/// Tags of a queue.
pub type Tags = BTreeMap<String, String>;

/// Attributes that are numbers: name, default, range.
const NUMBERS: [(&str, u64, RangeInclusive<u64>); 5] = [
    ("DelaySeconds", 0, 0..=900),
    ("MaximumMessageSize", 1_048_576, 1_024..=1_048_576),
    ("MessageRetentionPeriod", 345_600, 60..=1_209_600),
    ("ReceiveMessageWaitTimeSeconds", 0, 0..=20),
    ("VisibilityTimeout", 30, 0..=43_200),
];

/// What a queue was set to; what is not there is as SQS has it by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings(BTreeMap<String, String>);

impl Settings {
    /// Reads and judges the `Attributes` of a request.
    pub(in crate::fake_aws) fn of(input: &Value) -> Result<Self, AwsError> {
        let mut settings = Self::default();
        settings.set(input)?;
        Ok(settings)
    }

    /// Puts the `Attributes` of a request over these.
    pub(in crate::fake_aws) fn set(&mut self, input: &Value) -> Result<(), AwsError> {
        for (name, value) in texts(input, "Attributes")? {
            judge(&name, &value)?;
            self.0.insert(name, value);
        }
        Ok(())
    }

    /// The first attribute that is given here and is otherwise in `there`.
    pub(super) fn first_difference(&self, there: &Self) -> Option<&str> {
        let differs = |(name, value): &(&String, &String)| there.get(name).as_ref() != Some(value);
        self.0.iter().find(differs).map(|(name, _)| name.as_str())
    }

    /// The value of an attribute, its default included.
    pub fn get(&self, name: &str) -> Option<String> {
        let default = || NUMBERS.iter().find(|(known, ..)| *known == name).map(|(_, default, _)| default.to_string());
        self.0.get(name).cloned().or_else(default)
    }

    /// The policy; empty: there is none.
    pub fn policy(&self) -> &str {
        self.0.get("Policy").map_or("", String::as_str)
    }

    /// How long messages are kept.
    pub fn retention(&self) -> Duration {
        self.seconds("MessageRetentionPeriod")
    }

    /// How long a message is hidden that was received.
    pub fn visibility(&self) -> Duration {
        self.seconds("VisibilityTimeout")
    }

    /// How long a receive waits that does not say.
    pub fn wait(&self) -> Duration {
        self.seconds("ReceiveMessageWaitTimeSeconds")
    }

    /// Every attribute with its value, defaults included.
    pub(in crate::fake_aws) fn all(&self) -> BTreeMap<String, String> {
        let numbers = NUMBERS.iter().filter_map(|(name, ..)| Some(((*name).to_owned(), self.get(name)?)));
        numbers.chain(self.0.iter().map(|(name, value)| (name.clone(), value.clone()))).collect()
    }

    fn seconds(&self, name: &str) -> Duration {
        Duration::from_secs(self.get(name).and_then(|value| value.parse().ok()).expect("judged when it was set"))
    }
}

fn judge(name: &str, value: &str) -> Result<(), AwsError> {
    let invalid = || AwsError::bad_request("InvalidAttributeValue", format!("Invalid value for the parameter {name}."));
    if name == "Policy" {
        let fits = value.is_empty() || serde_json::from_str(value).is_ok_and(|policy: Value| policy.is_object());
        return if fits && value.len() <= 8_192 { Ok(()) } else { Err(invalid()) };
    }
    let Some((.., range)) = NUMBERS.iter().find(|(known, ..)| *known == name) else {
        return Err(AwsError::bad_request("InvalidAttributeName", format!("Unknown Attribute {name}.")));
    };
    if value.parse().is_ok_and(|number| range.contains(&number)) { Ok(()) } else { Err(invalid()) }
}

/// The tags of a request, under `member`.
pub fn tags_of(input: &Value, member: &str) -> Result<Tags, AwsError> {
    let tags = texts(input, member)?;
    check_tags(&tags)?;
    Ok(tags)
}

/// At most 50 tags, of the letters, digits and signs that AWS takes.
pub fn check_tags(tags: &Tags) -> Result<(), AwsError> {
    let plain = |text: &str| text.chars().all(|one| one.is_alphanumeric() || " _.:/=+-@".contains(one));
    let fits = |(key, value): (&String, &String)| {
        (1..=128).contains(&key.chars().count())
            && value.chars().count() <= 256
            && plain(key)
            && plain(value)
            && !key.starts_with("aws:")
    };
    if tags.len() <= 50 && tags.iter().all(fits) {
        Ok(())
    } else {
        Err(AwsError::bad_request("InvalidParameterValue", format!("Invalid tags: {tags:?}.")))
    }
}

fn texts(input: &Value, member: &str) -> Result<BTreeMap<String, String>, AwsError> {
    let given =
        input.get(member).filter(|given| !given.is_null()).cloned().unwrap_or_else(|| Value::Object(<_>::default()));
    serde_json::from_value(given).map_err(|error| AwsError::bad_request("SerializationException", error.to_string()))
}
