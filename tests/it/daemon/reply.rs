//! A reply as `dig` prints it, taken apart.

/// What of a reply tests look at. Records are `NAME TTL CLASS TYPE DATA`, separated by single spaces, sorted.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// The response code as `dig` spells it; empty if there was no reply.
    pub status: String,
    /// The extended error (RFC 8914): `14 (Not Ready): (…)`.
    pub ede: Option<String>,
    pub answer: Vec<String>,
    pub authority: Vec<String>,
    pub additional: Vec<String>,
    /// The header flags: `qr aa rd ra`.
    pub flags: String,
}

impl Reply {
    /// Takes apart what `dig` printed.
    pub fn parse(text: &str) -> Self {
        let mut reply = Self::default();
        let mut section = "";
        for line in text.lines() {
            if let Some((_, rest)) = line.split_once(", status: ") {
                reply.status = rest.split(',').next().unwrap_or_default().to_owned();
            } else if let Some(flags) = line.strip_prefix(";; flags: ") {
                reply.flags = flags.split(';').next().unwrap_or_default().to_owned();
            } else if let Some(ede) = line.strip_prefix("; EDE: ") {
                reply.ede = Some(ede.to_owned());
            } else if let Some(title) = line.strip_prefix(";; ").and_then(|line| line.strip_suffix(" SECTION:")) {
                section = title;
            } else if !line.is_empty() && !line.starts_with(';') {
                let record = line.split_whitespace().collect::<Vec<_>>().join(" ");
                match section {
                    "ANSWER" => reply.answer.push(record),
                    "AUTHORITY" => reply.authority.push(record),
                    "ADDITIONAL" => reply.additional.push(record),
                    _ => {}
                }
            }
        }
        for records in [&mut reply.answer, &mut reply.authority, &mut reply.additional] {
            records.sort();
        }
        reply
    }

    /// The data of the answer's records of one type, sorted.
    pub fn data(&self, kind: &str) -> Vec<&str> {
        let mut data: Vec<&str> = self.answer.iter().filter_map(|record| field(record, kind)).collect();
        data.sort_unstable();
        data
    }

    /// The TTLs of the answer's records of one type.
    pub fn ttls(&self, kind: &str) -> Vec<u32> {
        let of_kind = self.answer.iter().filter(|record| field(record, kind).is_some());
        of_kind.map(|record| record.split(' ').nth(1).and_then(|ttl| ttl.parse().ok()).expect("a TTL")).collect()
    }

    /// NOERROR without an answer, with a SOA.
    pub fn is_nodata(&self) -> bool {
        self.status == "NOERROR" && self.answer.is_empty() && self.has_soa()
    }

    /// Whether the authority section is one SOA record.
    pub fn has_soa(&self) -> bool {
        self.authority.len() == 1 && self.authority.iter().all(|record| field(record, "SOA").is_some())
    }

    /// SERVFAIL with an extended error that begins so.
    pub fn is_servfail(&self, ede: &str) -> bool {
        self.status == "SERVFAIL" && self.ede.as_ref().is_some_and(|said| said.starts_with(ede))
    }
}

/// The data of `record` if it is of type `kind`.
fn field<'r>(record: &'r str, kind: &str) -> Option<&'r str> {
    let mut parts = record.splitn(5, ' ').skip(3);
    (parts.next()? == kind).then(|| parts.next().unwrap_or_default())
}
