//! Where the messages come from.

pub(crate) mod lines;
