use super::malformed::Flaw;

/// Where tuples come from, one after the other.
pub(super) trait Supply<'a> {
    /// The bytes that the next tuple begins; `None` at the end.
    fn begin(&mut self) -> Option<&'a [u8]>;

    /// Takes back what a tuple has left of its bytes.
    ///
    /// # Errors
    /// When it should have left nothing.
    fn end(&mut self, rest: &'a [u8]) -> Result<(), Flaw>;
}

/// Tuples that stand one directly after the other.
pub(super) struct Adjacent<'a>(pub(super) &'a [u8]);

impl<'a> Supply<'a> for Adjacent<'a> {
    #[inline]
    fn begin(&mut self) -> Option<&'a [u8]> {
        (!self.0.is_empty()).then_some(self.0)
    }

    #[inline]
    fn end(&mut self, rest: &'a [u8]) -> Result<(), Flaw> {
        self.0 = rest;
        Ok(())
    }
}

/// Tuples each of which is a piece of its own.
pub(super) struct Apart<I>(pub(super) I);

impl<'a, I: Iterator<Item = &'a [u8]>> Supply<'a> for Apart<I> {
    #[inline]
    fn begin(&mut self) -> Option<&'a [u8]> {
        self.0.next()
    }

    #[inline]
    fn end(&mut self, rest: &'a [u8]) -> Result<(), Flaw> {
        if rest.is_empty() { Ok(()) } else { Err(Flaw::Trailing) }
    }
}
