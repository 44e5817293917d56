/// Bytes that are copied as one block.
pub(super) const BLOCK: usize = 32;

/// Appends `bytes[start..end]`; nothing if that is no range of it.
///
/// A short run is copied as a whole block, of which the surplus is cut off again: a block of fixed size is two
/// instructions, where a run of unknown size is a call.
#[inline(always)]
pub(super) fn push_run(out: &mut Vec<u8>, bytes: &[u8], start: usize, end: usize) {
    let length = end.saturating_sub(start);
    let block = bytes.get(start..).and_then(|rest| rest.first_chunk::<BLOCK>());
    match block {
        Some(block) if length <= BLOCK => {
            let begin = out.len();
            out.extend_from_slice(block);
            out.truncate(begin + length);
        }
        _ => out.extend_from_slice(bytes.get(start..end).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_any_length_and_place_are_copied_exactly() {
        let bytes: Vec<u8> = (0..100).collect();
        for start in 0..=100 {
            for end in start..=100 {
                let mut out = vec![255];
                push_run(&mut out, &bytes, start, end);
                assert_eq!(out[0], 255);
                assert_eq!(&out[1..], &bytes[start..end]);
            }
        }
    }
}
