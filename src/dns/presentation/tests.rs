use super::*;

fn read(kind: &str, text: &str, escapes: Escapes) -> Result<Vec<u8>, String> {
    rdata(record_type(kind).unwrap(), text, escapes)
}

#[track_caller]
fn check(kind: &str, text: &str, wire: &[u8]) {
    assert_eq!(read(kind, text, Escapes::Octal).as_deref(), Ok(wire), "{kind} {text}");
}

#[test]
fn every_type_that_route_53_has_is_read() {
    check("A", "10.0.0.7", &[10, 0, 0, 7]);
    check("AAAA", "2001:db8::1", &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    for kind in ["CNAME", "NS", "PTR"] {
        check(kind, "Db.x.", b"\x02Db\x01x\0");
    }
    check("MX", "10 mail.x", b"\0\x0a\x04mail\x01x\0");
    check("SRV", "10 5 8080 y.x.", b"\0\x0a\0\x05\x1f\x90\x01y\x01x\0");
    check(
        "SOA",
        "a. b. 1 7200 900 1209600 86400",
        b"\x01a\0\x01b\0\0\0\0\x01\0\0\x1c\x20\0\0\x03\x84\0\x12\x75\0\0\x01\x51\x80",
    );
    check("TXT", r#""a b" "c;\"\\" d "" "#, b"\x03a b\x04c;\"\\\x01d\0");
    check("SPF", r#""v=spf1 -all""#, b"\x0bv=spf1 -all");
    check("CAA", r#"0 issue "ca.example; a=b""#, b"\0\x05issueca.example; a=b");
    check("NAPTR", r#"100 50 "u" "E2U+sip" "!^.*$!sip:a@x!" ."#, b"\0\x64\0\x32\x01u\x07E2U+sip\x0e!^.*$!sip:a@x!\0");
    check("TLSA", "3 1 1 0d6f ce33", &[3, 1, 1, 0x0d, 0x6f, 0xce, 0x33]);
    check("SSHFP", "4 2 12345678", &[4, 2, 0x12, 0x34, 0x56, 0x78]);
    check("DS", "12345 13 2 ABCD", &[0x30, 0x39, 13, 2, 0xab, 0xcd]);
    check("HTTPS", "1 . port=443 alpn=\"h2,h3\"", b"\0\x01\0\0\x01\0\x06\x02h2\x02h3\0\x03\0\x02\x01\xbb");
    check("SVCB", "0 y.x.", b"\0\0\x01y\x01x\0");
}

#[test]
fn escapes_are_octal_or_decimal() {
    assert_eq!(read("TXT", r#""\101\376""#, Escapes::Octal).unwrap(), b"\x02A\xfe");
    assert_eq!(read("TXT", r#""\065\254""#, Escapes::Decimal).unwrap(), b"\x02A\xfe");
    assert_eq!(name(r"\052.x.", Escapes::Octal), name(r"\042.x", Escapes::Decimal));
    assert_eq!(name(r"a\.b.x", Escapes::Octal).unwrap().labels().next(), Some(&b"a.b"[..]));
    assert_eq!(name(".", Escapes::Octal), Some(DomainName::root()));
    for bad in
        ["", "a..b", r"\9", r"\400.x", r"a\", r"\05", &"a".repeat(64), &format!("{0}.{0}.{0}.{0}", "a".repeat(63))]
    {
        assert_eq!(name(bad, Escapes::Octal), None, "{bad}");
    }
}

#[test]
fn what_does_not_fit_is_told() {
    for (kind, text, what) in [
        ("A", "10.0.0", "`10.0.0` is not an IPv4 address"),
        ("A", "", "an IPv4 address is missing"),
        ("A", "10.0.0.1 10.0.0.2", "`10.0.0.2` is too much"),
        ("MX", "mail.x", "`mail.x` is not a number up to 65535"),
        ("TXT", "\"open", "a quotation mark is not closed"),
        ("TLSA", "3 1 1 abc", "`abc` is not a value in hexadecimal digits"),
        ("HTTPS", "1 . port=x", "`1 . port=x` is not the data of an HTTPS record"),
        ("HINFO", "a b", "records of type HINFO cannot be written as text"),
    ] {
        assert_eq!(read(kind, text, Escapes::Octal), Err(what.to_owned()));
    }
    let long = format!("\"{}\"", "x".repeat(256));
    assert!(read("TXT", &long, Escapes::Octal).unwrap_err().ends_with("is not a text of at most 255 octets"));
    assert_eq!((record_type("NOSUCH"), type_name(RecordType::Unknown(99))), (None, "SPF".to_owned()));
}

#[test]
fn strings_of_a_txt_record_stay_apart() {
    let txt = crate::dns::rdata::TXT::from_bytes(vec![b"az=a b", br#"x="\"#, b"\xc3\xa4;"]);
    assert_eq!(data(&RData::TXT(txt)), r#""az=a b" "x=\"\\" "\195\164;""#);
}
