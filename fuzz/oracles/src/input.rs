//! An input's first bytes, which choose the settings of a run.

/// Takes choices off the front of an input; the rest is for the parser.
#[derive(Debug)]
pub struct Choices<'i> {
    rest: &'i [u8],
}

impl<'i> Choices<'i> {
    /// All of an input.
    pub fn new(input: &'i [u8]) -> Self {
        Self { rest: input }
    }

    /// The next byte; 0 behind the end.
    pub fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        first
    }

    /// Mostly true.
    pub fn mostly(&mut self) -> bool {
        !self.byte().is_multiple_of(4)
    }

    /// One of these values, by the next byte.
    ///
    /// # Panics
    /// If there are none.
    pub fn one_of<T: Copy>(&mut self, values: &[T]) -> T {
        values[usize::from(self.byte()) % values.len()]
    }

    /// So many bytes, or what is left.
    pub fn bytes(&mut self, len: usize) -> &'i [u8] {
        let (bytes, rest) = self.rest.split_at(len.min(self.rest.len()));
        self.rest = rest;
        bytes
    }

    /// What is left.
    pub fn rest(self) -> &'i [u8] {
        self.rest
    }

    /// True if nothing is left.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
}
