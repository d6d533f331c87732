//! The policy document, built from grants.

use super::{Grant, LowPort};
use std::fmt::Write;

/// Which policies count on this host; Flash honours it from port 843 only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SiteControl {
    /// No policy at all, this one included.
    None,
    /// Only the one from port 843.
    MasterOnly,
    /// Every port may have its own.
    All,
}

impl SiteControl {
    /// As the document has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::MasterOnly => "master-only",
            Self::All => "all",
        }
    }
}

/// Not one of `none`, `master-only`, `all`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not one of none, master-only, all")]
pub struct UnknownSiteControl(pub String);

impl std::str::FromStr for SiteControl {
    type Err = UnknownSiteControl;

    fn from_str(text: &str) -> Result<Self, UnknownSiteControl> {
        [Self::None, Self::MasterOnly, Self::All]
            .into_iter()
            .find(|known| known.name() == text)
            .ok_or_else(|| UnknownSiteControl(text.to_owned()))
    }
}

impl std::fmt::Display for SiteControl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A policy: what the document says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Said first, if at all.
    pub site_control: Option<SiteControl>,
    /// In the order in which the document has them.
    pub grants: Vec<Grant>,
}

impl Policy {
    /// The document, without the NUL that ends it on the wire.
    pub fn to_xml(&self) -> String {
        let mut xml = String::from(concat!(
            "<?xml version=\"1.0\"?>\n",
            "<!DOCTYPE cross-domain-policy SYSTEM \"http://www.adobe.com/xml/dtds/cross-domain-policy.dtd\">\n",
            "<cross-domain-policy>\n",
        ));
        // No value needs escaping: domains, ports and keywords hold none of < > & ". Writing to a String cannot fail.
        if let Some(control) = self.site_control {
            let _ = writeln!(xml, "  <site-control permitted-cross-domain-policies=\"{control}\"/>");
        }
        for Grant { domain, ports } in &self.grants {
            let _ = writeln!(xml, "  <allow-access-from domain=\"{domain}\" to-ports=\"{ports}\"/>");
        }
        xml.push_str("</cross-domain-policy>\n");
        xml
    }

    /// The answer to a policy request: the document and one NUL.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.to_xml().into_bytes();
        bytes.push(0);
        bytes
    }

    /// Judges all grants for a policy that is served from this port.
    ///
    /// # Errors
    /// [`LowPort`] for the first that Flash would refuse.
    pub fn check_served_from(&self, port: u16) -> Result<(), LowPort> {
        self.grants.iter().try_for_each(|grant| grant.check_served_from(port))
    }
}
