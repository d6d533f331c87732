//! Content codings: which of a file's precompressed siblings a client gets (RFC 9110 §12.5.3).

use common::http::{Head, elements, weighted};

/// A content coding, and the ending of a precompressed sibling's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    /// `br` (RFC 7932), `.br`
    Brotli,
    /// `zstd` (RFC 8878), `.zst`
    Zstandard,
    /// `gzip` (RFC 1952), `.gz`
    Gzip,
}

impl Coding {
    /// Every coding, beginning with the one that compresses a page best.
    pub(crate) const ALL: [Coding; 3] = [Coding::Brotli, Coding::Zstandard, Coding::Gzip];

    /// The name in `Content-Encoding` and `Accept-Encoding`.
    pub(crate) fn token(self) -> &'static str {
        match self {
            Coding::Brotli => "br",
            Coding::Zstandard => "zstd",
            Coding::Gzip => "gzip",
        }
    }

    /// The ending behind a file's name.
    pub(crate) fn ending(self) -> &'static [u8] {
        match self {
            Coding::Brotli => b".br",
            Coding::Zstandard => b".zst",
            Coding::Gzip => b".gz",
        }
    }
}

/// Chooses among the codings that exist by the fields of a request, as [`choose`] does.
pub(crate) fn choose_for(head: &Head<'_>, exists: impl Fn(Coding) -> bool) -> Option<Coding> {
    let accept: Vec<&[u8]> = head.get_all("Accept-Encoding").collect();
    choose(&accept, exists)
}

/// Chooses among the codings that exist by the values of `Accept-Encoding`; `None` is `identity`, the file itself.
///
/// A client that refuses even `identity` gets that: a 406 would not help it.
pub(crate) fn choose(accept: &[&[u8]], exists: impl Fn(Coding) -> bool) -> Option<Coding> {
    let weights = Weights::of(accept);
    // "If no Accept-Encoding header field is in the request, any content coding is considered acceptable": every client
    // understands the file itself.
    let identity = weights.identity.unwrap_or(0);
    let mut best = None;
    let mut best_weight = identity.max(1) - 1; // of equal weights we prefer the coding's: it is smaller
    for (coding, own) in Coding::ALL.into_iter().zip(weights.codings) {
        // "If the representation's content coding is one of the content codings listed in the Accept-Encoding field value,
        // then it is acceptable unless it is accompanied by a qvalue of 0."
        let wanted = own.or(weights.any).unwrap_or(0);
        if wanted > best_weight && exists(coding) {
            best = Some(coding);
            best_weight = wanted;
        }
    }
    best
}

/// The weights that a client gives in thousandths, the first one for each name; `None` for what it does not list.
#[derive(Default)]
struct Weights {
    /// In the order of [`Coding::ALL`].
    codings: [Option<u16>; Coding::ALL.len()],
    identity: Option<u16>,
    /// `*`: the codings that are not listed.
    any: Option<u16>,
}

impl Weights {
    fn of(accept: &[&[u8]]) -> Self {
        let mut weights = Weights::default();
        for (name, quality) in accept.iter().copied().flat_map(elements).map(weighted) {
            if let Some(place) = weights.place(name) {
                place.get_or_insert(quality.unwrap_or(0));
            }
        }
        weights
    }

    fn place(&mut self, name: &[u8]) -> Option<&mut Option<u16>> {
        // §8.4.1: "All content codings are case-insensitive"; and a recipient treats `x-gzip` as `gzip`.
        let is = |token: &str| name.eq_ignore_ascii_case(token.as_bytes());
        if is("identity") {
            return Some(&mut self.identity);
        }
        if name == b"*" {
            return Some(&mut self.any);
        }
        let mut codings = Coding::ALL.into_iter().zip(&mut self.codings);
        let found = codings.find(|(coding, _)| is(coding.token()) || *coding == Coding::Gzip && is("x-gzip"));
        found.map(|(_, weight)| weight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_s_weights_choose_and_ours_break_ties() {
        use Coding::{Brotli, Gzip, Zstandard};
        for (accept, expected) in [
            ("gzip, deflate, br, zstd", Some(Brotli)),
            ("gzip", Some(Gzip)),
            ("x-gzip", Some(Gzip)),
            ("GZIP", Some(Gzip)),
            ("zstd;q=0.9, gzip;q=1.0", Some(Gzip)),
            ("zstd , gzip;q=0.999", Some(Zstandard)),
            ("br;q=0, gzip", Some(Gzip)),
            ("br;q=0.000, *", Some(Zstandard)),
            ("*", Some(Brotli)),
            ("*;q=0", None),
            ("identity", None),
            ("gzip;q=0.5, identity;q=0.9", None),
            ("gzip;q=0.9, identity;q=0.5", Some(Gzip)),
            ("gzip, identity", Some(Gzip)),
            ("gzip;q=0", None),
            ("gzip;q=2", None),
            ("gzip;q=0.1234", None),
            ("gzip;q=", None),
            ("gzipx", None),
            ("deflate", None),
            ("", None),
            (",,gzip,,", Some(Gzip)),
            ("gzip ; Q=0.5, identity;q=0.2", Some(Gzip)),
        ] {
            assert_eq!(choose(&[accept.as_bytes()], |_| true), expected, "{accept}");
        }
        assert_eq!(choose(&[], |_| true), None);
        assert_eq!(choose(&[b"br", b"gzip"], |coding| coding == Gzip), Some(Gzip), "two fields are one list");
        assert_eq!(choose(&[b"br, gzip"], |_| false), None);
    }

    proptest::proptest! {
        #[test]
        fn a_coding_that_was_not_named_is_never_chosen(accept in "[a-z;=,. 01q]{0,40}") {
            if let Some(coding) = choose(&[accept.as_bytes()], |_| true) {
                assert!(accept.contains(coding.token()));
            }
        }
    }
}
