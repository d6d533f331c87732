//! Frames of RFC 6455 and drafts 07, 08, as a client takes them from a server.

use super::super::said::Said;

/// Between which frames it stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hybi {
    has_closed: bool,
}

impl Hybi {
    /// The next frame and its length; `None` while it is not whole.
    pub(super) fn next(&mut self, bytes: &[u8]) -> Result<Option<(usize, Said)>, String> {
        let Some(&first) = bytes.first() else { return Ok(None) };
        if self.has_closed {
            return Err(format!("{:02x?} behind our Close", &bytes[..bytes.len().min(20)]));
        }
        if !matches!(first, 0x81 | 0x82 | 0x88 | 0x89 | 0x8A) {
            return Err(format!("a frame that begins with {first:02x}"));
        }
        let Some(&second) = bytes.get(1) else { return Ok(None) };
        if second & 0x80 != 0 {
            return Err("a masked frame".to_owned());
        }
        if first >= 0x88 && second > 125 {
            return Err("a control frame that is too long".to_owned());
        }
        let (head, len) = match second {
            126 => match bytes.get(2..4) {
                Some(len) => (4, usize::from(u16::from_be_bytes([len[0], len[1]]))),
                None => return Ok(None),
            },
            127 => match bytes.get(2..10) {
                Some(len) => {
                    let len = u64::from_be_bytes(len.try_into().expect("eight bytes"));
                    (10, usize::try_from(len).map_err(|_| "an impossible length")?)
                }
                None => return Ok(None),
            },
            short => (2, usize::from(short)),
        };
        if (head == 4 && len < 126) || (head == 10 && len < 65_536) || len > 1 << 24 {
            return Err(format!("a length of {len} in {head} bytes"));
        }
        let Some(payload) = bytes.get(head..head + len) else { return Ok(None) };
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).map_err(|_| "a text that is not UTF-8");
        let said = match first {
            0x81 => Said::Text(text(payload)?),
            0x82 => Said::Binary(payload.to_vec()),
            0x89 => Said::Ping,
            0x8A => Said::Pong(payload.to_vec()),
            _ => {
                self.has_closed = true;
                match payload {
                    [] => Said::Close(None, String::new()),
                    [high, low, reason @ ..] => {
                        let code = u16::from_be_bytes([*high, *low]);
                        if !(1000..=4999).contains(&code) || matches!(code, 1004 | 1005 | 1006 | 1015..=2999)
                        {
                            return Err(format!("a Close with {code}"));
                        }
                        Said::Close(Some(code), text(reason)?)
                    }
                    [_] => return Err("a Close with one byte".to_owned()),
                }
            }
        };
        Ok(Some((head + len, said)))
    }
}
