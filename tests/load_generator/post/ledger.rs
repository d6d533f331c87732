//! Whether the reader saw each line once, in order, and under the ids that the answers name.

use std::collections::{BTreeMap, btree_map::Entry};

use super::{
    answer::Published,
    plan::{Request, named, tag},
};

/// What is wrong, in counts; all 0 is right.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Lines of answered requests that the reader saw.
    pub(crate) lines: u64,
    /// Lines of answered requests that the reader never saw.
    pub(crate) lost: u64,
    /// How often a line came once more.
    pub(crate) doubled: u64,
    /// Lines that came before one that precedes them in their request.
    pub(crate) disordered: u64,
    /// Lines that nobody posted so: a part of one, one of two, one with other bytes.
    pub(crate) altered: u64,
    /// Answers whose count, first or last id is not that of their lines.
    pub(crate) wrong_answers: u64,
    /// Numbers that the reader missed, or got again.
    pub(crate) gaps: u64,
    /// A few of what is wrong, in words.
    pub(crate) examples: Vec<String>,
}

impl Verdict {
    pub(crate) fn is_right(&self) -> bool {
        let Self { lines: _, lost, doubled, disordered, altered, wrong_answers, gaps, examples: _ } = *self;
        lost + doubled + disordered + altered + wrong_answers + gaps == 0
    }

    fn explain(&mut self, example: impl FnOnce() -> String) {
        if self.examples.len() < 5 {
            self.examples.push(example());
        }
    }
}

/// Compares what the reader saw, number and text, with the answers by request; `None`: never answered.
pub(crate) fn judge(seed: u64, answers: &[Option<Published>], messages: &[(u64, String)]) -> Verdict {
    let mut verdict = Verdict::default();
    let mut numbers: BTreeMap<(u32, usize), u64> = BTreeMap::new();
    for pair in messages.windows(2) {
        verdict.gaps += u64::from(pair[1].0 != pair[0].0 + 1);
    }
    for (number, text) in messages {
        // Another run's lines may stand in the history.
        let Some(name) = named(seed, text) else {
            verdict.altered += u64::from(text.contains(&tag(seed)));
            continue;
        };
        if Request::new(seed, name.0).lines.get(name.1) != Some(text) {
            verdict.altered += 1;
            verdict.explain(|| format!("{number} is none of our lines: {text:?}"));
        } else if let Entry::Vacant(vacant) = numbers.entry(name) {
            vacant.insert(*number);
        } else {
            verdict.doubled += 1;
            verdict.explain(|| format!("{number} was {} before: {text:?}", numbers[&name]));
        }
    }
    for (index, answer) in (0..).zip(answers) {
        let lines = Request::new(seed, index).lines.len();
        let of: Vec<Option<u64>> = (0..lines).map(|line| numbers.get(&(index, line)).copied()).collect();
        verdict.disordered +=
            of.windows(2).filter(|pair| pair[0] > pair[1] && pair[1].is_some()).count() as u64;
        let Some(answer) = answer else { continue };
        verdict.lines += of.iter().flatten().count() as u64;
        verdict.lost += of.iter().filter(|number| number.is_none()).count() as u64;
        let (first, last) = (of[0], of[lines - 1]);
        let right = answer.lines == lines as u64 && Some(answer.first) == first && Some(answer.last) == last;
        if !right && first.is_some() && last.is_some() {
            verdict.wrong_answers += 1;
            verdict.explain(|| format!("request {index}: {answer:?} for the lines {of:?}"));
        }
    }
    verdict
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: u64 = 5;

    /// Three requests, answered, and what a reader sees of them: their lines under the numbers from 11 on.
    fn right() -> (Vec<Option<Published>>, Vec<(u64, String)>) {
        let (mut answers, mut seen, mut next) = (Vec::new(), Vec::new(), 11);
        // The first of them with more than one line must be among them.
        let count = (0..99).find(|&index| Request::new(SEED, index).lines.len() > 2).unwrap() + 1;
        for index in 0..count {
            let lines = Request::new(SEED, index).lines;
            answers.push(Some(Published {
                first: next,
                last: next + lines.len() as u64 - 1,
                lines: lines.len() as u64,
            }));
            for line in lines {
                seen.push((next, line));
                next += 1;
            }
        }
        (answers, seen)
    }

    /// Renumbers what is seen after a change, so that only this change is wrong.
    fn renumber(seen: &mut [(u64, String)]) {
        for (number, at) in (11..).zip(seen) {
            at.0 = number;
        }
    }

    #[test]
    fn what_is_right_is_right_also_among_the_lines_of_others() {
        let (answers, mut seen) = right();
        let verdict = judge(SEED, &answers, &seen);
        assert!(verdict.is_right() && verdict.lines == seen.len() as u64, "{verdict:?}");
        seen.push((seen.last().unwrap().0 + 1, "#6/0/0 of another run".to_owned()));
        assert!(judge(SEED, &answers, &seen).is_right());
    }

    #[test]
    fn a_planted_loss_is_noticed() {
        let (answers, mut seen) = right();
        seen.pop();
        let verdict = judge(SEED, &answers, &seen);
        assert_eq!((verdict.lost, verdict.doubled, verdict.is_right()), (1, 0, false), "{verdict:?}");
        // Lost on the way to the reader alone.
        let (answers, mut seen) = right();
        let len = seen.len();
        seen.remove(len - 2);
        let verdict = judge(SEED, &answers, &seen);
        assert_eq!((verdict.lost, verdict.gaps), (1, 1), "{verdict:?}");
    }

    #[test]
    fn a_planted_double_is_noticed() {
        let (answers, mut seen) = right();
        seen.push(seen[0].clone());
        renumber(&mut seen);
        let verdict = judge(SEED, &answers, &seen);
        assert_eq!((verdict.lost, verdict.doubled, verdict.is_right()), (0, 1, false), "{verdict:?}");
    }

    #[test]
    fn lines_in_another_order_or_in_parts_are_noticed() {
        let (answers, mut seen) = right();
        let last = seen.len() - 1;
        seen.swap(last, last - 1);
        renumber(&mut seen);
        assert_eq!(judge(SEED, &answers, &seen).disordered, 1);
        let (answers, mut seen) = right();
        seen[last].1.pop();
        let verdict = judge(SEED, &answers, &seen);
        assert_eq!((verdict.altered, verdict.lost), (1, 1), "{verdict:?}");
        let (answers, mut seen) = right();
        let both = format!("{}{}", seen[last - 1].1, seen[last].1);
        seen[last].1 = both;
        assert_eq!(judge(SEED, &answers, &seen).altered, 1);
    }

    #[test]
    fn an_answer_with_other_ids_or_another_count_is_noticed() {
        for change in [
            |of: &mut Published| of.first += 1,
            |of: &mut Published| of.last += 1,
            |of: &mut Published| of.lines += 1,
        ] {
            let (mut answers, seen) = right();
            change(answers[0].as_mut().unwrap());
            let verdict = judge(SEED, &answers, &seen);
            assert_eq!((verdict.wrong_answers, verdict.is_right()), (1, false), "{verdict:?}");
        }
    }

    #[test]
    fn what_was_never_answered_may_be_missing_but_not_doubled() {
        let (mut answers, mut seen) = right();
        *answers.last_mut().unwrap() = None;
        seen.pop();
        assert!(judge(SEED, &answers, &seen).is_right());
        seen.push(seen[seen.len() - 1].clone());
        renumber(&mut seen);
        assert_eq!(judge(SEED, &answers, &seen).doubled, 1);
    }
}
