//! Every type of record that Route 53 has comes through the API and out of `dig` as it went in.

use super::{NOBODY, copy_of};
use crate::fake_aws::FakeAws;

/// Type, values as Route 53 lists them, and what `dig +short` says.
const TYPES: [(&str, &[&str], &[&str]); 16] = [
    ("A", &["10.0.0.1", "10.0.0.2"], &["10.0.0.1", "10.0.0.2"]),
    ("AAAA", &["2001:db8::1"], &["2001:db8::1"]),
    ("CAA", &["0 issue \"ca.example.net; account=1\""], &["0 issue \"ca.example.net; account=1\""]),
    ("CNAME", &["Target.example.com"], &["Target.example.com."]),
    (
        "DS",
        &["12345 13 2 123456789abcdef67890123456789abcdef67890123456789abcdef123456789"],
        &["12345 13 2 123456789ABCDEF67890123456789ABCDEF67890123456789ABCDEF1 23456789"],
    ),
    ("HTTPS", &["1 . alpn=\"h2,h3\" port=8443"], &["1 . alpn=\"h2,h3\" port=8443"]),
    ("MX", &["10 mail.example.com", "20 mail2.example.com."], &["10 mail.example.com.", "20 mail2.example.com."]),
    (
        "NAPTR",
        &["100 50 \"u\" \"E2U+sip\" \"!^(\\\\+441632960083)$!sip:\\\\1@example.com!\" ."],
        &["100 50 \"u\" \"E2U+sip\" \"!^(\\\\+441632960083)$!sip:\\\\1@example.com!\" ."],
    ),
    ("PTR", &["host.example.com"], &["host.example.com."]),
    ("SPF", &["\"v=spf1 ip4:192.168.0.1/16 -all\""], &["\"v=spf1 ip4:192.168.0.1/16 -all\""]),
    ("SRV", &["1 10 5269 xmpp.example.com."], &["1 10 5269 xmpp.example.com."]),
    (
        "SSHFP",
        &["4 2 123456789ABCDEF67890123456789ABCDEF67890123456789ABCDEF123456789"],
        &["4 2 123456789ABCDEF67890123456789ABCDEF67890123456789ABCDEF1 23456789"],
    ),
    (
        "SVCB",
        &["16 foo.example.com. ipv4hint=192.0.2.1 alpn=h2"],
        &["16 foo.example.com. alpn=\"h2\" ipv4hint=192.0.2.1"],
    ),
    (
        "TLSA",
        &["3 1 1 0d6fce3320f4a2f5d6f4a2f5d6f4a2f5d6f4a2f5d6f4a2f5d6f4a2f5d6f4a2f5"],
        &["3 1 1 0D6FCE3320F4A2F5D6F4A2F5D6F4A2F5D6F4A2F5D6F4A2F5D6F4A2F5 D6F4A2F5"],
    ),
    (
        "TXT",
        &["\"a b\" \"c;\\\"d\\\"\" \"\\303\\244\\011\"", "\"\""],
        &["\"\"", "\"a b\" \"c;\\\"d\\\"\" \"\\195\\164\\009\""],
    ),
    ("NS", &["ns.example.com."], &[]),
];

#[test]
fn every_type_comes_out_as_it_went_in() {
    let fake = FakeAws::start();
    {
        let mut hosting = fake.hosting();
        let id = hosting.add_zone("ecs.internal");
        for (kind, values, _) in TYPES {
            hosting.put(&id, &format!("t-{}.ecs.internal", kind.to_lowercase()), kind, 77, values);
        }
    }
    let daemon = copy_of(&fake, NOBODY);
    for (kind, _, expected) in TYPES.iter().filter(|(.., expected)| !expected.is_empty()) {
        let name = format!("t-{}.ecs.internal", kind.to_lowercase());
        assert_eq!(daemon.short(&format!("{kind} {name}")), *expected, "{kind}");
        let reply = daemon.ask(&format!("{kind} {name}"));
        assert!(reply.answer.iter().all(|record| record.starts_with(&format!("{name}. 77 IN {kind} "))), "{reply:?}");
    }
    // What is delegated is asked of others, and nobody is there.
    assert!(daemon.ask("NS t-ns.ecs.internal").is_servfail("22"));
    let log = daemon.log();
    assert!(!log.contains("is left out"), "{log}");
}
