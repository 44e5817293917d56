use arrow::array::ArrayRef;
use arrow::datatypes::Fields;

use crate::FormatError;

use super::escape::write_string;
use super::fault::Fallible;
use super::options::Nulls;
use super::run::{BLOCK, push_run};
use super::writer::{Style, Writer};

/// Writes rows as objects.
pub(super) struct ObjectWriter<'a> {
    members: Vec<Member<'a>>,
    omit_nulls: bool,
}

struct Member<'a> {
    name: String,
    /// A comma, the name as a JSON string and a colon; behind it a block of slack.
    prefix: Vec<u8>,
    prefix_end: usize,
    writer: Writer<'a>,
}

impl<'a> ObjectWriter<'a> {
    /// # Errors
    /// [`FormatError::Unsupported`] for a type without a form in JSON, [`FormatError::Invalid`] for two fields of one
    /// name.
    pub fn new(fields: &Fields, arrays: &'a [ArrayRef], style: Style) -> Result<Self, FormatError> {
        let mut members: Vec<Member<'a>> = Vec::with_capacity(fields.len());
        let mut names = std::collections::HashSet::new();
        for (field, array) in fields.iter().zip(arrays) {
            if !names.insert(field.name().as_str()) && !style.lenient {
                let message = format!("two columns are called `{}`", field.name());
                return Err(FormatError::Invalid { format: "json", message });
            }
            let mut prefix = vec![b','];
            write_string(&mut prefix, field.name().as_bytes());
            prefix.push(b':');
            let prefix_end = prefix.len();
            prefix.resize(prefix_end + BLOCK, 0);
            let writer = Writer::new(field, array.as_ref(), style)?;
            members.push(Member { name: field.name().clone(), prefix, prefix_end, writer });
        }
        Ok(Self { members, omit_nulls: style.nulls == Nulls::Omit })
    }

    /// Appends one row; after an error `out` holds a part of it.
    #[inline]
    pub fn write(&self, row: usize, out: &mut Vec<u8>) -> Fallible<()> {
        out.push(b'{');
        let begin = out.len();
        for member in &self.members {
            if self.omit_nulls && member.writer.is_null(row) {
                continue;
            }
            let skip = (out.len() == begin) as usize;
            push_run(out, &member.prefix, skip, member.prefix_end);
            if let Err(fault) = member.writer.write(row, out) {
                return Err(fault.inside(&member.name));
            }
        }
        out.push(b'}');
        Ok(())
    }
}
