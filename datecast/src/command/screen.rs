//! Recognises a program that draws on the whole screen, as `top` does: what it writes is no lines.

/// What such a program begins with: the alternate screen, or an empty one.
const SIGNS: [&[u8]; 3] = [b"\x1b[?1049h", b"\x1b[?47h", b"\x1b[2J"];
/// Bytes of a run that are looked at: it begins with one, or has its reason later.
const BEGINNING: usize = 16 * 1024;

/// Looks at the beginning of what a run writes.
#[derive(Debug, Default)]
pub(super) struct ScreenWatch {
    seen: usize,
}

impl ScreenWatch {
    /// True, once at most, if these next bytes draw on a whole screen.
    pub(super) fn sees(&mut self, bytes: &[u8]) -> bool {
        if self.seen >= BEGINNING {
            return false;
        }
        let draws = SIGNS.iter().any(|sign| bytes.windows(sign.len()).any(|window| window == *sign));
        self.seen = if draws { BEGINNING } else { self.seen.saturating_add(bytes.len()) };
        draws
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_is_seen_once_and_colours_are_none() {
        for (bytes, draws) in [
            ("\x1b[?1h\x1b=\x1b[?25l\x1b[H\x1b[2J\x1b(B\x1b[mtop - 03:45", true),
            ("\x1b[?1049h\x1b[22;0;0t", true),
            ("\x1b[31mred\x1b[0m \x1b[2K\x1b[1A", false),
            ("", false),
        ] {
            let mut watch = ScreenWatch::default();
            assert_eq!(watch.sees(bytes.as_bytes()), draws, "{bytes:?}");
            assert!(!watch.sees(b"\x1b[2J") || !draws, "once");
        }
    }

    #[test]
    fn only_the_beginning_counts() {
        let mut watch = ScreenWatch::default();
        assert!(!watch.sees(&[b'x'; BEGINNING]));
        assert!(!watch.sees(b"\x1b[2J"));
    }
}
