//! Which file needs which, and the shortest way back from each file to itself.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::modules::{Files, Import, Modules, modules};

/// From a file to the files that define what it names, each with one such path.
type Edges = BTreeMap<String, BTreeMap<String, String>>;

/// The shortest cycles, each as a chain of files with the paths that lead from one to the next.
pub(crate) fn cycles(files: &Files) -> Vec<String> {
    let edges = edges(&modules(files));
    let mut chains = BTreeMap::new();
    for start in edges.keys() {
        if let Some(chain) = way_back(&edges, start) {
            let links =
                chain.windows(2).map(|pair| format!(" → {} ({})", pair[1], edges[&pair[0]][&pair[1]]));
            let text = format!("{start}{}", links.collect::<String>());
            chains.entry(chain.into_iter().collect::<BTreeSet<_>>()).or_insert(text);
        }
    }
    chains.into_values().collect()
}

fn way_back(edges: &Edges, start: &String) -> Option<Vec<String>> {
    let mut chains = VecDeque::from([vec![start.clone()]]);
    let mut seen = BTreeSet::new();
    while let Some(chain) = chains.pop_front() {
        for next in edges.get(&chain[chain.len() - 1]).into_iter().flat_map(BTreeMap::keys) {
            let longer = [&chain[..], std::slice::from_ref(next)].concat();
            if next == start {
                return Some(longer);
            }
            if seen.insert(next) {
                chains.push_back(longer);
            }
        }
    }
    None
}

fn edges(modules: &Modules) -> Edges {
    let mut edges = Edges::new();
    for (at, module) in modules {
        for (path, _) in &module.imports {
            // A module alone is only a name for what is behind it.
            if let Some((definer, true)) = resolve(modules, at, path)
                && modules[&definer].file != module.file
            {
                let targets = edges.entry(module.file.clone()).or_default();
                targets.entry(modules[&definer].file.clone()).or_insert(path.join("::"));
            }
        }
    }
    edges
}

/// Follows a path from a module: to the module that defines the item at its end, and true; or to the module at its end, and
/// false. `None` for a path out of the crate.
fn resolve(modules: &Modules, from: &str, path: &[String]) -> Option<(String, bool)> {
    let mut at = from.to_owned();
    for (index, segment) in path.iter().enumerate() {
        let child = format!("{at}::{segment}");
        // In `use log::log` the first word is no name that this `use` gives.
        let is_named = |(it, name): &&Import| name.as_ref() == Some(segment) && (index > 0 || it != path);
        let import = modules[&at].imports.iter().find(is_named);
        let is_last = index + 1 == path.len();
        match segment.as_str() {
            "crate" => "crate".clone_into(&mut at),
            "super" => at.truncate(at.rfind("::")?),
            "self" => {}
            // The same name may stand for a module and for an item.
            _ if modules.contains_key(&child) && (import.is_none() || !is_last) => at = child,
            _ => match import {
                Some((path, _)) => match resolve(modules, &at, path)? {
                    (module, false) => at = module,
                    item => return Some(item),
                },
                None => return (index > 0).then_some((at, true)),
            },
        }
    }
    Some((at, false))
}
