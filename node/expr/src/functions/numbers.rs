use crate::functions::{BitOperation, Entry, Function};

pub(super) const NUMBERS: &[Entry] = &[
    Entry::within("math", "round", Function::Round, (1, 1), "math.round(double) -> double")
        .means("The nearest whole number, halves away from zero.")
        .example("math.round(-1.5)", "-2.0"),
    Entry::within("math", "floor", Function::Floor, (1, 1), "math.floor(double) -> double")
        .means("The greatest whole number that is not greater.")
        .example("math.floor(-1.5)", "-2.0"),
    Entry::within("math", "ceil", Function::Ceil, (1, 1), "math.ceil(double) -> double")
        .means("The least whole number that is not less.")
        .example("math.ceil(1.2)", "2.0"),
    Entry::within("math", "trunc", Function::Trunc, (1, 1), "math.trunc(double) -> double")
        .means("The number without its fraction.")
        .example("math.trunc(-1.9)", "-1.0"),
    Entry::within("math", "abs", Function::Abs, (1, 1), "math.abs(number) -> number")
        .means("The number without its sign.")
        .example("math.abs(-5)", "5"),
    Entry::within("math", "sign", Function::Sign, (1, 1), "math.sign(number) -> number")
        .means("-1, 0 or 1.")
        .example("math.sign(-2.5)", "-1.0"),
    Entry::within("math", "isNaN", Function::IsNan, (1, 1), "math.isNaN(double) -> bool")
        .means("Whether it is not a number.")
        .example("math.isNaN(0.0 / 0.0)", "true"),
    Entry::within("math", "isInf", Function::IsInf, (1, 1), "math.isInf(double) -> bool")
        .means("Whether it is infinite.")
        .example("math.isInf(1.0 / 0.0)", "true"),
    Entry::within("math", "isFinite", Function::IsFinite, (1, 1), "math.isFinite(double) -> bool")
        .means("Whether it is neither infinite nor not a number.")
        .example("math.isFinite(1.0)", "true"),
    Entry::within(
        "math",
        "greatest",
        Function::Greatest,
        (1, usize::MAX),
        "math.greatest(number, ...) -> number",
    )
    .means("The greatest of numbers, or of a list of them.")
    .example("math.greatest(1, 2.5, 2u)", "2.5"),
    Entry::within("math", "least", Function::Least, (1, usize::MAX), "math.least(number, ...) -> number")
        .means("The least of numbers, or of a list of them.")
        .example("math.least([3, 1, 2])", "1"),
    Entry::within("math", "sqrt", Function::Sqrt, (1, 1), "math.sqrt(number) -> double")
        .means("The square root; not a number below 0.")
        .example("math.sqrt(81)", "9.0"),
    Entry::within("math", "pow", Function::Power, (2, 2), "math.pow(number, number) -> double")
        .means("The first number to the power of the second.")
        .example("math.pow(2, 10)", "1024.0"),
    Entry::within("math", "exp", Function::Exp, (1, 1), "math.exp(number) -> double")
        .means("e to the power of the number.")
        .example("math.exp(0)", "1.0"),
    Entry::within("math", "ln", Function::Ln, (1, 1), "math.ln(number) -> double")
        .means("The natural logarithm.")
        .example("math.ln(1)", "0.0"),
    Entry::within("math", "log10", Function::Log10, (1, 1), "math.log10(number) -> double")
        .means("The logarithm to the base 10.")
        .example("math.log10(1000)", "3.0"),
    Entry::within("math", "log2", Function::Log2, (1, 1), "math.log2(number) -> double")
        .means("The logarithm to the base 2.")
        .example("math.log2(8)", "3.0"),
    Entry::within(
        "math",
        "bitAnd",
        Function::Bits(BitOperation::And),
        (2, 2),
        "math.bitAnd(int|uint, same) -> same",
    )
    .means("The bits that both have.")
    .example("math.bitAnd(6, 3)", "2"),
    Entry::within(
        "math",
        "bitOr",
        Function::Bits(BitOperation::Or),
        (2, 2),
        "math.bitOr(int|uint, same) -> same",
    )
    .means("The bits that either has.")
    .example("math.bitOr(6u, 3u)", "7"),
    Entry::within(
        "math",
        "bitXor",
        Function::Bits(BitOperation::Xor),
        (2, 2),
        "math.bitXor(int|uint, same) -> same",
    )
    .means("The bits that one of them has.")
    .example("math.bitXor(6, 3)", "5"),
    Entry::within("math", "bitNot", Function::BitNot, (1, 1), "math.bitNot(int|uint) -> same")
        .means("All bits the other way.")
        .example("math.bitNot(1)", "-2"),
    Entry::within(
        "math",
        "bitShiftLeft",
        Function::Bits(BitOperation::ShiftLeft),
        (2, 2),
        "math.bitShiftLeft(int|uint, int) -> same",
    )
    .means("The bits moved up; 0 from 64 places on.")
    .example("math.bitShiftLeft(1, 4)", "16"),
    Entry::within(
        "math",
        "bitShiftRight",
        Function::Bits(BitOperation::ShiftRight),
        (2, 2),
        "math.bitShiftRight(int|uint, int) -> same",
    )
    .means("The bits moved down without regard to the sign; 0 from 64 places on.")
    .example("math.bitShiftRight(-1024, -1)", "!invalid_shift"),
];
