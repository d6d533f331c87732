//! The modules of a crate, from the files that its `mod` declarations name, and what each file imports.

use std::collections::BTreeMap;

use crate::tokens::tokens;

/// The sources of a crate by their paths below `src/`.
pub(crate) type Files = BTreeMap<String, String>;
/// All modules by their paths: `crate`, `crate::http`, `crate::http::head`.
pub(crate) type Modules = BTreeMap<String, Module>;

/// A path in a file, and the name that a `use` gives it there.
pub(crate) type Import = (Vec<String>, Option<String>);

#[derive(Debug, Default)]
pub(crate) struct Module {
    pub(crate) file: String,
    pub(crate) imports: Vec<Import>,
    children: Vec<String>,
}

pub(crate) fn modules(files: &Files) -> Modules {
    let mut modules = Modules::new();
    let mut waiting = vec![("crate".to_owned(), "lib.rs".to_owned())];
    while let Some((path, file)) = waiting.pop() {
        let module = read(&file, &tokens(&files[&file]));
        // The children of `a/mod.rs` and of `a.rs` are in `a/`, those of `lib.rs` beside it.
        let stem = file.trim_end_matches(".rs");
        let folder = ["lib", "mod"].iter().find_map(|facade| stem.strip_suffix(facade));
        let folder = folder.map_or_else(|| format!("{stem}/"), str::to_owned);
        for child in &module.children {
            let places = [format!("{folder}{child}.rs"), format!("{folder}{child}/mod.rs")];
            let place = places.into_iter().find(|place| files.contains_key(place));
            let place = place.unwrap_or_else(|| panic!("{file}: no file for `mod {child}`"));
            waiting.push((format!("{path}::{child}"), place));
        }
        modules.insert(path, module);
    }
    modules
}

fn read<'t>(file: &str, mut tokens: &'t [&'t str]) -> Module {
    let mut module = Module { file: file.to_owned(), ..Module::default() };
    while let [first, rest @ ..] = tokens {
        tokens = match tokens {
            ["mod", name, ";", rest @ ..] => {
                module.children.push((*name).to_owned());
                rest
            }
            ["mod", name, "{", ..] => {
                panic!("{file}: `mod {name}` in braces hides its imports from this check")
            }
            // `impl Trait + use<'a>` imports nothing, nor does `pub(in crate::a)`.
            ["use", next, ..] if *next != "<" => tree(file, rest, &[], &mut module.imports),
            ["pub", "(", rest @ ..] => {
                &rest[rest.iter().position(|token| *token == ")").unwrap_or_default()..]
            }
            [_, "::", ..] if is_word(first) => {
                let (mut path, mut rest) = (vec![(*first).to_owned()], rest);
                while let ["::", word, behind @ ..] = rest
                    && is_word(word)
                {
                    path.push((*word).to_owned());
                    rest = behind;
                }
                module.imports.push((path, None));
                rest
            }
            _ => rest,
        };
    }
    module
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// Reads one tree of a `use`, whose paths go on behind this prefix; gives back the tokens behind it.
fn tree<'t>(
    file: &str,
    mut tokens: &'t [&'t str],
    prefix: &[String],
    imports: &mut Vec<Import>,
) -> &'t [&'t str] {
    let mut path = prefix.to_vec();
    loop {
        tokens = match tokens {
            ["::", rest @ ..] => rest,
            // `a::{self}` is `a`.
            ["self", rest @ ..] if !path.is_empty() => rest,
            ["*", ..] => panic!("{file}: `use {}::*` hides what it imports from this check", path.join("::")),
            ["as", name, rest @ ..] => {
                imports.push((path, Some((*name).to_owned())));
                return rest;
            }
            ["{", rest @ ..] => {
                let mut rest = rest;
                while rest[0] != "}" {
                    rest = tree(file, rest, &path, imports);
                    rest = &rest[usize::from(rest[0] == ",")..];
                }
                return &rest[1..];
            }
            [word, rest @ ..] if is_word(word) => {
                path.push((*word).to_owned());
                rest
            }
            rest => {
                let name = path.last().cloned();
                imports.push((path, name));
                return rest;
            }
        };
    }
}
