//! A parsed request head.

use super::request_line::{self, Words};
use super::{
    Body, HeadError, HeadLimits, HeadScan, MAX_HEADERS, ScannedHead, list, query, shown::shown_target,
};
use std::borrow::Cow;
use std::fmt;

/// A request head (RFC 9112 §2.1); it borrows the parsed bytes and copies none of them.
#[derive(Clone)]
pub struct Head<'h> {
    /// The method, case-sensitive.
    pub method: &'h str,
    /// The request target, still percent-encoded; it holds no control byte and no blank.
    pub target: &'h [u8],
    /// 0 for HTTP/1.0, 1 for HTTP/1.1 and later.
    pub minor_version: u8,
    room: Room<'h>,
    pub(super) count: usize,
    /// The [`mark`]s of all names.
    marks: u64,
    /// The [`initial`]s of all names.
    initials: u32,
    body: Body,
}

/// As many fields as a program sends that fetches a file, or fewer.
const FEW: usize = 8;
/// As many as a browser sends, or fewer.
const USUAL: usize = 24;
/// Bytes of a field line, or fewer: where a head has more lines than that makes of its bytes, it is read a second time.
const FIELD_LEN: usize = 20;

/// The place of the fields. It is written whole for each head, so no more of it is than its number of fields needs.
#[derive(Clone)]
struct Room<'h> {
    few: [httparse::Header<'h>; FEW],
    more: More<'h>,
}

/// The place of more fields than [`FEW`]; all of them are here then.
#[derive(Clone)]
#[allow(clippy::large_enum_variant, reason = "a box would be an allocation for each head")]
enum More<'h> {
    None,
    Usual([httparse::Header<'h>; USUAL]),
    Most([httparse::Header<'h>; MAX_HEADERS]),
}

impl<'h> Room<'h> {
    fn as_slice(&self) -> &[httparse::Header<'h>] {
        match &self.more {
            More::None => &self.few,
            More::Usual(fields) => fields,
            More::Most(fields) => fields,
        }
    }

    /// Makes room for so many fields.
    fn make(&mut self, count: usize) -> &mut [httparse::Header<'h>] {
        // Each in its place: what all branches had as their value would be copied there.
        if count <= FEW {
            self.more = More::None;
        } else if count <= USUAL {
            self.more = More::Usual([httparse::EMPTY_HEADER; USUAL]);
        } else {
            self.more = More::Most([httparse::EMPTY_HEADER; MAX_HEADERS]);
        }
        match &mut self.more {
            More::None => &mut self.few,
            More::Usual(fields) => fields,
            More::Most(fields) => fields,
        }
    }
}

/// Shows no value of a field, and no token: a head is the one place where a client's secrets stand.
impl fmt::Debug for Head<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = shown_target(self.target).to_string();
        let names: Vec<&str> = self.fields().iter().map(|field| field.name).collect();
        f.debug_struct("Head")
            .field("method", &self.method)
            .field("target", &target)
            .field("fields", &names)
            .finish()
    }
}

impl<'h> Head<'h> {
    /// Parses a whole head: the bytes up to and with the blank line that [`HeadScan`] found.
    ///
    /// # Errors
    /// [`HeadError`] for a malformed head, and for whatever two servers could read in two ways.
    pub fn parse(bytes: &'h [u8], limits: HeadLimits) -> Result<Self, HeadError> {
        if bytes.len() > limits.max_bytes {
            return Err(HeadError::TooLong);
        }
        match HeadScan::default().find(bytes, limits)? {
            Some(scanned) if scanned.end() == bytes.len() => Self::of_scanned(scanned, limits),
            _ => Err(HeadError::RequestLine),
        }
    }

    /// Parses a head whose bytes and lines' ends a [`HeadScan`] has checked: they are not looked at again.
    ///
    /// # Errors
    /// Those of [`Head::parse`].
    pub fn of_scanned(scanned: ScannedHead<'h>, limits: HeadLimits) -> Result<Self, HeadError> {
        let mut head = Self::unread();
        head.read(scanned, limits)?;
        Ok(head)
    }

    /// The place for a head, to be [read](Self::read).
    #[inline]
    pub fn unread() -> Self {
        // Copied as a whole, and not made field by field.
        const NONE: [httparse::Header<'static>; FEW] = [httparse::EMPTY_HEADER; FEW];
        let room = Room { few: NONE, more: More::None };
        Self {
            method: "",
            target: b"",
            minor_version: 0,
            room,
            count: 0,
            marks: 0,
            initials: 0,
            body: Body::None,
        }
    }

    /// Reads the head at the beginning of `input`, which holds all bytes of it that have come, into this place; returns its length in
    /// bytes, the blank line included, once that line has come. `scan` is that of this head alone.
    ///
    /// # Errors
    /// Those of [`HeadScan::find`] and of [`Head::parse`]; what stands here is no head then.
    pub fn take(
        &mut self,
        scan: &mut HeadScan,
        input: &'h [u8],
        limits: HeadLimits,
    ) -> Result<Option<usize>, HeadError> {
        if !scan.has_begun()
            && let Some(len) = self.read_lines(input, limits)
        {
            return self.decide().map(|()| Some(len));
        }
        let Some(scanned) = scan.find(input, limits)? else { return Ok(None) };
        self.read(scanned, limits)?;
        Ok(Some(scanned.end()))
    }

    /// Reads the lines of a head that has come whole, as most do, with one look at each byte; returns its length in bytes. `None`: it has
    /// not, or its lines are not as most are, or not as they must be. Which of these, the [`HeadScan`] finds out.
    fn read_lines(&mut self, input: &'h [u8], limits: HeadLimits) -> Option<usize> {
        let within = input.get(..limits.max_bytes).unwrap_or(input);
        let (words, lines) = request_line::usual(within)?;
        (self.method, self.target, self.minor_version) = words;
        let room = self.room.make(lines.len() / FIELD_LEN);
        let httparse::Status::Complete((len, fields)) = httparse::parse_headers(lines, room).ok()? else {
            return None;
        };
        self.count = fields.len();
        let len = within.len() - lines.len() + len;
        let head = within.get(..len)?;
        // RFC 9112 §2.2: a bare LF, which httparse takes as a line's end, stands before none of the lines.
        let begins_line = |field: &httparse::Header<'_>| {
            let at = field.name.as_ptr().addr().checked_sub(head.as_ptr().addr());
            at.and_then(|at| head.get(..at)).is_some_and(|before| before.ends_with(b"\r\n"))
        };
        let is_right = self.target.len() <= limits.max_target
            && self.count <= limits.max_headers
            && head.ends_with(b"\r\n\r\n")
            && self.fields().iter().all(begins_line);
        is_right.then_some(len)
    }

    /// The same as [`Head::of_scanned`] in this place: a head is large, and is not moved then.
    ///
    /// # Errors
    /// Those of [`Head::parse`]; what stands here is no head then.
    pub fn read(&mut self, scanned: ScannedHead<'h>, limits: HeadLimits) -> Result<(), HeadError> {
        let split = scanned.bytes.split_at_checked(scanned.first_field);
        let (line, fields) = split.ok_or(HeadError::RequestLine)?;
        (self.method, self.target, self.minor_version) = match scanned.words {
            Some(words) => words,
            None => request_line_of(line)?,
        };
        self.count = parse_fields(fields, self.room.make(scanned.fields))?;
        if self.count > limits.max_headers {
            return Err(HeadError::TooManyFields);
        }
        self.decide()
    }

    /// Decides what the fields that were read mean for every request.
    fn decide(&mut self) -> Result<(), HeadError> {
        let of_field = |(marks, initials), field: &httparse::Header<'_>| {
            (marks | mark(field.name), initials | initial(field.name))
        };
        (self.marks, self.initials) = self.fields().iter().fold((0, 0), of_field);
        self.check_host()?;
        let (lengths, codings) = (self.get_all("Content-Length"), self.get_all("Transfer-Encoding"));
        self.body = Body::of(self.minor_version, lengths, codings)?;
        Ok(())
    }

    fn fields(&self) -> &[httparse::Header<'h>] {
        self.room.as_slice().get(..self.count).unwrap_or_default()
    }

    #[cfg(test)]
    pub(super) fn named_fields(&self) -> impl Iterator<Item = (&'h str, &'h [u8])> {
        self.fields().iter().map(|field| (field.name, field.value))
    }

    /// The value of the first field of this name (any case).
    #[inline]
    pub fn get(&self, name: &str) -> Option<&'h [u8]> {
        self.get_all(name).next()
    }

    /// The values of all fields of this name (any case), in order.
    #[inline]
    pub fn get_all<'n>(&'n self, name: &'n str) -> impl Iterator<Item = &'h [u8]> + 'n {
        // Most names that we look for are not there.
        let fields = if self.marks & mark(name) == 0 { &[] } else { self.fields() };
        let named =
            move |field: &&httparse::Header<'_>| list::is_same(field.name.as_bytes(), name.as_bytes());
        fields.iter().filter(named).map(|field| field.value)
    }

    /// True if the name of a field begins so (any case).
    #[inline]
    pub fn has_field_beginning(&self, prefix: &str) -> bool {
        let begins =
            |name: &str| name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
        // Most prefixes that we look for are not there, nor is their letter.
        self.initials & initial(prefix) != 0 && self.fields().iter().any(|field| begins(field.name))
    }

    /// The value of a field that a client may send only once.
    ///
    /// # Errors
    /// [`HeadError::Field`] if the head has several of them.
    pub(crate) fn get_only(&self, name: &str) -> Result<Option<&'h [u8]>, HeadError> {
        let mut all = self.get_all(name);
        let first = all.next();
        if all.next().is_some() { Err(HeadError::Field) } else { Ok(first) }
    }

    /// The elements of the comma-separated lists in all fields of this name (any case), in order.
    pub fn list<'n>(&'n self, name: &'n str) -> impl Iterator<Item = &'h [u8]> + 'n {
        // RFC 9110 §5.3: several field lines of one name mean the same as one whose value is all of theirs, "separated by a
        // comma".
        self.get_all(name).flat_map(list::elements)
    }

    /// True if the comma-separated lists in the fields of this name hold the token (any case).
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.get_all(name).any(|value| list::has(value, token.as_bytes()))
    }

    /// The path of the target, still percent-encoded; `*` for the asterisk form, empty for CONNECT.
    pub fn path(&self) -> &'h [u8] {
        let resource = self.resource();
        let end = resource.iter().position(|&byte| byte == b'?').unwrap_or(resource.len());
        match resource.get(..end).unwrap_or_default() {
            // RFC 9112 §3.2.2: an absolute URI may have no path at all.
            [] if self.method != "CONNECT" => b"/",
            path => path,
        }
    }

    /// The query of the target, still percent-encoded, without its `?`.
    pub fn query(&self) -> Option<&'h [u8]> {
        let resource = self.resource();
        let end = resource.iter().position(|&byte| byte == b'?')?;
        resource.get(end + 1..)
    }

    /// Path and query, still percent-encoded, without the scheme and authority of an absolute target.
    pub(crate) fn resource(&self) -> &'h [u8] {
        match self.target {
            [b'/', ..] | b"*" => self.target,
            _ if self.method == "CONNECT" => b"",
            absolute => request_line::split_absolute(absolute).map_or(absolute, |(_, rest)| rest),
        }
    }

    /// The value of the first query parameter of this name, percent-decoded (`+` is a blank); empty without a `=`.
    pub fn query_param(&self, name: &str) -> Option<Cow<'h, [u8]>> {
        query::query_param(self.query()?, name)
    }

    /// The host that the client asks for, and its port if the client sent one.
    pub fn host(&self) -> Option<&'h [u8]> {
        // RFC 9112 §3.2.2: "an origin server MUST ignore the received Host header field (if any) and instead use the
        // host information of the request-target" of an absolute one.
        match self.target {
            [b'/', ..] | b"*" => self.get("Host"),
            target => {
                request_line::split_absolute(target).map_or_else(|| self.get("Host"), |(host, _)| Some(host))
            }
        }
    }

    /// How the end of the body is marked; [`Self::parse`] has decided it.
    pub fn body(&self) -> Body {
        self.body
    }

    /// True if the client wants to send another request on this connection (RFC 9112 §9.3).
    pub fn keep_alive(&self) -> bool {
        if self.has_token("Connection", "close") {
            return false;
        }
        self.minor_version > 0 || self.has_token("Connection", "keep-alive")
    }

    fn check_host(&self) -> Result<(), HeadError> {
        // RFC 9112 §3.2: "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request message
        // that lacks a Host header field and to any request message that contains more than one Host header field
        // line or a Host header field with an invalid field value."
        match self.get_only("Host").map_err(|_| HeadError::Host)? {
            Some(host) if request_line::is_authority(host) => Ok(()),
            None if self.minor_version == 0 => Ok(()),
            _ => Err(HeadError::Host),
        }
    }
}

/// The first byte of a name, in lower case if it is a letter.
fn first_letter(name: &str) -> u8 {
    name.as_bytes().first().map_or(0, u8::to_ascii_lowercase)
}

/// One of 64 bits for a name: names that differ by case alone have the same.
#[inline]
fn mark(name: &str) -> u64 {
    1 << ((name.len() * 9 + usize::from(first_letter(name))) % 64)
}

/// One of 32 bits for a name's first letter: those that differ by case alone have the same. An empty name has that of no letter.
#[inline]
fn initial(name: &str) -> u32 {
    1 << (first_letter(name) % 32)
}

/// The words of the request line, which has its CRLF behind it, and may have blank lines before it.
fn request_line_of(mut line: &[u8]) -> Result<Words<'_>, HeadError> {
    while let Some(after) = line.strip_prefix(b"\r\n") {
        line = after;
    }
    request_line::words(line.strip_suffix(b"\r\n").ok_or(HeadError::RequestLine)?)
}

/// Parses the header fields (RFC 9112 §5), the blank line at their end included; returns their number.
fn parse_fields<'h>(bytes: &'h [u8], headers: &mut [httparse::Header<'h>]) -> Result<usize, HeadError> {
    // httparse refuses folded lines, a blank before the colon, an empty name and bytes that are no token.
    match httparse::parse_headers(bytes, headers) {
        Ok(httparse::Status::Complete((_, fields))) => Ok(fields.len()),
        Err(httparse::Error::TooManyHeaders) => Err(HeadError::TooManyFields),
        Ok(httparse::Status::Partial) | Err(_) => Err(HeadError::Field),
    }
}
