//! The subset of XML that a policy file may use: tags with attributes, comments, one declaration, one document type.

/// Why a text is not in this subset of XML.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "a message says what its variant means")]
pub enum XmlError {
    #[error("not well-formed XML")]
    Syntax,
    /// A tag, comment, value or element without its end.
    #[error("something begins here and has no end")]
    Unfinished,
    #[error("there is text between the tags")]
    Text,
    #[error("attribute `{0}`: the value must be in quotation marks")]
    Unquoted(String),
    #[error("attribute `{0}`: the value must not contain `<`, `&`, a tab or a line end")]
    BadValue(String),
}

#[derive(Debug)]
pub(super) struct Tag<'x> {
    /// The document from this tag on.
    pub(super) text: &'x str,
    pub(super) name: &'x str,
    pub(super) kind: TagKind,
    pub(super) attributes: Vec<(&'x str, &'x str)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TagKind {
    /// `<name …>`
    Open,
    /// `</name>`
    Close,
    /// `<name …/>`
    Empty,
}

#[derive(Debug)]
pub(super) struct DocumentType<'x> {
    /// Of the root element.
    pub(super) name: &'x str,
    /// It has no declarations of its own.
    pub(super) is_plain: bool,
}

/// The place of the first character that XML 1.0 §2.2 has in no document.
pub(super) fn forbidden_character(text: &str) -> Option<usize> {
    text.find(|letter: char| match letter {
        '\t' | '\n' | '\r' => false,
        _ => letter < ' ' || matches!(letter, '\u{FFFE}' | '\u{FFFF}'),
    })
}

/// Reads tags from the front of a document.
#[derive(Debug)]
pub(super) struct Tags<'x> {
    /// What it has not read yet.
    pub(super) rest: &'x str,
}

impl<'x> Tags<'x> {
    /// Skips the declaration, which may be missing.
    pub(super) fn new(text: &'x str) -> Result<Self, XmlError> {
        let mut tags = Self { rest: text };
        tags.skip("\u{FEFF}");
        if tags.rest.starts_with("<?xml ") {
            tags.declaration()?;
        }
        tags.skip_blanks_and_comments()?;
        Ok(tags)
    }

    /// Skips `<?xml version="1.0" encoding="…" standalone="…"?>`; the last two may be missing.
    fn declaration(&mut self) -> Result<(), XmlError> {
        self.skip("<?xml");
        let (mut names, mut has_version) = (["version", "encoding", "standalone"].into_iter(), false);
        while self.skip_blanks() && !self.rest.starts_with("?>") {
            let (name, value) = self.attribute()?;
            // XML 1.0 §2.8 fixes their order; version 1.1 is another grammar.
            let is_right = names.any(|next| next == name) && (name != "version" || value == "1.0");
            if !is_right || value.is_empty() {
                return Err(XmlError::Syntax);
            }
            has_version |= name == "version";
        }
        if has_version && self.skip("?>") { Ok(()) } else { Err(XmlError::Syntax) }
    }

    /// Reads `<!DOCTYPE NAME SYSTEM "…">`, or with `PUBLIC "…" "…"`, or with the name alone; `None` if the document has no type.
    pub(super) fn document_type(&mut self) -> Result<Option<DocumentType<'x>>, XmlError> {
        if !self.skip("<!DOCTYPE") {
            return Ok(None);
        }
        let name = self.word()?;
        let literals = match self.word() {
            Ok("SYSTEM") => 1,
            Ok("PUBLIC") => 2,
            Ok(_) => return Err(XmlError::Syntax),
            Err(_) => 0,
        };
        for _ in 0..literals {
            let (is_apart, quote) = (self.skip_blanks(), if self.skip("'") { "'" } else { "\"" });
            if !is_apart || quote == "\"" && !self.skip(quote) {
                return Err(XmlError::Syntax);
            }
            self.until(quote)?;
        }
        self.skip_blanks();
        let is_plain = self.skip(">");
        if !is_plain && !self.rest.starts_with('[') {
            return Err(XmlError::Syntax);
        }
        Ok(Some(DocumentType { name, is_plain }))
    }

    /// Reads blanks and a name behind them.
    fn word(&mut self) -> Result<&'x str, XmlError> {
        let is_apart = self.skip_blanks();
        self.name().filter(|_| is_apart).ok_or(XmlError::Syntax)
    }

    /// Reads the next tag; `None` at the end. It refuses text between tags.
    pub(super) fn next(&mut self) -> Result<Option<Tag<'x>>, XmlError> {
        self.skip_blanks_and_comments()?;
        if self.rest.is_empty() {
            return Ok(None);
        }
        let text = self.rest;
        if !self.skip("<") {
            return Err(XmlError::Text);
        }
        let closes = self.skip("/");
        let name = self.name().ok_or(XmlError::Syntax)?;
        let mut attributes = Vec::new();
        loop {
            let blank = self.skip_blanks();
            if self.skip("/>") && !closes {
                return Ok(Some(Tag { text, name, kind: TagKind::Empty, attributes }));
            }
            if self.skip(">") {
                let kind = if closes { TagKind::Close } else { TagKind::Open };
                return Ok(Some(Tag { text, name, kind, attributes }));
            }
            if closes || !blank {
                return Err(XmlError::Syntax);
            }
            attributes.push(self.attribute()?);
        }
    }

    /// Reads `name="value"` or `name='value'`. It refuses entities, which no value of a policy needs.
    fn attribute(&mut self) -> Result<(&'x str, &'x str), XmlError> {
        let name = self.name().ok_or(XmlError::Syntax)?;
        self.skip_blanks();
        if !self.skip("=") {
            return Err(XmlError::Syntax);
        }
        self.skip_blanks();
        let quote = if self.skip("\"") {
            "\""
        } else if self.skip("'") {
            "'"
        } else {
            return Err(XmlError::Unquoted(name.to_owned()));
        };
        let value = self.until(quote)?;
        if value.contains(['<', '&', '\n', '\r', '\t']) {
            return Err(XmlError::BadValue(name.to_owned()));
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

    fn skip_blanks_and_comments(&mut self) -> Result<(), XmlError> {
        loop {
            self.skip_blanks();
            if !self.skip("<!--") {
                return Ok(());
            }
            // XML 1.0 §2.5: "For compatibility, the string "--" (double-hyphen) MUST NOT occur within comments."
            self.until("--")?;
            if !self.skip(">") {
                return Err(XmlError::Syntax);
            }
        }
    }

    fn skip_blanks(&mut self) -> bool {
        let before = self.rest.len();
        self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
        self.rest.len() < before
    }

    fn skip(&mut self, prefix: &str) -> bool {
        let Some(rest) = self.rest.strip_prefix(prefix) else { return false };
        self.rest = rest;
        true
    }

    /// Reads up to `end`, and skips that, too.
    fn until(&mut self, end: &str) -> Result<&'x str, XmlError> {
        let (inside, rest) = self.rest.split_once(end).ok_or(XmlError::Unfinished)?;
        self.rest = rest;
        Ok(inside)
    }
}
