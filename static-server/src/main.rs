//! A static HTTP/1.1 file server with the datecast page built in.

fn main() {}
