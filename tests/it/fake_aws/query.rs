//! The query protocol: form parameters in, XML out.

use std::fmt::Display;

use aws_smithy_xml::encode::{ScopeWriter, XmlWriter};

use super::op::Api;

/// The request id of every answer; the fake has no use for distinct ones.
pub const REQUEST_ID: &str = "6f1a2b3c-0000-4000-8000-000000000000";

/// The XML namespace of an API's answers.
pub fn namespace(api: Api) -> Option<&'static str> {
    match api {
        Api::Ec2 => Some("http://ec2.amazonaws.com/doc/2016-11-15/"),
        Api::Classic => Some("http://elasticloadbalancing.amazonaws.com/doc/2012-06-01/"),
        Api::V2 => Some("http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"),
        Api::Sns => Some("http://sns.amazonaws.com/doc/2010-03-31/"),
        Api::Route53 => Some("https://route53.amazonaws.com/doc/2013-04-01/"),
        Api::Ecs | Api::Sqs | Api::Imds => None,
    }
}

/// The parameters of a request, in order.
#[derive(Clone, Debug, Default)]
pub struct Params(Vec<(String, String)>);

impl Params {
    /// Parses a form body or a query string.
    pub fn parse(form: &[u8]) -> Self {
        Self(form_urlencoded::parse(form).into_owned().collect())
    }

    /// The value of `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The values of `prefix.1`, `prefix.2`, …, in the order of the request.
    pub fn list(&self, prefix: &str) -> Vec<&str> {
        let numbered = |key: &str| {
            let index = key.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('.'));
            index.is_some_and(|index| index.parse::<u32>().is_ok())
        };
        self.0.iter().filter(|(key, _)| numbered(key)).map(|(_, value)| value.as_str()).collect()
    }

    /// The pairs `prefix.1.key` and `prefix.1.value`, `prefix.2.key` …, in order.
    pub fn entries(&self, prefix: &str) -> Vec<(String, String)> {
        let pair = |index: usize| {
            let part = |name: &str| self.get(&format!("{prefix}.{index}.{name}")).map(str::to_owned);
            Some((part("key")?, part("value")?))
        };
        (1..).map_while(pair).collect()
    }

    /// The names of all parameters.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.as_str())
    }
}

/// An XML element.
#[derive(Clone, Debug)]
pub struct Element {
    name: &'static str,
    text: String,
    children: Vec<Self>,
}

/// An element of elements.
pub fn el(name: &'static str, children: Vec<Element>) -> Element {
    Element { name, text: String::new(), children }
}

/// An element of text.
pub fn text(name: &'static str, value: impl Display) -> Element {
    Element { name, text: value.to_string(), children: Vec::new() }
}

impl Element {
    /// The document with this element as its root.
    pub fn document(&self, namespace: Option<&str>) -> String {
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        let mut writer = XmlWriter::new(&mut out);
        let start = writer.start_el(self.name);
        let start = match namespace {
            Some(namespace) => start.write_ns(namespace, None),
            None => start,
        };
        self.fill(start.finish());
        out
    }

    fn fill(&self, mut scope: ScopeWriter<'_, '_>) {
        scope.data(&self.text);
        for child in &self.children {
            child.fill(scope.start_el(child.name).finish());
        }
        scope.finish();
    }
}
