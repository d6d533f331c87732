//! The size of the window that the command is told.

use std::{ffi::OsStr, io};

use rustix::termios::{Winsize, tcgetwinsize};

/// Columns, unless our own terminal has more: a window of a browser that is 1280 pixels wide shows as many. Programs cut their lines
/// at the width (`ps`) or fill it (`curl`): a page can scroll to what is too wide, but it cannot bring back what was cut.
const COLUMNS: u16 = 160;
/// Rows without a terminal of our own, as every terminal began with. Lines in a page have no rows.
const ROWS: u16 = 24;

/// The window's size: what the variables COLUMNS and LINES say if somebody exported them (a shell keeps them to itself), else
/// that of our own terminal, but never less than [`COLUMNS`].
pub(super) fn size(columns: Option<&OsStr>, lines: Option<&OsStr>, own: Option<Winsize>) -> Winsize {
    let (own_columns, own_rows) = own.map_or((0, 0), |own| (own.ws_col, own.ws_row));
    let rows = if own_rows == 0 { ROWS } else { own_rows };
    Winsize {
        ws_col: number(columns).unwrap_or(own_columns.max(COLUMNS)),
        ws_row: number(lines).unwrap_or(rows),
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}

/// The size of the terminal that we were started from, if there is one.
pub(super) fn own() -> Option<Winsize> {
    tcgetwinsize(io::stderr())
        .or_else(|_| tcgetwinsize(io::stdout()))
        .or_else(|_| tcgetwinsize(io::stdin()))
        .ok()
}

fn number(value: Option<&OsStr>) -> Option<u16> {
    value?.to_str()?.parse().ok().filter(|number| *number > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_is_wide_and_follows_what_was_exported() {
        let own = |ws_col, ws_row| Some(Winsize { ws_col, ws_row, ws_xpixel: 7, ws_ypixel: 7 });
        for (columns, lines, own, size_is) in [
            (None, None, None, (160, 24)),
            (None, None, own(80, 50), (160, 50)),
            (None, None, own(211, 50), (211, 50)),
            (None, None, own(0, 0), (160, 24)),
            (Some("300"), None, own(80, 50), (300, 50)),
            (Some("40"), Some("10"), None, (40, 10)),
            (Some(""), Some("0"), None, (160, 24)),
            (Some("wide"), Some("-1"), own(80, 50), (160, 50)),
            (Some("65536"), None, None, (160, 24)),
        ] {
            let size = size(columns.map(OsStr::new), lines.map(OsStr::new), own);
            assert_eq!((size.ws_col, size.ws_row), size_is, "{columns:?} {lines:?} {own:?}");
        }
    }
}
