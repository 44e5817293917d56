use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::RunId;

/// The place of a piece of work in a trace: W3C Trace Context (Level 1, `traceparent` of version 00). Neither id is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceContext {
    trace: u128,
    span: u64,
    is_sampled: bool,
}

/// A text that is no `traceparent`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no `traceparent` of W3C Trace Context")]
pub struct InvalidTraceparent {
    /// The text, or its first 60 characters.
    pub text: String,
}

/// The flag that says that the trace is kept.
const SAMPLED: u8 = 1;

fn random() -> u128 {
    // Six bits of it are fixed.
    Uuid::new_v4().as_u128()
}

impl TraceContext {
    /// The first span of a new trace, with random ids.
    pub fn new(is_sampled: bool) -> Self {
        // The variant of a UUID is never zero, and lies in the lower half.
        Self { trace: random(), span: random() as u64, is_sampled }
    }

    /// The context of all that is done to start and end a run, which every node knows: the trace has the run's id.
    pub fn of_run(run: RunId) -> Self {
        let (high, low) = Uuid::from(run).as_u64_pair();
        // Only the id of no run is zero.
        let span = (high.rotate_left(32) ^ low).max(1);
        Self { trace: Uuid::from(run).as_u128().max(1), span, is_sampled: true }
    }

    /// A context with these ids; `None` when one of them is zero.
    pub fn from_ids(trace: u128, span: u64, is_sampled: bool) -> Option<Self> {
        (trace != 0 && span != 0).then_some(Self { trace, span, is_sampled })
    }

    /// Another span of the same trace, with a random id.
    pub fn child(&self) -> Self {
        Self { span: random() as u64, ..*self }
    }

    /// Names the trace.
    pub fn trace(&self) -> u128 {
        self.trace
    }

    /// Names the span within it.
    pub fn span(&self) -> u64 {
        self.span
    }

    /// Whether spans of this trace are kept.
    pub fn is_sampled(&self) -> bool {
        self.is_sampled
    }

    /// The id of the trace as 32 lower-case hexadecimal digits.
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace)
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = if self.is_sampled { SAMPLED } else { 0 };
        write!(f, "00-{:032x}-{:016x}-{flags:02x}", self.trace, self.span)
    }
}

impl FromStr for TraceContext {
    type Err = InvalidTraceparent;

    /// Reads a `traceparent`. Of versions to come it takes what version 00 has, as the standard asks.
    fn from_str(text: &str) -> Result<Self, InvalidTraceparent> {
        let invalid = || InvalidTraceparent { text: text.chars().take(60).collect() };
        let mut parts = text.split('-');
        let mut hex = |digits: usize| {
            let part = parts.next().filter(|part| part.len() == digits)?;
            let is_hex = part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            is_hex.then(|| u128::from_str_radix(part, 16).ok()).flatten()
        };
        let read = (|| Some((hex(2)?, hex(32)?, hex(16)?, hex(2)?)))();
        let (version, trace, span, flags) = read.ok_or_else(invalid)?;
        let is_at_its_end = parts.next().is_none();
        if version == 0xff || (version == 0 && !is_at_its_end) {
            return Err(invalid());
        }
        let is_sampled = flags & u128::from(SAMPLED) != 0;
        let span = u64::try_from(span).map_err(|_| invalid())?;
        Self::from_ids(trace, span, is_sampled).ok_or_else(invalid)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_example_of_the_standard_is_read() {
        let text = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let context: TraceContext = text.parse().unwrap();
        assert_eq!((context.to_string().as_str(), context.is_sampled()), (text, true));
        assert_eq!((context.trace_id().as_str(), context.span()), (&text[3..35], 0x00f0_67aa_0ba9_02b7));
        let later = "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-09-what-comes-then";
        assert_eq!(later.parse::<TraceContext>().unwrap(), context);
    }

    #[test]
    fn what_is_not_one_is_refused() {
        let (trace, span) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
        let wrong = [
            String::new(),
            "00".to_owned(),
            format!("00-{trace}-{span}"),
            format!("00-{trace}-{span}-01-more"),
            format!("ff-{trace}-{span}-01"),
            format!("00-{}-{span}-01", "0".repeat(32)),
            format!("00-{trace}-{}-01", "0".repeat(16)),
            format!("00-{}-{span}-01", trace.to_uppercase()),
            format!("00-{trace}-+0f067aa0ba902b7-01"),
            format!("00-{trace}-{span}-1"),
            format!("0-{trace}-{span}-01"),
            format!("00-{trace}-{span}-é1"),
        ];
        for text in wrong {
            assert!(text.parse::<TraceContext>().is_err(), "{text}");
        }
    }

    #[test]
    fn every_node_knows_the_trace_of_a_run() {
        let run = RunId::generate();
        let context = TraceContext::of_run(run);
        assert_eq!((context, context.is_sampled()), (TraceContext::of_run(run), true));
        assert_eq!(context.trace_id(), Uuid::from(run).simple().to_string());
        assert!(TraceContext::of_run(RunId::from(Uuid::nil())).to_string().parse::<TraceContext>().is_ok());
    }

    #[test]
    fn a_child_belongs_to_the_same_trace() {
        for is_sampled in [true, false] {
            let parent = TraceContext::new(is_sampled);
            let child = parent.child();
            assert_eq!((child.trace(), child.is_sampled()), (parent.trace(), is_sampled));
            assert!(child.span() != parent.span() && child.span() != 0 && parent.trace() != 0);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(trace in 1u128.., span in 1u64.., is_sampled: bool) {
            let context = TraceContext::from_ids(trace, span, is_sampled).unwrap();
            prop_assert_eq!(context.to_string().parse(), Ok(context));
        }

        #[test]
        fn no_text_is_too_strange(text in ".*") {
            let _ = text.parse::<TraceContext>();
        }
    }
}
