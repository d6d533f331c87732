//! Joins the modules of the page into one script: a browser that must fetch dozens of small files shows its first line a third of a second later.
//!
//! Each module becomes a function of its own, in the order of dependency, with its comments; what it exports is what the function returns, and what it
//! imports is taken from there. This is not a parser of the language: of its imports and exports it knows the forms that the page uses, and refuses all others.

use std::fmt::Write;

use thiserror::Error;

/// The name of a module and its text.
pub(crate) type Module<'text> = (&'text str, &'text str);

/// Why modules cannot be joined.
#[derive(Debug, PartialEq, Eq, Error)]
pub(crate) enum BundleError {
    #[error("{module}: an import or export of an unknown form: {line}")]
    Form { module: String, line: String },
    #[error("{module} imports {name}, which {from} does not export")]
    Name { module: String, name: String, from: String },
    #[error("{0}: there is no such module")]
    Missing(String),
    #[error("{0} imports itself, perhaps round a corner")]
    Cycle(String),
}

/// One script that does what `entry` does with all that it imports.
pub(crate) fn bundle(modules: &[Module<'_>], entry: &str) -> Result<String, BundleError> {
    let mut bundle = Bundle { modules, open: Vec::new(), done: Vec::new(), script: String::new() };
    bundle.add(entry)?;
    Ok(bundle.script)
}

struct Bundle<'text> {
    modules: &'text [Module<'text>],
    /// The modules whose imports are being added.
    open: Vec<&'text str>,
    done: Vec<Scope<'text>>,
    script: String,
}

/// A module that stands in the script, with the names that it exports.
struct Scope<'text> {
    module: &'text str,
    exports: Vec<&'text str>,
}

impl<'text> Bundle<'text> {
    /// Adds a module behind those that it imports, unless it is there.
    fn add(&mut self, name: &str) -> Result<(), BundleError> {
        if self.done.iter().any(|scope| scope.module == name) {
            return Ok(());
        }
        let found = self.modules.iter().find(|(module, _)| *module == name);
        let &(module, text) = found.ok_or_else(|| BundleError::Missing(name.to_owned()))?;
        if self.open.contains(&module) {
            return Err(BundleError::Cycle(name.to_owned()));
        }
        self.open.push(module);
        let (body, exports) = self.body(module, text)?;
        self.open.pop();
        let variable = variable(module);
        let names = exports.join(", ");
        // Writing to a String cannot fail.
        let _ = write!(
            self.script,
            "// ---- {module}\nconst {variable} = (() => {{\n{body}return {{ {names} }};\n}})();\n\n"
        );
        self.done.push(Scope { module, exports });
        Ok(())
    }

    /// The text of a module without its imports and exports, and the names that it exports.
    fn body(&mut self, module: &str, text: &'text str) -> Result<(String, Vec<&'text str>), BundleError> {
        let mut body = String::with_capacity(text.len());
        let mut exports = Vec::new();
        for line in text.lines() {
            let unknown = || BundleError::Form { module: module.to_owned(), line: line.to_owned() };
            if let Some((names, from)) = import(line) {
                self.add(from)?;
                self.check(module, names, from)?;
                let _ = write!(body, "const {{ {names} }} = {};", variable(from));
            } else if let Some((declaration, name)) = export(line) {
                exports.push(name);
                body.push_str(declaration);
            } else if is_unknown(line) {
                return Err(unknown());
            } else {
                body.push_str(line);
            }
            body.push('\n');
        }
        Ok((body, exports))
    }

    /// Whether a module exports all that another one imports from it.
    fn check(&self, module: &str, names: &str, from: &str) -> Result<(), BundleError> {
        let scope = self.done.iter().find(|scope| scope.module == from);
        let exported = |name: &str| scope.is_some_and(|scope| scope.exports.contains(&name));
        match names.split(", ").find(|name| !exported(name)) {
            None => Ok(()),
            Some(name) => {
                Err(BundleError::Name { module: module.into(), name: name.into(), from: from.into() })
            }
        }
    }
}

/// `import { a, b } from "./c.js";`: `a, b` and `c.js`.
fn import(line: &str) -> Option<(&str, &str)> {
    let (names, from) = line.strip_prefix("import { ")?.split_once(" } from \"./")?;
    let from = from.strip_suffix("\";")?;
    let is_known = names.split(", ").all(is_name) && !from.contains('"');
    is_known.then_some((names, from))
}

/// What can be taken by its value.
const DECLARED: [&str; 6] =
    ["const ", "function ", "function* ", "async function ", "async function* ", "class "];

/// `export const a = …`, `export function a(…` or `export class a …`: the line without `export`, and `a`.
fn export(line: &str) -> Option<(&str, &str)> {
    let declaration = line.strip_prefix("export ")?;
    let named = DECLARED.iter().find_map(|kind| declaration.strip_prefix(kind))?;
    let end = named.find(|letter| !is_letter(letter)).unwrap_or(named.len());
    let name = named.get(..end).filter(|name| is_name(name))?;
    Some((declaration, name))
}

/// An import or an export, or what could be one, of a form that is not known here. `import.meta` is the script's own.
fn is_unknown(line: &str) -> bool {
    let is_statement = |word: &str| {
        let rest = line.trim_start().strip_prefix(word);
        rest.is_some_and(|rest| !rest.starts_with(|letter| is_letter(letter) || letter == '.'))
    };
    is_statement("import") || is_statement("export") || line.contains("import(")
}

fn is_name(text: &str) -> bool {
    text.starts_with(|letter: char| !letter.is_ascii_digit()) && text.chars().all(is_letter)
}

fn is_letter(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || letter == '$'
}

/// What a module's exports are called in the script: `$lines_view` for `lines-view.js`.
fn variable(module: &str) -> String {
    let stem = module.strip_suffix(".js").unwrap_or(module);
    let letters = stem.chars().map(|letter| if is_letter(letter) { letter } else { '_' });
    std::iter::once('$').chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_module_stands_once_behind_what_it_imports() {
        let modules = [
            ("app.js", "import { twice } from \"./b-c.js\";\nimport { ONE } from \"./a.js\";\n\ntwice(ONE);"),
            (
                "b-c.js",
                "import { ONE } from \"./a.js\";\n// Doubles.\nexport function twice(x) {\n  return ONE + x;\n}",
            ),
            ("a.js", "export const ONE = 1;\nexport class $Two_2 {}\nconst at = import.meta.url;\n"),
            ("unused.js", "nothing"),
        ];
        let script = "// ---- a.js\nconst $a = (() => {\nconst ONE = 1;\nclass $Two_2 {}\nconst at = import.meta.url;\n\
                      return { ONE, $Two_2 };\n})();\n\n\
                      // ---- b-c.js\nconst $b_c = (() => {\nconst { ONE } = $a;\n// Doubles.\nfunction twice(x) {\n  return ONE + x;\n}\n\
                      return { twice };\n})();\n\n\
                      // ---- app.js\nconst $app = (() => {\nconst { twice } = $b_c;\nconst { ONE } = $a;\n\ntwice(ONE);\n\
                      return {  };\n})();\n\n";
        assert_eq!(bundle(&modules, "app.js").unwrap(), script);
    }

    #[test]
    fn a_form_that_it_does_not_know_is_refused() {
        for line in [
            "import \"./a.js\";",
            "import a from \"./a.js\";",
            "import * as a from \"./a.js\";",
            "import { a as b } from \"./a.js\";",
            "import { a, } from \"./a.js\";",
            "import {a} from \"./a.js\";",
            "import { a } from './a.js';",
            "import { a } from \"./a.js\"",
            "import { a } from \"./a.js\"; import { b } from \"./a.js\";",
            "import { a } from \"/a.js\";",
            "import {",
            "  import { a } from \"./a.js\";",
            "const a = await import(\"./a.js\");",
            "export default 1;",
            "export * from \"./a.js\";",
            "export { a };",
            "export let a = 1;",
            "export var a = 1;",
            "export const { a } = b;",
            "export const [a] = b;",
            "export async () => 1;",
            "export",
            "  export const a = 1;",
        ] {
            let modules = [("app.js", line), ("a.js", "export const a = 1;\nexport const b = 2;")];
            let refused = BundleError::Form { module: "app.js".into(), line: line.into() };
            assert_eq!(bundle(&modules, "app.js"), Err(refused), "{line}");
        }
    }

    #[test]
    fn each_kind_of_function_can_be_exported() {
        for kind in ["function", "function*", "async function", "async function*"] {
            let module = format!("export {kind} a() {{}}");
            let modules = [("app.js", "import { a } from \"./a.mjs\";"), ("a.mjs", &*module)];
            let script = bundle(&modules, "app.js").unwrap();
            assert!(script.contains(&format!("\n{kind} a() {{}}\nreturn {{ a }};")), "{script}");
        }
    }

    #[test]
    fn words_that_only_begin_like_one_are_none() {
        for line in
            ["imported(1);", "exports.a = 1;", "import.meta.url;", "// import what", " * export const a"]
        {
            assert!(bundle(&[("app.js", line)], "app.js").is_ok(), "{line}");
        }
    }

    #[test]
    fn what_is_not_there_and_what_goes_round_is_refused() {
        let importing = |name: &str| format!("import {{ a }} from \"./{name}\";\nexport const a = 1;");
        let [app, b, c] = [importing("b.js"), importing("c.js"), importing("b.js")];
        let missing = bundle(&[("app.js", &app)], "app.js");
        assert_eq!(missing, Err(BundleError::Missing("b.js".into())));
        let round = bundle(&[("app.js", &app), ("b.js", &b), ("c.js", &c)], "app.js");
        assert_eq!(round, Err(BundleError::Cycle("b.js".into())));
        let nameless = bundle(&[("app.js", &app), ("b.js", "const a = 1;")], "app.js");
        let error = BundleError::Name { module: "app.js".into(), name: "a".into(), from: "b.js".into() };
        assert_eq!(nameless, Err(error));
    }
}
