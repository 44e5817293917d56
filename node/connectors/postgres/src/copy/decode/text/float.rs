use super::digits::push_padded;

/// Appends a `float4`.
pub(super) fn write_float4(value: f32, out: &mut Vec<u8>) {
    let shortest = shortest(
        format!("{value:e}"),
        |places| format!("{value:.places$e}"),
        |text| text.parse::<f32>().is_ok_and(|read| read == value),
    );
    write(f64::from(value), &shortest, 6, out);
}

/// Appends a `float8`.
pub(super) fn write_float8(value: f64, out: &mut Vec<u8>) {
    let shortest = shortest(
        format!("{value:e}"),
        |places| format!("{value:.places$e}"),
        |text| text.parse::<f64>().is_ok_and(|read| read == value),
    );
    write(value, &shortest, 15, out);
}

/// The digits PostgreSQL chooses: the fewest that lie strictly nearer to the number than to its neighbours, and of those
/// the nearest, where half goes to even. Rust's shortest ones, `shortest`, may lie exactly in the middle between two
/// numbers, and half goes up. `rounded` gives the number with so many digits behind the point, `reads` tells whether
/// a text gives the number back.
fn shortest(shortest: String, rounded: impl Fn(usize) -> String, reads: impl Fn(&str) -> bool) -> String {
    let Some((digits, _)) = parts(&shortest) else { return shortest };
    let places = digits.trim_start_matches('-').len() - 1;
    std::iter::once(rounded(places))
        .chain([shortest.clone()])
        .chain((places + 1..17).map(rounded))
        .find(|text| inside(text, &reads))
        .unwrap_or(shortest)
}

/// Whether everything near `text` (one part in 10^60 to both sides) gives the number back as well.
fn inside(text: &str, reads: impl Fn(&str) -> bool) -> bool {
    let Some((digits, exponent)) = parts(text) else { return true };
    let Ok(digits) = digits.parse::<i64>() else { return true };
    let (sign, digits, exponent) = (if digits < 0 { "-" } else { "" }, digits.unsigned_abs(), exponent - 60);
    let Some(before) = digits.checked_sub(1) else { return true };
    let (zeros, nines) = ("0".repeat(59), "9".repeat(60));
    reads(&format!("{sign}{digits}{zeros}1e{exponent}"))
        && reads(&format!("{sign}{before}{nines}e{exponent}"))
}

/// A number as `-1.25e-7` taken apart into `-125` and -9; none for what is not finite.
fn parts(text: &str) -> Option<(String, i32)> {
    let (mantissa, exponent) = text.split_once('e')?;
    let places = mantissa.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let exponent = exponent.parse::<i32>().ok()?.checked_sub(i32::try_from(places).ok()?)?;
    Some((mantissa.replace('.', ""), exponent))
}

/// Lays out digits that come as `-1.25e-7` like PostgreSQL: with an exponent of at least two digits from `fixed` digits
/// in front of the point on, and below 0.0001.
fn write(value: f64, shortest: &str, fixed: i32, out: &mut Vec<u8>) {
    if value.is_nan() {
        return out.extend_from_slice(b"NaN");
    }
    if value.is_sign_negative() {
        out.push(b'-');
    }
    if value.is_infinite() {
        return out.extend_from_slice(b"Infinity");
    }
    let (mantissa, exponent) = shortest.trim_start_matches('-').split_once('e').unwrap_or((shortest, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if !(-4..fixed).contains(&exponent) {
        out.extend_from_slice(mantissa.as_bytes());
        out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
        return push_padded(out, u64::from(exponent.unsigned_abs()), 2);
    }
    let digits = mantissa.bytes().filter(|&byte| byte != b'.');
    if exponent < 0 {
        out.extend_from_slice(b"0.");
        out.extend((1..exponent.unsigned_abs()).map(|_| b'0'));
        return out.extend(digits);
    }
    let count = digits.clone().count();
    let whole = usize::try_from(exponent).unwrap_or_default() + 1;
    out.extend(digits.clone().chain(std::iter::repeat(b'0')).take(whole));
    if count > whole {
        out.push(b'.');
        out.extend(digits.skip(whole));
    }
}
