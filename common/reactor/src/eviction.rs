//! Who makes room for a newcomer when all places are taken.
//!
//! First the connection that never said anything, then the oldest unfinished head, then the longest idle one.
//! An opened stream is never in these lists for long: it is dropped from them when it is met.

use std::collections::VecDeque;

use super::Token;

/// How far a list is searched for one that fits better than its first.
const LOOK_AHEAD: usize = 64;

/// What a connection is to a newcomer that wants its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It never said a byte.
    Silent,
    /// Its first request is not complete.
    Head,
    /// It waits for its next request.
    Idle,
    /// It is being served, or is an opened stream.
    Established,
}

impl Standing {
    /// True until its first request is complete.
    pub(super) fn is_head(self) -> bool {
        matches!(self, Self::Silent | Self::Head)
    }
}

/// Candidates, oldest first. Entries of connections that are gone or established meanwhile are dropped when met.
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

    /// Takes the one that goes. `standing` says what a connection is now; `None` if it is gone or does not matter here.
    pub(super) fn pop(&mut self, standing: impl Fn(Token) -> Option<Standing>) -> Option<Token> {
        let unfinished = |token: Token| matches!(standing(token), Some(Standing::Silent | Standing::Head));
        trim(&mut self.heads, unfinished);
        let silent =
            self.heads.iter().take(LOOK_AHEAD).position(|&token| standing(token) == Some(Standing::Silent));
        if let Some(token) = self.heads.remove(silent.unwrap_or(0)) {
            return Some(token);
        }
        trim(&mut self.idle, |token| standing(token) == Some(Standing::Idle));
        self.idle.pop_front()
    }

    /// Takes the oldest unfinished one of those that `belongs` accepts, among the first few.
    pub(super) fn pop_head_of(&mut self, belongs: impl Fn(Token) -> bool) -> Option<Token> {
        let place = self.heads.iter().take(LOOK_AHEAD).position(|&token| belongs(token))?;
        self.heads.remove(place)
    }

    /// Forgets the entries that no longer matter once they are the majority, so that the lists stay bounded.
    pub(super) fn sweep(&mut self, open: usize, standing: impl Fn(Token) -> Option<Standing>) {
        if self.heads.len() > 2 * open + LOOK_AHEAD {
            self.heads.retain(|&token| matches!(standing(token), Some(Standing::Silent | Standing::Head)));
        }
        if self.idle.len() > 2 * open + LOOK_AHEAD {
            self.idle.retain(|&token| standing(token) == Some(Standing::Idle));
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
        let standings = [Standing::Established, Standing::Head, Standing::Silent, Standing::Idle];
        let mut eviction = Eviction::default();
        let token = |index| Token { index, generation: 0 };
        (0..3).for_each(|index| eviction.push_head(token(index)));
        eviction.push_idle(token(3));
        eviction.push_idle(token(0));
        let standing = |token: Token| standings.get(token.index as usize).copied();
        assert_eq!(eviction.pop(standing), Some(token(2)));
        assert_eq!(eviction.pop(standing), Some(token(1)));
        assert_eq!(eviction.pop(standing), Some(token(3)));
        assert_eq!(eviction.pop(standing), None);
    }
}
