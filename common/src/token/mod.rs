//! Who may read and who may publish: the tokens of a file, and the one that a request presents.

mod grant;

pub use grant::Grant;
