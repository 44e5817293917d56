use std::fmt::{self, Display, Formatter};

/// A decimal as people write it: unscaled value and digits behind the point.
pub(super) struct DecimalText<T>(pub(super) T, pub(super) i8);

impl<T: Display> Display for DecimalText<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        let (sign, digits) = match digits.strip_prefix('-') {
            Some(rest) => ("-", rest),
            None => ("", digits.as_str()),
        };
        let Ok(behind @ 1..) = usize::try_from(self.1) else {
            let zeros = if digits == "0" { 0 } else { usize::from(self.1.unsigned_abs()) };
            return write!(f, "{sign}{digits}{:0<zeros$}", "");
        };
        let digits = format!("{digits:0>width$}", width = behind + 1);
        let (whole, fraction) = digits.split_at(digits.len() - behind);
        write!(f, "{sign}{whole}.{fraction}")
    }
}
