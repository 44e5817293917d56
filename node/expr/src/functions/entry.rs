use crate::functions::Function;

/// How a function is called in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Global,
    /// `receiver.f(...)`; the receiver is the first operand.
    Member,
    Both,
    /// `math.f(...)`.
    Namespace(&'static str),
}

/// A call and what it yields, executed by a test.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Example {
    pub text: &'static str,
    /// The value as JSON, or `!` and the code of the failing row.
    pub yields: &'static str,
}

/// One function, with all that the reference says of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub name: &'static str,
    pub style: Style,
    pub function: Function,
    /// Number of operands with the receiver, least and most.
    pub operands: (usize, usize),
    /// The call with the types of its operands and of its value.
    pub signature: &'static str,
    /// One sentence.
    pub meaning: &'static str,
    pub example: Example,
}

impl Entry {
    const fn new(
        name: &'static str,
        style: Style,
        function: Function,
        operands: (usize, usize),
        signature: &'static str,
    ) -> Self {
        let example = Example { text: "", yields: "" };
        Self { name, style, function, operands, signature, meaning: "", example }
    }

    pub const fn global(
        name: &'static str,
        function: Function,
        operands: (usize, usize),
        signature: &'static str,
    ) -> Self {
        Self::new(name, Style::Global, function, operands, signature)
    }

    pub const fn member(
        name: &'static str,
        function: Function,
        operands: (usize, usize),
        signature: &'static str,
    ) -> Self {
        Self::new(name, Style::Member, function, operands, signature)
    }

    pub const fn both(
        name: &'static str,
        function: Function,
        operands: (usize, usize),
        signature: &'static str,
    ) -> Self {
        Self::new(name, Style::Both, function, operands, signature)
    }

    pub const fn within(
        space: &'static str,
        name: &'static str,
        function: Function,
        operands: (usize, usize),
        signature: &'static str,
    ) -> Self {
        Self::new(name, Style::Namespace(space), function, operands, signature)
    }

    pub const fn means(mut self, meaning: &'static str) -> Self {
        self.meaning = meaning;
        self
    }

    pub const fn example(mut self, text: &'static str, yields: &'static str) -> Self {
        self.example = Example { text, yields };
        self
    }
}
