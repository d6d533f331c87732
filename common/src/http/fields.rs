//! The field lines of a head (RFC 9112 §5): where the name and the value of each one stand.

use super::{HeadError, plain_run, request_line};

/// The places of one field's parts, in the bytes of all field lines of its head: a quarter of what two slices take, since room for
/// many is written for each head.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Field {
    name: u32,
    name_end: u32,
    value: u32,
    value_end: u32,
}

impl Field {
    /// Its name; `lines` are those of its head.
    #[inline]
    pub(super) fn name(self, lines: &[u8]) -> &[u8] {
        lines.get(self.name as usize..self.name_end as usize).unwrap_or_default()
    }

    /// Its value without the blanks around it; `lines` are those of its head.
    #[inline]
    pub(super) fn value(self, lines: &[u8]) -> &[u8] {
        lines.get(self.value as usize..self.value_end as usize).unwrap_or_default()
    }
}

/// Finds the fields in lines whose bytes and ends were checked, up to the blank line behind them; returns their number.
pub(super) fn find_fields(lines: &[u8], room: &mut [Field]) -> Result<usize, HeadError> {
    let (mut at, mut count) = (0, 0);
    while lines.get(at..) != Some(b"\r\n") {
        let place = room.get_mut(count).ok_or(HeadError::TooManyFields)?;
        (*place, at) = find_field(lines, at)?;
        count += 1;
    }
    Ok(count)
}

/// Finds the field in the line that begins at `from`; returns where the next one begins, too.
fn find_field(lines: &[u8], from: usize) -> Result<(Field, usize), HeadError> {
    // §5: "field-line = field-name ":" OWS field-value OWS", and a name is a token: a line that goes on with the one before begins with
    // a blank. §5.1: "A server MUST reject, with a response status code of 400 (Bad Request), any received request message that contains
    // whitespace between a header field name and colon."
    let line = lines.get(from..).unwrap_or_default();
    let name = line.iter().position(|byte| !request_line::is_token_byte(*byte)).ok_or(HeadError::Field)?;
    if name == 0 || line.get(name) != Some(&b':') {
        return Err(HeadError::Field);
    }
    let name_end = from + name;
    let mut value = name_end + 1;
    while is_blank(lines, value) {
        value += 1;
    }
    let end = line_end(lines, value)?;
    let mut value_end = end;
    while value_end > value && is_blank(lines, value_end - 1) {
        value_end -= 1;
    }
    let place = |at: usize| u32::try_from(at).map_err(|_| HeadError::TooLong);
    let field = Field {
        name: place(from)?,
        name_end: place(name_end)?,
        value: place(value)?,
        value_end: place(value_end)?,
    };
    Ok((field, end + 2))
}

/// Where the line ends of which `at` is a byte.
fn line_end(lines: &[u8], mut at: usize) -> Result<usize, HeadError> {
    loop {
        at += plain_run::<b' ', 0x7F>(lines.get(at..).unwrap_or_default());
        match lines.get(at..) {
            Some([b'\r', b'\n', ..]) => return Ok(at),
            Some([b'\t', ..]) => at += 1,
            _ => return Err(HeadError::Field),
        }
    }
}

/// RFC 9110 §5.6.3: "OWS = *( SP / HTAB )".
fn is_blank(lines: &[u8], at: usize) -> bool {
    matches!(lines.get(at), Some(b' ' | b'\t'))
}

/// True for names and tokens that differ by case alone; most have the case in which we write them.
pub(super) fn is_same(text: &[u8], ours: &[u8]) -> bool {
    text == ours || text.eq_ignore_ascii_case(ours)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MOST: usize = 4;

    /// The name and the value of each field.
    type Found<'h> = Result<Vec<(&'h [u8], &'h [u8])>, HeadError>;

    fn found(lines: &[u8]) -> Found<'_> {
        let mut room = [Field::default(); MOST];
        let count = find_fields(lines, &mut room)?;
        Ok(room[..count].iter().map(|field| (field.name(lines), field.value(lines))).collect())
    }

    fn found_by_httparse(lines: &[u8]) -> Found<'_> {
        let mut room = [httparse::EMPTY_HEADER; MOST];
        match httparse::parse_headers(lines, &mut room) {
            Ok(httparse::Status::Complete((len, fields))) => {
                assert_eq!(len, lines.len());
                Ok(fields.iter().map(|field| (field.name.as_bytes(), field.value)).collect())
            }
            Err(httparse::Error::TooManyHeaders) => Err(HeadError::TooManyFields),
            _ => Err(HeadError::Field),
        }
    }

    #[test]
    fn every_byte_is_a_part_of_a_name_or_of_a_value_as_httparse_has_it() {
        for byte in (0x20..=0xFF).filter(|byte| *byte != 0x7F).chain([b'\t']) {
            for line in [[b'a', byte, b':', b'b'], [byte, b'a', b':', b'b'], [b'a', b':', b'b', byte]] {
                let lines = [&line, b"\r\nc:d\r\n\r\n".as_slice()].concat();
                assert_eq!(found(&lines), found_by_httparse(&lines), "{}", lines.escape_ascii());
            }
        }
    }

    proptest! {
        #[test]
        fn fields_are_found_as_httparse_finds_them(lines in proptest::collection::vec("[aB:\\- \t\\x80(]{1,12}", 0..6)) {
            let lines: String = lines.iter().map(|line| format!("{line}\r\n")).chain(["\r\n".to_owned()]).collect();
            prop_assert_eq!(found(lines.as_bytes()), found_by_httparse(lines.as_bytes()));
        }
    }
}
