//! Judges a policy file before it is served: Flash ignores a wrong one without a word.

use super::xml::{Tag, TagKind, Tags};
use super::{Grant, GrantError, Policy, PortError, UnknownSiteControl};

/// The longest policy that Flash reads, in bytes.
pub const MAX_FILE: usize = 20 * 1024;

/// What is wrong with a policy file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct FileError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub fault: FileFault,
}

/// What is wrong with a policy file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileFault {
    /// More than [`MAX_FILE`] bytes.
    #[error("the file is longer than 20 KiB, which is the most that Flash reads")]
    TooLong,
    /// NUL ends the document on the wire, so it cannot be in it.
    #[error("there is a NUL byte in the file")]
    Nul,
    /// The file is read as UTF-8.
    #[error("the file is not UTF-8")]
    NotUtf8,
    /// Something that is no XML.
    #[error("not well-formed XML")]
    Syntax,
    /// A tag, comment or value without its end.
    #[error("something begins here and has no end")]
    Unfinished,
    /// Text outside the tags.
    #[error("there is text between the tags")]
    Text,
    /// A document type with another name, or with declarations of its own.
    #[error("the document type must be `cross-domain-policy` without declarations of its own")]
    DocumentType,
    /// No element, or another one than `cross-domain-policy`, around the whole.
    #[error("the document is not one `cross-domain-policy` element")]
    Root,
    /// An element that a socket policy does not have.
    #[error("element `{0}` has no meaning in a socket policy")]
    UnknownElement(String),
    /// A tag that does not close what is open.
    #[error("tag `{0}` does not match")]
    Mismatch(String),
    /// `site-control` that is not the first element.
    #[error("`site-control` must be the first element, and the only one of its kind")]
    SiteControlPlace,
    /// An attribute that its element does not have.
    #[error("attribute `{0}` is not known here")]
    UnknownAttribute(String),
    /// An attribute twice.
    #[error("attribute `{0}` is there twice")]
    RepeatedAttribute(String),
    /// An attribute that must be there is not.
    #[error("attribute `{0}` is missing")]
    MissingAttribute(&'static str),
    /// A value without quotation marks.
    #[error("attribute `{0}`: the value must be in quotation marks")]
    Unquoted(String),
    /// A value with a character that it may not have.
    #[error("attribute `{0}`: the value may hold no `<`, `&`, tab or line end")]
    BadValue(String),
    /// `secure` is at fault.
    #[error("attribute `secure`: say true or false")]
    Secure,
    /// `domain` is at fault.
    #[error("attribute `domain`: {0}")]
    Domain(GrantError),
    /// `to-ports` is at fault.
    #[error("attribute `to-ports`: {0}")]
    Ports(PortError),
    /// `permitted-cross-domain-policies` is at fault.
    #[error("attribute `permitted-cross-domain-policies`: {0}")]
    SiteControl(UnknownSiteControl),
}

/// Reads a policy file, strictly: what is not known is refused, so that no typing error opens or closes a port.
///
/// # Errors
/// [`FileError`] with the line and, where one is at fault, the attribute.
pub fn parse_file(bytes: &[u8]) -> Result<Policy, FileError> {
    let at = |line, fault| FileError { line, fault };
    if bytes.len() > MAX_FILE {
        return Err(at(1, FileFault::TooLong));
    }
    let line_of = |offset| 1 + bytes.iter().take(offset).filter(|&&byte| byte == b'\n').count();
    if let Some(offset) = bytes.iter().position(|&byte| byte == 0) {
        return Err(at(line_of(offset), FileFault::Nul));
    }
    let text =
        std::str::from_utf8(bytes).map_err(|error| at(line_of(error.valid_up_to()), FileFault::NotUtf8))?;
    let mut tags = Tags::new(text).map_err(|fault| at(1, fault))?;
    parse_document(&mut tags).map_err(|fault| at(tags.line, fault))
}

fn parse_document(tags: &mut Tags<'_>) -> Result<Policy, FileFault> {
    tags.skip_document_type()?;
    let root = tags.next()?.ok_or(FileFault::Root)?;
    if root.name != "cross-domain-policy" || root.kind == TagKind::Close {
        return Err(FileFault::Root);
    }
    root.check_attributes(&[])?;
    let mut policy = Policy::default();
    if root.kind == TagKind::Open {
        loop {
            let tag = tags.next()?.ok_or(FileFault::Unfinished)?;
            if tag.kind == TagKind::Close && tag.name == root.name {
                break;
            }
            parse_element(tags, &tag, &mut policy).inspect_err(|_| tags.line = tag.line)?;
        }
    }
    if tags.next()?.is_some() {
        return Err(FileFault::Root);
    }
    Ok(policy)
}

fn parse_element(tags: &mut Tags<'_>, tag: &Tag<'_>, policy: &mut Policy) -> Result<(), FileFault> {
    match (tag.kind, tag.name) {
        (TagKind::Close, name) => return Err(FileFault::Mismatch(name.to_owned())),
        (_, "site-control") => {
            if policy.site_control.is_some() || !policy.grants.is_empty() {
                return Err(FileFault::SiteControlPlace);
            }
            tag.check_attributes(&["permitted-cross-domain-policies"])?;
            let control = tag.required("permitted-cross-domain-policies")?;
            policy.site_control = Some(control.parse().map_err(FileFault::SiteControl)?);
        }
        (_, "allow-access-from") => {
            tag.check_attributes(&["domain", "to-ports", "secure"])?;
            if !matches!(tag.attribute("secure"), None | Some("true" | "false")) {
                return Err(FileFault::Secure);
            }
            let domain = tag.required("domain")?.parse().map_err(FileFault::Domain)?;
            let ports = tag.required("to-ports")?.parse().map_err(FileFault::Ports)?;
            policy.grants.push(Grant { domain, ports });
        }
        (_, name) => return Err(FileFault::UnknownElement(name.to_owned())),
    }
    // All elements inside the root are empty; `<x></x>` is the same as `<x/>`.
    if tag.kind == TagKind::Open {
        match tags.next()? {
            Some(end) if end.kind == TagKind::Close && end.name == tag.name => {}
            Some(other) => return Err(FileFault::Mismatch(other.name.to_owned())),
            None => return Err(FileFault::Unfinished),
        }
    }
    Ok(())
}

impl<'x> Tag<'x> {
    fn attribute(&self, name: &str) -> Option<&'x str> {
        self.attributes.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    fn required(&self, name: &'static str) -> Result<&'x str, FileFault> {
        self.attribute(name).ok_or(FileFault::MissingAttribute(name))
    }

    fn check_attributes(&self, known: &[&str]) -> Result<(), FileFault> {
        for (index, (name, _)) in self.attributes.iter().enumerate() {
            if !known.contains(name) {
                return Err(FileFault::UnknownAttribute((*name).to_owned()));
            }
            // Three known names at most come this far without a repetition.
            if self.attributes.iter().take(index).any(|(earlier, _)| earlier == name) {
                return Err(FileFault::RepeatedAttribute((*name).to_owned()));
            }
        }
        Ok(())
    }
}
