use etl_sdk::FieldError;

use super::raw::RawEnrich;
use super::rules::Rules;

impl RawEnrich {
    /// Checks everything that needs neither data nor a server, and reports all faults.
    pub fn validate(self) -> Result<Rules, Vec<FieldError>> {
        match self {
            http @ Self::Http { .. } => http.http().map(|rules| Rules::Http(Box::new(rules))),
            lookup @ Self::Lookup { .. } => lookup.lookup(),
        }
    }
}
