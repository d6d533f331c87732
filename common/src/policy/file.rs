//! Checks a policy file before the server sends it: Flash ignores a wrong one without a word.

use super::xml::{Tag, TagKind, Tags, forbidden_character};
use super::{Grant, GrantError, Policy, SiteControlError, XmlError};

/// The longest policy that Flash reads, in bytes.
pub const MAX_FILE: usize = 20 * 1024;

/// What is wrong with a policy file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {kind}")]
pub struct FileError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong in this line.
    pub kind: FileErrorKind,
}

/// What is wrong with a policy file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "a message says what its variant means")]
pub enum FileErrorKind {
    #[error("the file is longer than 20 KiB, which is the most that Flash reads")]
    TooLong,
    /// A NUL, which would end the document on the wire.
    #[error("there is a NUL byte in the file")]
    Nul,
    #[error("the file is not UTF-8")]
    NotUtf8,
    #[error(transparent)]
    Xml(#[from] XmlError),
    #[error("the document type must be `cross-domain-policy` without declarations of its own")]
    DocumentType,
    #[error("the document is not one `cross-domain-policy` element")]
    Root,
    #[error("element `{0}` has no meaning in a socket policy")]
    UnknownElement(String),
    /// A tag that does not close what is open.
    #[error("tag `{0}` does not match")]
    Mismatch(String),
    #[error("`site-control` must be the first element, and the only one of its kind")]
    SiteControlPlace,
    #[error("attribute `{0}` does not belong to this element")]
    UnknownAttribute(String),
    #[error("attribute `{0}` is there twice")]
    RepeatedAttribute(String),
    #[error("attribute `{0}` is missing")]
    MissingAttribute(&'static str),
    #[error("attribute `secure`: say true or false")]
    Secure,
    #[error("attribute `domain`: {0}")]
    Domain(GrantError),
    #[error("attribute `to-ports`: {0}")]
    Ports(GrantError),
    #[error("attribute `permitted-cross-domain-policies`: {0}")]
    SiteControl(SiteControlError),
}

/// Parses a policy file, strictly: it refuses everything unknown, so that no typing error opens or closes a port.
///
/// # Errors
/// [`FileError`] with the line and, if the mistake is in one, the attribute.
pub fn parse_file(bytes: &[u8]) -> Result<Policy, FileError> {
    let at = |line, kind| FileError { line, kind };
    if bytes.len() > MAX_FILE {
        return Err(at(1, FileErrorKind::TooLong));
    }
    let line_of = |offset| 1 + bytes.iter().take(offset).filter(|&&byte| byte == b'\n').count();
    if let Some(offset) = bytes.iter().position(|&byte| byte == 0) {
        return Err(at(line_of(offset), FileErrorKind::Nul));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| at(line_of(error.valid_up_to()), FileErrorKind::NotUtf8))?;
    if let Some(offset) = forbidden_character(text) {
        return Err(at(line_of(offset), XmlError::Syntax.into()));
    }
    let mut tags = Tags::new(text).map_err(|error| at(1, error.into()))?;
    parse_document(&mut tags).map_err(|kind| at(line_of(bytes.len() - tags.rest.len()), kind))
}

fn parse_document(tags: &mut Tags<'_>) -> Result<Policy, FileErrorKind> {
    if let Some(document_type) = tags.document_type()? {
        // Declarations of the file's own would bring entities.
        if document_type.name != "cross-domain-policy" || !document_type.is_plain {
            return Err(FileErrorKind::DocumentType);
        }
    }
    let root = tags.next()?.ok_or(FileErrorKind::Root)?;
    if root.name != "cross-domain-policy" || root.kind == TagKind::Close {
        return Err(FileErrorKind::Root);
    }
    root.check_attributes(&[])?;
    let mut policy = Policy::default();
    if root.kind == TagKind::Open {
        loop {
            let tag = tags.next()?.ok_or(XmlError::Unfinished)?;
            if tag.kind == TagKind::Close && tag.name == root.name {
                break;
            }
            parse_element(tags, &tag, &mut policy).inspect_err(|_| tags.rest = tag.text)?;
        }
    }
    if tags.next()?.is_some() {
        return Err(FileErrorKind::Root);
    }
    Ok(policy)
}

fn parse_element(tags: &mut Tags<'_>, tag: &Tag<'_>, policy: &mut Policy) -> Result<(), FileErrorKind> {
    match (tag.kind, tag.name) {
        (TagKind::Close, name) => return Err(FileErrorKind::Mismatch(name.to_owned())),
        (_, "site-control") => {
            if policy.site_control.is_some() || !policy.grants.is_empty() {
                return Err(FileErrorKind::SiteControlPlace);
            }
            tag.check_attributes(&["permitted-cross-domain-policies"])?;
            let control = tag.required("permitted-cross-domain-policies")?;
            policy.site_control = Some(control.parse().map_err(FileErrorKind::SiteControl)?);
        }
        (_, "allow-access-from") => {
            tag.check_attributes(&["domain", "to-ports", "secure"])?;
            if !matches!(tag.attribute("secure"), None | Some("true" | "false")) {
                return Err(FileErrorKind::Secure);
            }
            let domain = tag.required("domain")?.parse().map_err(FileErrorKind::Domain)?;
            let ports = tag.required("to-ports")?.parse().map_err(FileErrorKind::Ports)?;
            policy.grants.push(Grant { domain, ports });
        }
        (_, name) => return Err(FileErrorKind::UnknownElement(name.to_owned())),
    }
    // All elements inside the root are empty; `<x></x>` is the same as `<x/>`.
    if tag.kind == TagKind::Open {
        match tags.next()? {
            Some(end) if end.kind == TagKind::Close && end.name == tag.name => {}
            Some(other) => return Err(FileErrorKind::Mismatch(other.name.to_owned())),
            None => return Err(XmlError::Unfinished.into()),
        }
    }
    Ok(())
}

impl<'x> Tag<'x> {
    fn attribute(&self, name: &str) -> Option<&'x str> {
        self.attributes.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    fn required(&self, name: &'static str) -> Result<&'x str, FileErrorKind> {
        self.attribute(name).ok_or(FileErrorKind::MissingAttribute(name))
    }

    fn check_attributes(&self, known: &[&str]) -> Result<(), FileErrorKind> {
        for (index, (name, _)) in self.attributes.iter().enumerate() {
            if !known.contains(name) {
                return Err(FileErrorKind::UnknownAttribute((*name).to_owned()));
            }
            // At most three known names come this far without a repetition.
            if self.attributes.iter().take(index).any(|(earlier, _)| earlier == name) {
                return Err(FileErrorKind::RepeatedAttribute((*name).to_owned()));
            }
        }
        Ok(())
    }
}
