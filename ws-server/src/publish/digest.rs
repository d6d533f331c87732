//! What a sequence of lines is compared by: how many, and a chain of digests over them. Pieces in which they came do not matter.

use sha2::{Digest, Sha256};

/// Bytes of a digest.
pub(super) const DIGEST: usize = 32;

/// A sequence of lines: plain data between two of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LineChain {
    /// How many lines.
    pub(super) count: u64,
    /// Zeros before the first line; then of the digest before, the line and a line feed, which no line holds.
    pub(super) digest: [u8; DIGEST],
}

impl LineChain {
    /// Adds the next line.
    pub(super) fn add(&mut self, line: &str) {
        self.count();
        let chained = Sha256::new().chain_update(self.digest).chain_update(line).chain_update(b"\n");
        self.digest = chained.finalize().into();
    }

    /// Counts a line that nobody will compare.
    pub(super) fn count(&mut self) {
        self.count = self.count.saturating_add(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(lines: &[&str]) -> LineChain {
        let mut chain = LineChain::default();
        for line in lines {
            chain.add(line);
        }
        chain
    }

    #[test]
    fn only_the_same_lines_in_the_same_order_have_the_same_chain() {
        let sequences: [&[&str]; 9] = [
            &[],
            &[""],
            &["", ""],
            &["ab"],
            &["a", "b"],
            &["b", "a"],
            &["", "ab"],
            &["ab", ""],
            &["a", "", "b"],
        ];
        for (at, one) in sequences.iter().enumerate() {
            for (other_at, other) in sequences.iter().enumerate() {
                assert_eq!(chain(one) == chain(other), at == other_at, "{one:?} {other:?}");
            }
        }
    }
}
