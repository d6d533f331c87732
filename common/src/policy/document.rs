//! The policy document, made from grants.

use super::{Grant, PrivilegedPortError};
use std::fmt::Write;

/// Which policies Flash honours on this host; it reads this from port 843 only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SiteControl {
    /// None, not even this one.
    None,
    /// Only the one from port 843.
    MasterOnly,
    /// The one of each port.
    All,
}

/// The text is not one of `none`, `master-only`, `all`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not one of none, master-only, all")]
pub struct SiteControlError(pub String);

impl std::str::FromStr for SiteControl {
    type Err = SiteControlError;

    fn from_str(text: &str) -> Result<Self, SiteControlError> {
        [Self::None, Self::MasterOnly, Self::All]
            .into_iter()
            .find(|known| known.to_string() == text)
            .ok_or_else(|| SiteControlError(text.to_owned()))
    }
}

impl std::fmt::Display for SiteControl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::MasterOnly => "master-only",
            Self::All => "all",
        })
    }
}

/// What a policy document says, whether parsed from a file or made from options.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// The first element, if the document has one.
    pub site_control: Option<SiteControl>,
    /// In the order of the document.
    pub grants: Vec<Grant>,
}

impl Policy {
    /// The answer to a policy request: the document and one NUL.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut xml = String::from(concat!(
            "<?xml version=\"1.0\"?>\n",
            "<!DOCTYPE cross-domain-policy SYSTEM \"http://www.adobe.com/xml/dtds/cross-domain-policy.dtd\">\n",
            "<cross-domain-policy>\n",
        ));
        // No value needs escaping: domains, ports and keywords contain no < > & ". Writing to a String cannot fail.
        if let Some(control) = self.site_control {
            let _ = writeln!(xml, "  <site-control permitted-cross-domain-policies=\"{control}\"/>");
        }
        for Grant { domain, ports } in &self.grants {
            let _ = writeln!(xml, "  <allow-access-from domain=\"{domain}\" to-ports=\"{ports}\"/>");
        }
        xml.push_str("</cross-domain-policy>\n\0");
        xml.into_bytes()
    }

    /// Checks all grants for a policy on this port.
    ///
    /// # Errors
    /// [`PrivilegedPortError`] for the first grant that Flash would refuse.
    pub fn check_served_from(&self, port: u16) -> Result<(), PrivilegedPortError> {
        self.grants.iter().try_for_each(|grant| grant.check_served_from(port))
    }
}
