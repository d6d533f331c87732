//! Choices from a seed: the same for the same seed and place, whatever was chosen before.

use reactor::simulation::Seed;

/// Numbers for what stands at `place` of the run with this seed.
pub(super) fn at(seed: u64, place: u64) -> Seed {
    let mut mixed = Seed(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ place.rotate_left(32));
    Seed(mixed.below(u64::MAX))
}

/// One of `choices`.
pub(super) fn pick<T: Copy>(seed: &mut Seed, choices: &[T]) -> T {
    choices[below(seed, choices.len())]
}

pub(super) fn below(seed: &mut Seed, below: usize) -> usize {
    usize::try_from(seed.below(below as u64)).expect("a small number")
}
