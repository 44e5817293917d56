use etl_proto::{Message, admin as wire};

use super::refused::shortened;
use super::{Detail, Kind, Refusal};
use crate::convert::{finding_from_wire, finding_to_wire};

/// Space for findings, in bytes. All headers together may have 16 KiB, and Base64 makes four bytes of three.
const MAX_FINDING_BYTES: usize = 6 << 10;
/// Space for each text of a refusal, in bytes.
const MAX_TEXT_BYTES: usize = 1 << 10;
/// What stands before the name of a message in the URL of its type.
const TYPE_PREFIX: &str = "type.googleapis.com/actix_etl.admin.v1.";
const ERROR_INFO: &str = "ErrorInfo";
const INVALID_WORKFLOW: &str = "InvalidWorkflow";
const VERSION_CONFLICT: &str = "VersionConflict";

fn detail(name: &str, message: &impl Message) -> wire::ErrorDetail {
    wire::ErrorDetail { type_url: format!("{TYPE_PREFIX}{name}"), value: message.encode_to_vec().into() }
}

/// The `grpc-status-details-bin` of a refusal, small enough for a trailer.
pub(super) fn encode(refusal: &Refusal) -> Vec<u8> {
    let info = wire::ErrorInfo {
        code: refusal.code.clone(),
        help: shortened(refusal.help.as_deref().unwrap_or_default(), MAX_TEXT_BYTES).to_owned(),
    };
    let mut details = vec![detail(ERROR_INFO, &info)];
    match &refusal.detail {
        None => {}
        Some(Detail::InvalidWorkflow { findings, omitted }) => {
            let mut message = wire::InvalidWorkflow::default();
            for finding in findings {
                message.diagnostics.push(finding_to_wire(finding));
                if message.encoded_len() > MAX_FINDING_BYTES {
                    message.diagnostics.pop();
                    break;
                }
            }
            let left = findings.len() - message.diagnostics.len();
            message.omitted = omitted.saturating_add(u32::try_from(left).unwrap_or(u32::MAX));
            details.push(detail(INVALID_WORKFLOW, &message));
        }
        Some(Detail::VersionConflict { name, expected, actual }) => {
            let message = wire::VersionConflict { name: name.clone(), expected: *expected, actual: *actual };
            details.push(detail(VERSION_CONFLICT, &message));
        }
    }
    wire::ErrorStatus {
        code: refusal.kind.code() as i32,
        message: shortened(&refusal.message, MAX_TEXT_BYTES).to_owned(),
        details,
    }
    .encode_to_vec()
}

/// What [`encode`] wrote; `None` when something else did. Details that are not known are left out.
pub(super) fn decode(kind: Kind, bytes: &[u8]) -> Option<Refusal> {
    let status = wire::ErrorStatus::decode(bytes).ok()?;
    let find = |name: &str| {
        let found =
            status.details.iter().find(|detail| detail.type_url.strip_prefix(TYPE_PREFIX) == Some(name));
        found.map(|detail| detail.value.clone())
    };
    let info = wire::ErrorInfo::decode(find(ERROR_INFO)?).ok()?;
    let mut refusal = Refusal::new(kind, &info.code, status.message.clone());
    refusal.help = Some(info.help).filter(|help| !help.is_empty());
    if let Some(value) = find(INVALID_WORKFLOW) {
        let message = wire::InvalidWorkflow::decode(value).ok()?;
        let findings = message.diagnostics.into_iter().map(|found| finding_from_wire("", found)).collect();
        refusal.detail = Some(Detail::InvalidWorkflow { findings, omitted: message.omitted });
    }
    if let Some(value) = find(VERSION_CONFLICT) {
        let wire::VersionConflict { name, expected, actual } = wire::VersionConflict::decode(value).ok()?;
        refusal.detail = Some(Detail::VersionConflict { name, expected, actual });
    }
    Some(refusal)
}

#[cfg(test)]
#[allow(clippy::panic)]
mod tests {
    use tonic::{Code, Status};

    use super::*;
    use crate::model::{Finding, Severity};

    fn finding(n: u64, message: &str) -> Finding {
        Finding {
            file: String::new(),
            line: n,
            column: 3,
            severity: Severity::Error,
            code: "E041".to_owned(),
            message: message.to_owned(),
            help: Some("did you mean `generate`?".to_owned()),
            snippet: None,
        }
    }

    fn travelled(refusal: &Refusal) -> Refusal {
        let status = Status::from(refusal.clone());
        assert_eq!(status.code(), refusal.kind.code());
        Refusal::from_status(&status)
    }

    #[test]
    fn every_refusal_arrives_as_it_was_sent() {
        for kind in Kind::ALL {
            let plain = Refusal::new(kind, "some_code", "größer als erlaubt");
            assert_eq!(travelled(&plain), plain);
            let helpful = plain.help("make it smaller");
            assert_eq!(travelled(&helpful), helpful);
        }
        let conflict = Refusal::version_conflict("orders", 3, 5);
        assert_eq!(travelled(&conflict), conflict);
        let invalid = Refusal::invalid_workflow(vec![finding(3, "no such type"), finding(4, "no such step")]);
        assert_eq!(travelled(&invalid), invalid);
    }

    #[test]
    fn a_long_list_is_cut_to_what_a_trailer_holds() {
        let findings: Vec<_> = (1..=500).map(|n| finding(n, &"ä".repeat(60))).collect();
        let refusal = Refusal::invalid_workflow(findings.clone()).help("x".repeat(5000));
        let status = Status::from(refusal);
        let size = status.details().len().div_ceil(3) * 4 + 3 * status.message().len();
        assert!(size < 14 << 10, "{size} bytes");
        let Some(Detail::InvalidWorkflow { findings: shown, omitted }) = Refusal::from_status(&status).detail
        else {
            panic!("no findings");
        };
        assert!(shown.len() > 20, "{}", shown.len());
        assert_eq!(shown.len() + omitted as usize, 500);
        assert_eq!(shown[..], findings[..shown.len()], "the first ones are shown");
    }

    #[test]
    fn statuses_of_others_are_understood_by_their_code() {
        let unknown = Refusal::from_status(&Status::new(Code::Unavailable, "connection reset"));
        assert_eq!((unknown.kind, unknown.code.as_str()), (Kind::Unavailable, "unavailable"));
        assert_eq!(unknown.message, "connection reset");
        let garbage = Status::with_details(Code::Internal, "", vec![0xff; 40].into());
        assert_eq!(Refusal::from_status(&garbage).kind, Kind::Internal);
        assert!(!Refusal::from_status(&garbage).message.is_empty());
    }
}
