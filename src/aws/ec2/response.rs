//! The XML of DescribeInstances and of EC2's errors. Elements that are not wanted are skipped unread.

use std::net::Ipv6Addr;

use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_xml::decode::{Document, ScopedDecoder, XmlDecodeError, try_data};

use crate::ecs::{Ec2Instance, Ec2InstanceId, Ec2State};

/// One page of instances.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// Instances, of all reservations.
    pub(super) instances: Vec<Ec2Instance>,
    /// Where the next page begins; `None` on the last.
    pub(super) next_token: Option<String>,
}

type Parsed<T> = Result<T, XmlDecodeError>;

/// Reads a `DescribeInstancesResponse`.
pub(super) fn parse_page(body: &[u8]) -> Parsed<Page> {
    check_complete(body)?;
    let mut document = Document::try_from(body)?;
    let mut root = document.root_element()?;
    if root.start_el().local() != "DescribeInstancesResponse" {
        return Err(XmlDecodeError::custom("the answer is no DescribeInstancesResponse: is the endpoint EC2's?"));
    }
    let mut page = Page::default();
    while let Some(mut tag) = root.next_tag() {
        match tag.start_el().local() {
            "reservationSet" => {
                each(&mut tag, "item", |reservation| read_reservation(reservation, &mut page.instances))?;
            }
            "nextToken" => page.next_token = Some(text(&mut tag)?).filter(|token| !token.is_empty()),
            _ => {}
        }
    }
    Ok(page)
}

/// The decoder takes the end of a broken document for the end of a list, which would make instances disappear.
fn check_complete(body: &[u8]) -> Parsed<()> {
    let mut depth = None;
    for token in Document::try_from(body)? {
        depth = Some(token?.1);
    }
    if depth == Some(0) { Ok(()) } else { Err(XmlDecodeError::custom("the answer ends before its XML does")) }
}

/// Reads an error's code and message; an unreadable one has neither.
pub(super) fn parse_error(body: &[u8]) -> ErrorMetadata {
    let mut error = ErrorMetadata::builder();
    if let Ok(Some((code, message))) = code_and_message(body) {
        error = error.code(code).message(message);
    }
    error.build()
}

/// `<Response><Errors><Error><Code/><Message/></Error></Errors></Response>`: the last of its errors, usually the only.
fn code_and_message(body: &[u8]) -> Parsed<Option<(String, String)>> {
    let mut document = Document::try_from(body)?;
    let mut found = None;
    each(&mut document.root_element()?, "Errors", |errors| {
        each(errors, "Error", |error| {
            let (mut code, mut message) = (String::new(), String::new());
            while let Some(mut tag) = error.next_tag() {
                match tag.start_el().local() {
                    "Code" => code = text(&mut tag)?,
                    "Message" => message = text(&mut tag)?,
                    _ => {}
                }
            }
            found = Some((code, message));
            Ok(())
        })
    })?;
    Ok(found)
}

fn read_reservation(reservation: &mut ScopedDecoder<'_, '_>, instances: &mut Vec<Ec2Instance>) -> Parsed<()> {
    each(reservation, "instancesSet", |set| {
        each(set, "item", |item| {
            instances.extend(read_instance(item)?);
            Ok(())
        })
    })
}

fn read_instance(item: &mut ScopedDecoder<'_, '_>) -> Parsed<Option<Ec2Instance>> {
    let mut id = String::new();
    let mut instance = Ec2Instance {
        id: Ec2InstanceId("".into()),
        state: Ec2State::Other,
        private_ipv4: None,
        ipv6: None,
        availability_zone: None,
    };
    while let Some(mut tag) = item.next_tag() {
        match tag.start_el().local() {
            "instanceId" => id = text(&mut tag)?,
            "instanceState" => {
                instance.state = named(&mut tag, "name")?.map_or(Ec2State::Other, |word| Ec2State::from_api(&word));
            }
            "privateIpAddress" => instance.private_ipv4 = text(&mut tag)?.parse().ok(),
            "ipv6Address" => instance.ipv6 = text(&mut tag)?.parse().ok().or(instance.ipv6),
            "placement" => instance.availability_zone = named(&mut tag, "availabilityZone")?,
            "networkInterfaceSet" => each(&mut tag, "item", |interface| {
                // The instance's own `ipv6Address` is set only if the interface has a primary one.
                instance.ipv6 = instance.ipv6.or(primary_ipv6(interface)?);
                Ok(())
            })?,
            _ => {}
        }
    }
    instance.id = Ec2InstanceId(id.as_str().into());
    Ok((!id.is_empty()).then_some(instance))
}

/// The first IPv6 address of a network interface, if it is the primary interface (device 0).
fn primary_ipv6(interface: &mut ScopedDecoder<'_, '_>) -> Parsed<Option<Ipv6Addr>> {
    let (mut address, mut device) = (None, None);
    while let Some(mut tag) = interface.next_tag() {
        match tag.start_el().local() {
            "attachment" => device = named(&mut tag, "deviceIndex")?,
            "ipv6AddressesSet" => each(&mut tag, "item", |item| {
                let read = named(item, "ipv6Address")?;
                address = address.or_else(|| read.and_then(|text| text.parse().ok()));
                Ok(())
            })?,
            _ => {}
        }
    }
    Ok(address.filter(|_| device.as_deref() == Some("0")))
}

/// Calls `read` for each child `name`.
fn each<'inp>(
    parent: &mut ScopedDecoder<'inp, '_>,
    name: &str,
    mut read: impl FnMut(&mut ScopedDecoder<'inp, '_>) -> Parsed<()>,
) -> Parsed<()> {
    while let Some(mut tag) = parent.next_tag() {
        if tag.start_el().local() == name {
            read(&mut tag)?;
        }
    }
    Ok(())
}

/// Text of the child `name`, if it has any.
fn named(parent: &mut ScopedDecoder<'_, '_>, name: &str) -> Parsed<Option<String>> {
    let mut found = None;
    each(parent, name, |tag| {
        found = Some(text(tag)?);
        Ok(())
    })?;
    Ok(found.filter(|text| !text.is_empty()))
}

fn text(tag: &mut ScopedDecoder<'_, '_>) -> Parsed<String> {
    Ok(try_data(tag)?.trim().to_owned())
}
