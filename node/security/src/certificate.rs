use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a certificate says of its holder. Says nothing about whether it may be believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFacts {
    /// The subject's common name; empty when there is none.
    pub common_name: String,
    /// DNS names it is valid for.
    pub dns_names: Vec<String>,
    /// IP addresses it is valid for.
    pub addresses: Vec<IpAddr>,
    pub not_before: SystemTime,
    pub not_after: SystemTime,
    /// Whether it may be shown by one who accepts connections: a node, as opposed to a tool.
    pub serves: bool,
}

impl CertificateFacts {
    /// Reads a certificate (X.509 version 3, RFC 5280 section 4.1) in DER form; `None` when it is malformed.
    pub fn parse(der: &[u8]) -> Option<Self> {
        let certificate = Der(der).expect(SEQUENCE)?.0;
        let mut body = Der(Der(certificate).expect(SEQUENCE)?.0);
        body = body.skip_if(VERSION)?;
        let body = body.expect(INTEGER)?.1.expect(SEQUENCE)?.1.expect(SEQUENCE)?.1;
        let (validity, body) = body.expect(SEQUENCE)?;
        let (subject, body) = body.expect(SEQUENCE)?;
        let mut rest = body.expect(SEQUENCE)?.1;
        let (not_before, after) = Der(validity).next()?;
        let (not_after, _) = after.next()?;
        let mut facts = Self {
            common_name: common_name(subject).unwrap_or_default(),
            dns_names: Vec::new(),
            addresses: Vec::new(),
            not_before: time(not_before)?,
            not_after: time(not_after)?,
            serves: true,
        };
        while let Some((element, behind)) = rest.next() {
            if element.tag == EXTENSIONS {
                facts.extensions(Der(element.content).expect(SEQUENCE)?.0)?;
            }
            rest = behind;
        }
        Some(facts)
    }

    fn extensions(&mut self, list: &[u8]) -> Option<()> {
        let mut rest = Der(list);
        while !rest.0.is_empty() {
            let (extension, behind) = rest.expect(SEQUENCE)?;
            let (id, value) = Der(extension).expect(OBJECT_ID)?;
            let value = value.skip_if(BOOLEAN)?.expect(OCTET_STRING)?.0;
            match id {
                SUBJECT_ALTERNATIVE_NAME => self.names(Der(value).expect(SEQUENCE)?.0)?,
                EXTENDED_KEY_USAGE => self.serves = serves(Der(value).expect(SEQUENCE)?.0)?,
                _ => {}
            }
            rest = behind;
        }
        Some(())
    }

    fn names(&mut self, list: &[u8]) -> Option<()> {
        let mut rest = Der(list);
        while !rest.0.is_empty() {
            let (name, behind) = rest.next()?;
            match name.tag {
                DNS_NAME => self.dns_names.push(text(name.content)?),
                IP_ADDRESS => self.addresses.push(address(name.content)?),
                _ => {}
            }
            rest = behind;
        }
        Some(())
    }
}

const BOOLEAN: u8 = 0x01;
const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const OBJECT_ID: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
const DNS_NAME: u8 = 0x82;
const IP_ADDRESS: u8 = 0x87;

/// 2.5.4.3
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// 2.5.29.17
const SUBJECT_ALTERNATIVE_NAME: &[u8] = &[0x55, 0x1d, 0x11];
/// 2.5.29.37
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
/// 1.3.6.1.5.5.7.3.1
const SERVER_AUTHENTICATION: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
/// 2.5.29.37.0
const ANY_USAGE: &[u8] = &[0x55, 0x1d, 0x25, 0x00];

/// The rest of a sequence of DER elements.
#[derive(Clone, Copy)]
struct Der<'a>(&'a [u8]);

struct Element<'a> {
    tag: u8,
    content: &'a [u8],
}

impl<'a> Der<'a> {
    /// The next element and what comes behind it; `None` at the end and where the bytes are malformed.
    fn next(self) -> Option<(Element<'a>, Self)> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x84 => {
                let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                (
                    digits
                        .iter()
                        .try_fold(0usize, |sum, &digit| sum.checked_mul(256)?.checked_add(digit.into()))?,
                    rest,
                )
            }
            _ => return None,
        };
        let (content, behind) = rest.split_at_checked(length)?;
        Some((Element { tag, content }, Self(behind)))
    }

    /// The content of the next element, which must have this tag.
    fn expect(self, tag: u8) -> Option<(&'a [u8], Self)> {
        let (element, behind) = self.next()?;
        (element.tag == tag).then_some((element.content, behind))
    }

    /// Behind the next element if it has this tag, before it otherwise.
    fn skip_if(self, tag: u8) -> Option<Self> {
        let (element, behind) = self.next()?;
        Some(if element.tag == tag { behind } else { self })
    }
}

fn common_name(subject: &[u8]) -> Option<String> {
    let mut rest = Der(subject);
    while !rest.0.is_empty() {
        let (set, behind) = rest.expect(SET)?;
        let (id, value) = Der(Der(set).expect(SEQUENCE)?.0).expect(OBJECT_ID)?;
        if id == COMMON_NAME {
            return text(value.next()?.0.content);
        }
        rest = behind;
    }
    None
}

fn serves(usages: &[u8]) -> Option<bool> {
    let mut rest = Der(usages);
    while !rest.0.is_empty() {
        let (usage, behind) = rest.expect(OBJECT_ID)?;
        if usage == SERVER_AUTHENTICATION || usage == ANY_USAGE {
            return Some(true);
        }
        rest = behind;
    }
    Some(false)
}

fn text(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(bytes).map(|octets| Ipv4Addr::from(octets).into());
    let sixteen = || <[u8; 16]>::try_from(bytes).map(|octets| Ipv6Addr::from(octets).into());
    four.or_else(|_| sixteen()).ok()
}

/// `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ` (RFC 5280 section 4.1.2.5).
fn time(element: Element<'_>) -> Option<SystemTime> {
    let digits = element.content.strip_suffix(b"Z")?;
    let two = |at: usize| -> Option<u64> {
        let pair = digits.get(at..at + 2)?;
        pair.iter()
            .all(u8::is_ascii_digit)
            .then(|| pair.iter().fold(0, |sum, b| sum * 10 + u64::from(b - b'0')))
    };
    let (year, at) = match (element.tag, digits.len()) {
        (UTC_TIME, 12) => (two(0).map(|year| if year < 50 { 2000 + year } else { 1900 + year })?, 2),
        (GENERALIZED_TIME, 14) => (two(0)? * 100 + two(2)?, 4),
        _ => return None,
    };
    let (month, day) = (two(at)?, two(at + 2)?);
    let seconds = two(at + 4)? * 3600 + two(at + 6)? * 60 + two(at + 8)?;
    if year < 1970 {
        return Some(UNIX_EPOCH);
    }
    let days = days_since_1970(year, month, day)?;
    UNIX_EPOCH.checked_add(Duration::from_secs(days * 86_400 + seconds))
}

/// Days between 1 January 1970 and a date of the Gregorian calendar, which is not before it.
fn days_since_1970(year: u64, month: u64, day: u64) -> Option<u64> {
    const BEFORE_MONTH: [u64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let before_month = BEFORE_MONTH.get(usize::try_from(month.checked_sub(1)?).ok()?)?;
    let leaps_before = |year: u64| year / 4 - year / 100 + year / 400;
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let years = (year - 1970) * 365 + leaps_before(year - 1) - leaps_before(1969);
    Some(years + before_month + u64::from(is_leap && month > 2) + day.checked_sub(1)?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;

    use super::*;
    use crate::{Authority, Validity};

    fn seconds(tag: u8, content: &[u8]) -> Option<u64> {
        time(Element { tag, content }).map(|time| time.duration_since(UNIX_EPOCH).unwrap().as_secs())
    }

    #[test]
    fn times_are_read() {
        assert_eq!(seconds(UTC_TIME, b"700101000000Z"), Some(0));
        assert_eq!(seconds(UTC_TIME, b"240229120000Z"), Some(1_709_208_000));
        assert_eq!(seconds(UTC_TIME, b"240301000000Z"), Some(1_709_251_200));
        assert_eq!(seconds(GENERALIZED_TIME, b"21000301000000Z"), Some(4_107_542_400));
        assert_eq!(seconds(GENERALIZED_TIME, b"20000229235959Z"), Some(951_868_799));
        assert_eq!(seconds(UTC_TIME, b"501231235959Z"), Some(0), "1950");
        for wrong in
            [&b"240229120000"[..], b"2402291200Z", b"24022912000xZ", b"Z", b"240029120000Z", b"241300000000Z"]
        {
            assert_eq!(seconds(UTC_TIME, wrong), None);
        }
    }

    fn der(pem: &str) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()
    }

    #[test]
    fn a_certificate_tells_its_names_its_times_and_its_purpose() {
        let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let validity = Validity { from: now, until: now + Duration::from_secs(86_400) };
        let authority = Authority::create(validity).unwrap();
        let hosts = ["10.1.2.3", "::1", "node-1.example", "*.cluster.example"].map(str::to_owned);
        let node = der(&authority.issue_node("node-1", &hosts, validity).unwrap().certificate);
        let facts = CertificateFacts::parse(&node).unwrap();
        assert_eq!(facts.common_name, "node-1");
        assert_eq!(facts.dns_names, ["node-1.example", "*.cluster.example"]);
        assert_eq!(facts.addresses, [IpAddr::from([10, 1, 2, 3]), "::1".parse().unwrap()]);
        assert_eq!((facts.not_before, facts.not_after), (validity.from, validity.until));
        assert!(facts.serves);
        let tool = der(&authority.issue_client("tool", validity).unwrap().certificate);
        assert!(!CertificateFacts::parse(&tool).unwrap().serves);
        for end in 0..node.len() {
            assert_eq!(CertificateFacts::parse(&node[..end]), None, "cut at {end}");
        }
    }

    #[test]
    fn flipped_bytes_do_no_harm() {
        let authority = Authority::create(Validity::days_from_now(1)).unwrap();
        let issued =
            authority.issue_node("n", &["localhost".to_owned()], Validity::days_from_now(1)).unwrap();
        let mut bytes = der(&issued.certificate).to_vec();
        for at in 0..bytes.len() {
            let kept = bytes[at];
            for value in [0, 0x7f, 0x80, 0x84, 0xff, kept ^ 1] {
                bytes[at] = value;
                let _ = CertificateFacts::parse(&bytes);
            }
            bytes[at] = kept;
        }
    }
}
