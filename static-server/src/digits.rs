//! A number's digits, without the memory and the time that `format!` takes.

/// As many digits as 64 bits have in decimal.
const MOST: usize = 20;

/// Digits in ASCII.
#[derive(Debug)]
pub(crate) struct Digits {
    /// The digits stand at the end.
    bytes: [u8; MOST],
    begin: usize,
}

impl Digits {
    /// In decimal.
    pub(crate) fn decimal(number: u64) -> Self {
        Digits::of(number, 10, 1)
    }

    /// In lower-case hexadecimal, with zeros before them if there are fewer than `least`.
    pub(crate) fn hexadecimal(number: u64, least: usize) -> Self {
        Digits::of(number, 16, least)
    }

    fn of(number: u64, radix: u64, least: usize) -> Self {
        let (mut digits, mut rest) = (Digits { bytes: [b'0'; MOST], begin: MOST }, number);
        for (at, byte) in digits.bytes.iter_mut().enumerate().rev() {
            if rest == 0 && MOST - digits.begin >= least {
                break;
            }
            let digit = u8::try_from(rest % radix).unwrap_or_default();
            *byte = if digit < 10 { b'0' + digit } else { b'a' + (digit - 10) };
            (rest, digits.begin) = (rest / radix, at);
        }
        digits
    }

    pub(crate) fn as_str(&self) -> &str {
        self.bytes.get(self.begin..).and_then(|digits| str::from_utf8(digits).ok()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_standard_library_writes_them() {
        for number in [0, 7, 10, 15, 16, 200, 1_048_576, u64::MAX / 2, u64::MAX] {
            assert_eq!(Digits::decimal(number).as_str(), number.to_string());
            assert_eq!(Digits::hexadecimal(number, 1).as_str(), format!("{number:x}"));
            assert_eq!(Digits::hexadecimal(number, 16).as_str(), format!("{number:016x}"));
        }
    }
}
