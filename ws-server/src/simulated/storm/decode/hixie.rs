//! Frames of drafts 75 and 76, as a client takes them from a server.

use super::super::said::Said;

#[derive(Clone, Copy, Debug)]
pub(super) struct Hixie {
    /// Draft 76 has a Close.
    pub(super) has_close: bool,
    pub(super) has_closed: bool,
}

impl Hixie {
    /// The next frame and its length; `None` while it is not whole.
    pub(super) fn next(&mut self, bytes: &[u8]) -> Result<Option<(usize, Said)>, String> {
        let Some(&first) = bytes.first() else { return Ok(None) };
        if self.has_closed {
            return Err(format!("{:02x?} behind our Close", &bytes[..bytes.len().min(20)]));
        }
        match first {
            0x00 => {
                let Some(end) = bytes.iter().position(|byte| *byte == 0xFF) else { return Ok(None) };
                let text =
                    String::from_utf8(bytes[1..end].to_vec()).map_err(|_| "a text that is not UTF-8")?;
                Ok(Some((end + 1, Said::Text(text))))
            }
            0xFF if self.has_close => match bytes.get(1) {
                None => Ok(None),
                Some(0x00) => {
                    self.has_closed = true;
                    Ok(Some((2, Said::Close(None, String::new()))))
                }
                Some(other) => Err(format!("a Close with {other:02x}")),
            },
            other => Err(format!("a frame that begins with {other:02x}")),
        }
    }
}
