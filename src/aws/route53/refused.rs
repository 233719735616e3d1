//! Why Route 53 refuses a batch of changes. It says so in a document of its own (`<InvalidChangeBatch><Messages>`),
//! which the SDK takes for an error without a code.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_xml::decode::{Document, try_data};

/// The messages, in one line; `None` if the answer is not such a document.
pub(super) fn messages<E>(error: &SdkError<E, HttpResponse>) -> Option<String> {
    read(error.raw_response()?.body().bytes()?)
}

fn read(body: &[u8]) -> Option<String> {
    let mut document = Document::try_from(body).ok()?;
    let mut root = document.root_element().ok()?;
    if !root.start_el().matches("InvalidChangeBatch") {
        return None;
    }
    let mut said = Vec::new();
    while let Some(mut list) = root.next_tag() {
        while let Some(mut message) = list.next_tag() {
            said.push(try_data(&mut message).ok()?.into_owned());
        }
    }
    Some(format!("InvalidChangeBatch: {}", said.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_messages_are_read() {
        let body = "<?xml version=\"1.0\"?><InvalidChangeBatch xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\">\
                    <Messages><Message>one</Message><Message>two &amp; three</Message></Messages>\
                    <RequestId>r</RequestId></InvalidChangeBatch>";
        assert_eq!(read(body.as_bytes()).unwrap(), "InvalidChangeBatch: one; two & three");
        assert_eq!(read(b"<ErrorResponse><Error><Message>x</Message></Error></ErrorResponse>"), None);
        assert_eq!(read(b"no XML"), None);
    }
}
