//! The little XML that a policy file may use: tags with attributes, comments, one declaration, one document type.

use super::file::FileFault;

/// A tag, with the line it begins in.
#[derive(Debug)]
pub(super) struct Tag<'x> {
    pub(super) line: usize,
    pub(super) name: &'x str,
    pub(super) kind: TagKind,
    pub(super) attributes: Vec<(&'x str, &'x str)>,
}

/// What kind of tag it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TagKind {
    /// `<name …>`
    Open,
    /// `</name>`
    Close,
    /// `<name …/>`
    Empty,
}

/// Reads tags from the front of a document.
#[derive(Debug)]
pub(super) struct Tags<'x> {
    rest: &'x str,
    pub(super) line: usize,
}

impl<'x> Tags<'x> {
    /// Reads the declaration and the document type, both of which may be missing.
    pub(super) fn new(text: &'x str) -> Result<Self, FileFault> {
        let mut tags = Self { rest: text, line: 1 };
        tags.skip("\u{FEFF}");
        if tags.rest.starts_with("<?xml ") {
            tags.until("?>")?;
        }
        tags.skip_blanks_and_comments()?;
        Ok(tags)
    }

    /// `<!DOCTYPE cross-domain-policy SYSTEM "…">`; one with declarations of its own (entities!) is refused.
    pub(super) fn skip_document_type(&mut self) -> Result<(), FileFault> {
        if !self.rest.starts_with("<!DOCTYPE") {
            return Ok(());
        }
        let declaration = self.until(">")?;
        let known = declaration.split_ascii_whitespace().nth(1) == Some("cross-domain-policy");
        if !known || declaration.contains('[') {
            return Err(FileFault::DocumentType);
        }
        self.skip_blanks_and_comments()
    }

    /// The next tag; `None` at the end. Text between tags is refused.
    pub(super) fn next(&mut self) -> Result<Option<Tag<'x>>, FileFault> {
        self.skip_blanks_and_comments()?;
        if self.rest.is_empty() {
            return Ok(None);
        }
        let line = self.line;
        if !self.skip("<") {
            return Err(FileFault::Text);
        }
        let closes = self.skip("/");
        let name = self.name().ok_or(FileFault::Syntax)?;
        let mut attributes = Vec::new();
        loop {
            let blank = self.skip_blanks();
            if self.skip("/>") && !closes {
                return Ok(Some(Tag { line, name, kind: TagKind::Empty, attributes }));
            }
            if self.skip(">") {
                let kind = if closes { TagKind::Close } else { TagKind::Open };
                return Ok(Some(Tag { line, name, kind, attributes }));
            }
            if closes || !blank {
                return Err(FileFault::Syntax);
            }
            attributes.push(self.attribute()?);
        }
    }

    /// `name="value"` or `name='value'`; entities are refused: no value of a policy needs one.
    fn attribute(&mut self) -> Result<(&'x str, &'x str), FileFault> {
        let name = self.name().ok_or(FileFault::Syntax)?;
        self.skip_blanks();
        if !self.skip("=") {
            return Err(FileFault::Syntax);
        }
        self.skip_blanks();
        let quote = if self.skip("\"") {
            "\""
        } else if self.skip("'") {
            "'"
        } else {
            return Err(FileFault::Unquoted(name.to_owned()));
        };
        let value = self.until(quote)?;
        if value.contains(['<', '&', '\n', '\r', '\t']) {
            return Err(FileFault::BadValue(name.to_owned()));
        }
        Ok((name, value))
    }

    fn name(&mut self) -> Option<&'x str> {
        let end =
            self.rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':' | '.')))?;
        let (name, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        (!name.is_empty()).then_some(name)
    }

    fn skip_blanks_and_comments(&mut self) -> Result<(), FileFault> {
        loop {
            self.skip_blanks();
            if !self.skip("<!--") {
                return Ok(());
            }
            // XML 1.0 §2.5: "For compatibility, the string "--" (double-hyphen) MUST NOT occur within comments."
            self.until("--")?;
            if !self.skip(">") {
                return Err(FileFault::Syntax);
            }
        }
    }

    fn skip_blanks(&mut self) -> bool {
        let trimmed = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
        let (blanks, rest) = self.rest.split_at_checked(self.rest.len() - trimmed.len()).unwrap_or_default();
        self.line += count_lines(blanks);
        self.rest = rest;
        !blanks.is_empty()
    }

    fn skip(&mut self, prefix: &str) -> bool {
        let Some(rest) = self.rest.strip_prefix(prefix) else { return false };
        self.rest = rest;
        true
    }

    /// What is before `end`, which is skipped, too.
    fn until(&mut self, end: &str) -> Result<&'x str, FileFault> {
        let (inside, rest) = self.rest.split_once(end).ok_or(FileFault::Unfinished)?;
        self.line += count_lines(inside);
        self.rest = rest;
        Ok(inside)
    }
}

fn count_lines(text: &str) -> usize {
    text.bytes().filter(|&byte| byte == b'\n').count()
}
