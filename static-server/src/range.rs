//! `Range: bytes=…` (RFC 9110 §14).

use std::ops::Range;

/// The part of a representation that a `Range` field selects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Selected {
    /// The whole: no field, a malformed one, another unit, or several ranges.
    Whole,
    /// These bytes, never none: 206.
    Part(Range<u64>),
    /// No byte: 416.
    Unsatisfiable,
}

/// Selects from a representation of `len` bytes by the values of the `Range` fields.
pub(crate) fn select<'v>(mut values: impl Iterator<Item = &'v [u8]>, len: u64) -> Selected {
    // §14.2: "A server that supports range requests MAY ignore or reject a Range header field that contains an
    // invalid ranges-specifier, a ranges-specifier with more than two overlapping ranges, or a set of many small
    // ranges": we answer several ranges with the whole file, so that no answer is larger than the file.
    let (Some(value), None) = (values.next(), values.next()) else { return Selected::Whole };
    let Some(set) =
        value.split_at_checked(6).and_then(|(unit, set)| unit.eq_ignore_ascii_case(b"bytes=").then_some(set))
    else {
        // §14.2: "An origin server MUST ignore a Range header field that contains a range unit it does not understand."
        return Selected::Whole;
    };
    // §5.6.1.2: "A recipient MUST parse and ignore a reasonable number of empty list elements".
    let mut specs = set.split(|&byte| byte == b',').map(<[u8]>::trim_ascii).filter(|spec| !spec.is_empty());
    match (specs.next(), specs.next()) {
        (Some(spec), None) => select_one(spec, len).unwrap_or(Selected::Whole),
        _ => Selected::Whole,
    }
}

/// Parses one `first-last`, `first-` or `-suffix`; `None` if it is malformed.
fn select_one(spec: &[u8], len: u64) -> Option<Selected> {
    let dash = spec.iter().position(|&byte| byte == b'-')?;
    let (first, last) = (spec.get(..dash)?, spec.get(dash + 1..)?);
    if first.is_empty() {
        let suffix = number(last)?;
        return Some(match (suffix, len) {
            (0, _) => Selected::Unsatisfiable,
            // A suffix of an empty file is the whole file, and no Content-Range can express that.
            (_, 0) => Selected::Whole,
            // §14.1.2: "If the selected representation is shorter than the specified suffix-length, the entire
            // representation is used."
            _ => Selected::Part(len.saturating_sub(suffix)..len),
        });
    }
    let first = number(first)?;
    let last = if last.is_empty() { u64::MAX } else { number(last)? };
    if last < first {
        // §14.1.1: "An int-range is invalid if the last-pos value is present, and is less than first-pos. A recipient of
        // a range set that includes one or more syntactically invalid values MUST ignore it" (RFC 7233 §2.1).
        return None;
    }
    if first >= len {
        return Some(Selected::Unsatisfiable);
    }
    // §14.1.2: "If the last-pos value is absent, or if the value is greater than or equal to the current length of
    // the representation data, the byte range is interpreted as the remainder of the representation".
    Some(Selected::Part(first..last.saturating_add(1).min(len)))
}

/// Parses a decimal number. One beyond `u64` is beyond every file, and counts as `u64::MAX`.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, digit| {
        digit.is_ascii_digit().then(|| value.saturating_mul(10).saturating_add(u64::from(digit - b'0')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &str, len: u64) -> Selected {
        select([value.as_bytes()].into_iter(), len)
    }

    #[test]
    fn one_range_selects_a_part() {
        for (value, part) in [
            ("bytes=0-0", 0..1),
            ("bytes=0-9", 0..10),
            ("bytes=5-", 5..10),
            ("bytes=5-100", 5..10),
            ("bytes=-3", 7..10),
            ("bytes=-100", 0..10),
            ("bytes=9-9", 9..10),
            ("Bytes=1-2", 1..3),
            ("bytes= 1-2 ,", 1..3),
            ("bytes=0-18446744073709551615", 0..10),
            ("bytes=1-99999999999999999999999", 1..10),
            ("bytes=-18446744073709551616", 0..10),
        ] {
            assert_eq!(of(value, 10), Selected::Part(part), "{value}");
        }
    }

    #[test]
    fn a_range_beyond_the_end_cannot_be_satisfied() {
        for value in [
            "bytes=10-",
            "bytes=10-20",
            "bytes=-0",
            "bytes=18446744073709551616-",
            "bytes=99999999999999999999-",
        ] {
            assert_eq!(of(value, 10), Selected::Unsatisfiable, "{value}");
        }
        assert_eq!(of("bytes=0-", 0), Selected::Unsatisfiable);
        assert_eq!(of("bytes=-1", 0), Selected::Whole);
    }

    #[test]
    fn malformed_ranges_other_units_and_several_ranges_get_the_whole() {
        for value in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=a-b",
            "bytes=1-0",
            "bytes=--1",
            "bytes=1--2",
            "bytes=+1-2",
            "bytes=0x1-2",
            "bytes =1-2",
            "items=0-1",
            "bytes=0-0,5-6",
            "bytes=-1,-2",
            "bytes=1 - 2",
            "bytes=,",
        ] {
            assert_eq!(of(value, 10), Selected::Whole, "{value}");
        }
        assert_eq!(select([b"bytes=0-1".as_slice(); 2].into_iter(), 10), Selected::Whole);
        assert_eq!(select([].into_iter(), 10), Selected::Whole);
        let bomb = format!("bytes={}", (0..1300).map(|i| format!("{i}-")).collect::<Vec<_>>().join(","));
        assert_eq!(of(&bomb, 10_000), Selected::Whole);
    }

    #[test]
    fn all_small_ranges_select_exactly_what_a_simple_model_says() {
        for len in 0..6_u64 {
            let bytes: Vec<u64> = (0..len).collect();
            for first in 0..8_u64 {
                for last in first..8 {
                    let model: Vec<u64> =
                        bytes.iter().copied().filter(|at| (first..=last).contains(at)).collect();
                    match of(&format!("bytes={first}-{last}"), len) {
                        Selected::Part(part) => assert_eq!(part.collect::<Vec<_>>(), model),
                        Selected::Unsatisfiable => assert!(model.is_empty()),
                        Selected::Whole => panic!("{first}-{last} of {len}"),
                    }
                }
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn a_part_is_never_empty_nor_outside(value in "bytes=[-,0-9 ]{0,30}", len: u64) {
            if let Selected::Part(part) = of(&value, len) {
                assert!(part.start < part.end && part.end <= len);
            }
        }
    }
}
