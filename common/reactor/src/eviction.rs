//! Which connection of a worker makes room for a newcomer when all places are taken.
//!
//! First one from which no byte has arrived, among the oldest 64 of those without a complete request, then the oldest of
//! those, then the longest idle one. A connection that has become established stays in these lists until it comes to their
//! front.

use std::collections::VecDeque;

use super::Token;

/// How many entries a search looks at for one that fits better than the first.
const LOOK_AHEAD: usize = 64;

/// How readily a connection makes room for a newcomer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EvictionClass {
    /// No byte has arrived.
    Silent,
    /// Part of its first request has arrived.
    Head,
    /// It waits for its next request.
    Idle,
    /// It gets an answer, or is an opened stream.
    Established,
}

impl EvictionClass {
    /// True until its first request is complete.
    pub(super) fn is_unfinished(self) -> bool {
        matches!(self, Self::Silent | Self::Head)
    }
}

/// Candidates, oldest first. A search drops the entries of connections that are gone or established meanwhile.
#[derive(Default)]
pub(super) struct Eviction {
    heads: VecDeque<Token>,
    idle: VecDeque<Token>,
}

impl Eviction {
    pub(super) fn push_head(&mut self, token: Token) {
        self.heads.push_back(token);
    }

    pub(super) fn push_idle(&mut self, token: Token) {
        self.idle.push_back(token);
    }

    /// Takes the connection to evict. `class` says what a connection is now; `None` if it is gone or closing.
    pub(super) fn pop(&mut self, class: impl Fn(Token) -> Option<EvictionClass>) -> Option<Token> {
        trim(&mut self.heads, |token| class(token).is_some_and(EvictionClass::is_unfinished));
        let mut first = self.heads.iter().take(LOOK_AHEAD);
        let silent = first.position(|&token| class(token) == Some(EvictionClass::Silent));
        if let Some(token) = self.heads.remove(silent.unwrap_or(0)) {
            return Some(token);
        }
        trim(&mut self.idle, |token| class(token) == Some(EvictionClass::Idle));
        self.idle.pop_front()
    }

    /// Takes the oldest connection whose first request is not complete.
    pub(super) fn pop_unfinished(&mut self, class: impl Fn(Token) -> Option<EvictionClass>) -> Option<Token> {
        trim(&mut self.heads, |token| class(token).is_some_and(EvictionClass::is_unfinished));
        self.heads.pop_front()
    }

    /// Forgets the entries that no longer matter once they are the majority, so that the lists stay bounded.
    pub(super) fn sweep(&mut self, open: usize, class: impl Fn(Token) -> Option<EvictionClass>) {
        if self.heads.len() > 2 * open + LOOK_AHEAD {
            self.heads.retain(|&token| class(token).is_some_and(EvictionClass::is_unfinished));
        }
        if self.idle.len() > 2 * open + LOOK_AHEAD {
            self.idle.retain(|&token| class(token) == Some(EvictionClass::Idle));
        }
    }
}

fn trim(list: &mut VecDeque<Token>, keep: impl Fn(Token) -> bool) {
    while list.front().is_some_and(|&token| !keep(token)) {
        list.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_silent_go_first_then_the_oldest_head_then_the_idle_and_never_an_opened_stream() {
        let classes =
            [EvictionClass::Established, EvictionClass::Head, EvictionClass::Silent, EvictionClass::Idle];
        let mut eviction = Eviction::default();
        let token = |index| Token { index, generation: 0 };
        (0..3).for_each(|index| eviction.push_head(token(index)));
        eviction.push_idle(token(3));
        eviction.push_idle(token(0));
        let class = |token: Token| classes.get(token.index as usize).copied();
        assert_eq!(eviction.pop(class), Some(token(2)));
        assert_eq!(eviction.pop(class), Some(token(1)));
        assert_eq!(eviction.pop(class), Some(token(3)));
        assert_eq!(eviction.pop(class), None);
    }
}
