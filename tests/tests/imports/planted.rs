//! Small crates with a cycle in them, and some that only look so.

use crate::cycles::cycles;
use crate::modules::Files;
use crate::tokens::tokens;

fn found(files: &[(&str, &str)]) -> Vec<String> {
    cycles(&files.iter().map(|&(name, text)| (name.to_owned(), text.to_owned())).collect::<Files>())
}

#[test]
fn two_files_that_import_each_other() {
    let chain = found(&[
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "use crate::b::B; pub struct A(B);"),
        ("b.rs", "use crate::a::A; pub struct B(Box<A>);"),
    ]);
    assert_eq!(chain, ["a.rs → b.rs (crate::b::B) → a.rs (crate::a::A)"]);
}

#[test]
fn three_files_round_a_corner_and_a_fourth_that_only_looks_on() {
    let chain = found(&[
        ("lib.rs", "mod a; mod b; mod c; mod d;"),
        ("a.rs", "pub struct A; fn f() { crate::b::f() }"),
        ("b.rs", "use super::c; pub fn f() { c::f() }"),
        ("c.rs", "pub fn f() -> crate::a::A { crate::a::A }"),
        ("d.rs", "use crate::{a::A, b::{self, f}}; fn g() { b::f() }"),
    ]);
    assert_eq!(chain, ["a.rs → b.rs (crate::b::f) → c.rs (c::f) → a.rs (crate::a::A)"]);
}

#[test]
fn through_a_re_export() {
    let files = [
        ("lib.rs", "mod a; mod b; pub use b::B as Other; pub use self::{a::{A,}};"),
        ("a.rs", "use crate::Other; pub struct A(Other);"),
        ("b/mod.rs", "mod deep; pub use self::deep::B;"),
        ("b/deep.rs", "use crate::A; pub struct B(Box<A>);"),
    ];
    assert_eq!(found(&files), ["a.rs → b/deep.rs (crate::Other) → a.rs (crate::A)"]);
    // The file that passes it on is not on the way.
    assert_eq!(found(&[files[0], files[1], files[2], ("b/deep.rs", "pub struct B;")]), [""; 0]);
}

#[test]
fn through_super() {
    let chain = found(&[
        ("lib.rs", "mod a;"),
        ("a.rs", "mod b; mod c;"),
        ("a/b.rs", "use super::c::C; pub(crate) struct B(C);"),
        ("a/c/mod.rs", "mod d; pub(super) use d::D; pub(crate) struct C(D);"),
        ("a/c/d.rs", "pub(super) struct D(Box<super::super::b::B>);"),
    ]);
    assert_eq!(chain, ["a/b.rs → a/c/mod.rs (super::c::C) → a/c/d.rs (d::D) → a/b.rs (super::super::b::B)"]);
}

#[test]
fn a_child_that_imports_what_its_re_exporting_parent_defines() {
    let chain = found(&[
        ("lib.rs", "mod parent;"),
        ("parent/mod.rs", "mod child; pub use child::f; pub struct Error;"),
        ("parent/child.rs", "use super::Error; pub fn f() -> Error { Error }"),
    ]);
    assert_eq!(chain, ["parent/child.rs → parent/mod.rs (super::Error) → parent/child.rs (child::f)"]);
    // Without the re-export the child only looks up.
    let alone = [
        ("lib.rs", "pub mod child; pub struct Error;"),
        ("child.rs", "use super::Error; pub fn f() -> Error { Error }"),
    ];
    assert_eq!(found(&alone), [""; 0]);
}

#[test]
fn a_name_that_is_a_module_and_a_function() {
    let chain = found(&[
        ("lib.rs", "mod mask; mod other; pub use mask::mask;"),
        ("mask.rs", "use crate::other::Key; pub fn mask(key: Key) {}"),
        ("other.rs", "use super::mask; pub struct Key; fn f() { mask(Key) }"),
    ]);
    assert_eq!(chain, ["mask.rs → other.rs (crate::other::Key) → mask.rs (super::mask)"]);
}

#[test]
fn comments_texts_and_test_code_do_not_count() {
    let b = r##"
        // use crate::a::A;
        /* use crate::a::A; */
        /// See [`crate::a::A`].
        const TEXT: &str = "\"; use crate::a::A; ";
        const RAW: &str = r#""; use crate::a::A; "#;
        const CHARACTERS: [char; 3] = ['"', '\'', '\\'];
        fn lifetime<'a>(text: &'a str) -> &'a str { text }
        pub(in crate::a) struct B;
        #[cfg(test)]
        use crate::a::{A, self};
        #[cfg(test)]
        #[allow(dead_code)]
        fn f(numbers: [u8; 2]) -> crate::a::A { crate::a::A }
        #[cfg(test)]
        mod tests { use crate::a::A; #[test] fn t() {} }
        #[cfg(test)]
        mod more;
    "##;
    let files = [("lib.rs", "mod a; mod b;"), ("a.rs", "use crate::b::B; pub struct A(B);"), ("b.rs", b)];
    assert_eq!(found(&files), [""; 0]);
    // The control: what stands behind all that still counts.
    let control = format!("{b} fn g() {{ crate::a::A; }}");
    assert_eq!(found(&[files[0], files[1], ("b.rs", &control)]).len(), 1);
}

#[test]
fn crates_with_the_names_of_files_are_other_crates() {
    let files = [
        ("lib.rs", "mod log; mod run;"),
        ("log.rs", "use crate::run::Run; pub struct Log(Run);"),
        (
            "run.rs",
            "use log::{self, info}; use std::fmt; pub struct Run; fn f() { log::info!(\"{}\", fmt::A) }",
        ),
    ];
    assert_eq!(found(&files), [""; 0]);
}

#[test]
fn tokens_are_words_paths_and_characters() {
    assert_eq!(
        tokens("a::b<'c>(b\"d\\\"e\", 'f', br##\"g\"# h\"##) // i"),
        ["a", "::", "b", "<", "'", "c", ">", "(", "b", ",", ",", ")"]
    );
}
