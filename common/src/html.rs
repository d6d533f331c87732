//! Texts of a stream as text in an HTML document.

/// Appends a text as a terminal would show it, without its colours: no byte of it is markup. Escape sequences (ECMA-48 §5.3 and
/// §5.4, and strings such as titles) and control characters are left out; U+000A and U+0009 stay, and U+000D becomes a blank.
pub fn push_text(text: &str, out: &mut Vec<u8>) {
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\u{1b}' => skip_escape(&mut letters),
            '\u{9b}' => skip_to_final(&mut letters),
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => skip_string(&mut letters),
            '\r' => out.push(b' '),
            '\n' | '\t' => push_letter(letter, out),
            letter if letter.is_control() => {}
            letter => push_letter(letter, out),
        }
    }
}

/// Appends a text as the value of an attribute in quotes, or as text, with all its characters.
pub fn push_escaped(text: &str, out: &mut Vec<u8>) {
    for letter in text.chars() {
        push_letter(letter, out);
    }
}

fn push_letter(letter: char, out: &mut Vec<u8>) {
    match letter {
        '&' => out.extend_from_slice(b"&amp;"),
        '<' => out.extend_from_slice(b"&lt;"),
        '>' => out.extend_from_slice(b"&gt;"),
        '"' => out.extend_from_slice(b"&quot;"),
        '\'' => out.extend_from_slice(b"&#39;"),
        _ => out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

/// Skips what belongs to an ESC.
fn skip_escape(letters: &mut std::str::Chars<'_>) {
    let mut ahead = letters.clone();
    match ahead.next() {
        Some('[') => {
            *letters = ahead;
            skip_to_final(letters);
        }
        Some('P' | 'X' | ']' | '^' | '_') => {
            *letters = ahead;
            skip_string(letters);
        }
        // Intermediate characters, and one that ends the sequence.
        Some(' '..='/') => {
            *letters = ahead;
            skip_escape(letters);
        }
        Some('0'..='~') => *letters = ahead,
        _ => {}
    }
}

/// Skips the parameters of a control sequence, and the letter that ends it.
fn skip_to_final(letters: &mut std::str::Chars<'_>) {
    loop {
        let mut ahead = letters.clone();
        match ahead.next() {
            Some(' '..='?') => *letters = ahead,
            Some('@'..='~') => {
                *letters = ahead;
                return;
            }
            // No part of a sequence: it was cut off.
            _ => return,
        }
    }
}

/// Skips a string of a terminal, such as its title: up to BEL, ST, or the end of the line.
fn skip_string(letters: &mut std::str::Chars<'_>) {
    loop {
        let mut ahead = letters.clone();
        match ahead.next() {
            None | Some('\n') => return,
            Some('\u{7}' | '\u{9c}') => {
                *letters = ahead;
                return;
            }
            Some('\u{1b}') => {
                if let Some('\\') = ahead.next() {
                    *letters = ahead;
                }
                return;
            }
            Some(_) => *letters = ahead,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> String {
        let mut out = Vec::new();
        push_text(text, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn no_character_of_a_text_is_markup() {
        assert_eq!(
            text("<script>alert('1')</script> &amp; \"<!--\""),
            "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt; &amp;amp; &quot;&lt;!--&quot;"
        );
        let mut out = Vec::new();
        push_escaped("\"><b>\r", &mut out);
        assert_eq!(out, b"&quot;&gt;&lt;b&gt;\r");
    }

    #[test]
    fn a_text_is_what_a_terminal_would_show_without_its_colours() {
        for (line, shown) in [
            ("\u{1b}[1;31mred\u{1b}[0m rest", "red rest"),
            ("\u{9b}31mred", "red"),
            ("\u{1b}]0;a title\u{7}text", "text"),
            ("\u{1b}]8;;http://a/\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
            ("\u{1b}(Bplain\u{1b}=", "plain"),
            ("\u{1b}[?25lhidden cursor", "hidden cursor"),
            ("10%\r20%", "10% 20%"),
            ("a\tb\nc\0\u{7f}\u{85}d", "a\tb\ncd"),
            ("\u{1b}", ""),
            ("\u{1b}[31", ""),
            ("\u{1b}[31π", "π"),
            ("\u{1b}]0;unfinished\nnext", "\nnext"),
            ("\u{1b}]0;\u{1b}[31mred", "red"),
            ("\u{1b}[31<b>", "&gt;"),
            ("κόσμε 🎉", "κόσμε 🎉"),
        ] {
            assert_eq!(text(line), shown, "{line:?}");
        }
    }

    #[test]
    fn whatever_comes_no_angle_bracket_and_no_control_character_is_left() {
        // Every sequence of four out of these.
        let letters = ['\u{1b}', '[', ']', '\u{7}', '\\', '<', '\u{9b}', 'm', '&', '\n', '\u{9d}', '"'];
        for number in 0..letters.len().pow(4) {
            let line: String =
                (0..4).map(|at| letters[number / letters.len().pow(at) % letters.len()]).collect();
            let shown = text(&line);
            assert!(!shown.chars().any(|letter| letter == '<' || letter == '"'), "{line:?}: {shown:?}");
            assert!(
                !shown.chars().any(|letter| letter.is_control() && letter != '\n'),
                "{line:?}: {shown:?}"
            );
        }
    }
}
