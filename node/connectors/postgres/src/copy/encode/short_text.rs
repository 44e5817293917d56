use std::fmt;

/// The shortest text of a number that reads back as the same, without allocating.
pub(super) struct ShortText {
    bytes: [u8; 64],
    length: usize,
}

impl ShortText {
    /// Of a finite `f32` or `f64`, in scientific form, or of an `i128` with an exponent.
    pub(super) fn new(arguments: fmt::Arguments<'_>) -> Self {
        let mut text = Self { bytes: [0; 64], length: 0 };
        // 64 bytes hold every such text: 17 digits or 39, a point, signs and an exponent.
        let _ = fmt::Write::write_fmt(&mut text, arguments);
        text
    }

    pub(super) fn as_str(&self) -> &str {
        str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl fmt::Write for ShortText {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let end = self.length + part.len();
        self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?.copy_from_slice(part.as_bytes());
        self.length = end;
        Ok(())
    }
}
