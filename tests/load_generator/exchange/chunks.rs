//! The data of a body that comes in chunks (RFC 9112 §7.1).

use httparse::Status;

/// Bytes that the line before a chunk may have.
const MOST_OF_LINE: usize = 64;

/// How far such a body has come.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Chunks {
    /// What has come of the line before a chunk, behind the end of the line of the chunk before it.
    line: Vec<u8>,
    /// Bytes of data that are still to come of this chunk.
    left: u64,
    place: Place,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Beginning,
    Between,
    /// Behind the last chunk, which has no data; no trailer fields are expected.
    Last,
}

impl Chunks {
    /// Hands on the data in these bytes, in order; true if the body ends with them.
    ///
    /// # Errors
    /// A sentence, if these are no chunks, or something follows the body; those of `each`.
    pub(super) fn take(
        &mut self,
        mut bytes: &[u8],
        mut each: impl FnMut(&[u8]) -> Result<(), String>,
    ) -> Result<bool, String> {
        while let Some((first, rest)) = bytes.split_first() {
            if self.left > 0 {
                let len = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
                each(&bytes[..len])?;
                self.left -= len as u64;
                bytes = &bytes[len..];
                continue;
            }
            bytes = rest;
            self.line.push(*first);
            if self.place == Place::Last && self.line == b"\r\n" {
                return if bytes.is_empty() { Ok(true) } else { Err("more than the answer".to_owned()) };
            }
            self.look_at_line()?;
        }
        Ok(false)
    }

    fn look_at_line(&mut self) -> Result<(), String> {
        let end: &[u8] = if self.place == Place::Beginning { b"" } else { b"\r\n" };
        if end.starts_with(&self.line) {
            return Ok(());
        }
        let size = self.line.strip_prefix(end).filter(|_| self.place != Place::Last);
        match size.map(httparse::parse_chunk_size) {
            Some(Ok(Status::Complete((_, size)))) => {
                self.line.clear();
                self.left = size;
                self.place = if size == 0 { Place::Last } else { Place::Between };
                Ok(())
            }
            Some(Ok(Status::Partial)) if self.line.len() <= MOST_OF_LINE => Ok(()),
            _ => Err(format!("no chunk: {:?}", String::from_utf8_lossy(&self.line))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The data of these bytes, in pieces of so many, and whether they are a whole body.
    fn taken(bytes: &[u8], piece: usize) -> Result<(Vec<u8>, bool), String> {
        let (mut chunks, mut data, mut whole) = (Chunks::default(), Vec::new(), false);
        for bytes in bytes.chunks(piece) {
            whole = chunks.take(bytes, |part| {
                data.extend_from_slice(part);
                Ok(())
            })?;
        }
        Ok((data, whole))
    }

    #[test]
    fn the_data_are_the_same_in_any_pieces() {
        let body = b"3\r\nabc\r\n0B;why=\"so\"\r\n\r\n0\r\n\r\n0\r\nx\r\n0\r\n\r\n";
        for piece in 1..=body.len() {
            assert_eq!(taken(body, piece), Ok((b"abc\r\n0\r\n\r\n0\r\nx".to_vec(), true)), "{piece}");
            let cut = taken(&body[..body.len() - 1], piece).unwrap();
            assert!(!cut.1, "{piece}");
        }
    }

    #[test]
    fn what_is_no_chunk_is_an_error() {
        let long = [b"1;".as_slice(), &[b'x'; MOST_OF_LINE]].concat();
        for body in [
            b"x\r\n".as_slice(),
            b"3\r\nabcd\r\n",
            b"3\r\nabc0\r\n",
            b"0\r\nA: b\r\n\r\n",
            b"0\r\n\r\nHTTP",
            &long,
        ] {
            for piece in 1..=body.len() {
                assert!(taken(body, piece).is_err(), "{:?}", String::from_utf8_lossy(body));
            }
        }
    }

    #[test]
    fn an_error_of_the_caller_ends_it() {
        let mut chunks = Chunks::default();
        assert_eq!(chunks.take(b"1\r\na", |_| Err("other bytes".to_owned())), Err("other bytes".to_owned()));
    }
}
