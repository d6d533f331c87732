//! The harness: starts the real binaries on port 0 and cleans up after itself.
