//! The built-in page: its answers are ready from the start.

use std::collections::HashMap;
use std::sync::Arc;

use crate::csp::WsUrl;
use crate::fields::SharedFields;
use crate::representation::{Body, Facts, Representation, Resource};

/// The page's files with their names, without `index.html`.
const FILES: &[(&str, &[u8])] = &[
    ("address.js", include_bytes!("../page/address.js")),
    ("ansi.js", include_bytes!("../page/ansi.js")),
    ("app.js", include_bytes!("../page/app.js")),
    ("arrivals.js", include_bytes!("../page/arrivals.js")),
    ("batches.js", include_bytes!("../page/batches.js")),
    ("chart.js", include_bytes!("../page/chart.js")),
    ("choice.js", include_bytes!("../page/choice.js")),
    ("clock-view.js", include_bytes!("../page/clock-view.js")),
    ("connection.js", include_bytes!("../page/connection.js")),
    ("dates.js", include_bytes!("../page/dates.js")),
    ("events.js", include_bytes!("../page/events.js")),
    ("favicon.svg", include_bytes!("../page/favicon.svg")),
    ("frames.js", include_bytes!("../page/frames.js")),
    ("howto.js", include_bytes!("../page/howto.js")),
    ("lines-colours.js", include_bytes!("../page/lines-colours.js")),
    ("lines-copy.js", include_bytes!("../page/lines-copy.js")),
    ("lines-dom.js", include_bytes!("../page/lines-dom.js")),
    ("lines-finder.js", include_bytes!("../page/lines-finder.js")),
    ("lines-keys.js", include_bytes!("../page/lines-keys.js")),
    ("lines-list.js", include_bytes!("../page/lines-list.js")),
    ("lines-older.js", include_bytes!("../page/lines-older.js")),
    ("lines-report.js", include_bytes!("../page/lines-report.js")),
    ("lines-rows.js", include_bytes!("../page/lines-rows.js")),
    ("lines-scroller.js", include_bytes!("../page/lines-scroller.js")),
    ("lines-search-bar.js", include_bytes!("../page/lines-search-bar.js")),
    ("lines-search-worker.js", include_bytes!("../page/lines-search-worker.js")),
    ("lines-store.js", include_bytes!("../page/lines-store.js")),
    ("lines-target.js", include_bytes!("../page/lines-target.js")),
    ("lines-toolbar.js", include_bytes!("../page/lines-toolbar.js")),
    ("lines-view.js", include_bytes!("../page/lines-view.js")),
    ("lines.css", include_bytes!("../page/lines.css")),
    ("messages.js", include_bytes!("../page/messages.js")),
    ("more.js", include_bytes!("../page/more.js")),
    ("older.js", include_bytes!("../page/older.js")),
    ("plain.js", include_bytes!("../page/plain.js")),
    ("search.js", include_bytes!("../page/search.js")),
    ("start.js", include_bytes!("../page/start.js")),
    ("status.js", include_bytes!("../page/status.js")),
    ("style.css", include_bytes!("../page/style.css")),
    ("title.js", include_bytes!("../page/title.js")),
    ("view.js", include_bytes!("../page/view.js")),
];
const INDEX: &str = include_str!("../page/index.html");
/// The place in `index.html` for the URL of the ws-server.
const WS_URL: &str = "%WS_URL%";
/// The place for what a reader without scripts is told of the stream.
const STREAM: &str = "%STREAM%";
/// The place for the names of the modules, which a browser then loads at once, and not as it meets them in one another.
const MODULES: &str = "%MODULES%";
/// The place for what the stream is called.
const TITLE: &str = "%TITLE%";
/// The scripts that are no modules.
const SCRIPTS: [&str; 2] = ["plain.js", "start.js"];

/// The answers of the built-in page, by file name.
#[derive(Debug)]
pub(crate) struct BuiltIn {
    files: HashMap<&'static [u8], Arc<Resource>>,
    shared: Arc<SharedFields>,
}

impl BuiltIn {
    /// Lays out the answers; without a URL the page connects to its own host, port 40132. The title may be empty.
    pub(crate) fn new(ws_url: Option<&WsUrl>, title: &str, shared: Arc<SharedFields>) -> Self {
        let index = index(ws_url, title);
        let mut files: HashMap<&'static [u8], Arc<Resource>> = HashMap::new();
        let all = FILES.iter().copied().chain([("index.html", index.as_bytes())]);
        for (name, bytes) in all {
            let facts = Facts {
                name: name.as_bytes(),
                coding: None,
                varies: false,
                modified: None,
                is_settled: true,
            };
            let identity = Representation::new(facts, Body::Memory(bytes.into()), &shared);
            files.insert(name.as_bytes(), Arc::new(Resource { identity, coded: Vec::new() }));
        }
        BuiltIn { files, shared }
    }

    /// The fields of its answers.
    pub(crate) fn shared(&self) -> &Arc<SharedFields> {
        &self.shared
    }

    pub(crate) fn get(&self, name: &[u8]) -> Option<Arc<Resource>> {
        self.files.get(name).cloned()
    }
}

/// The page itself, for this address of the stream and this title.
fn index(ws_url: Option<&WsUrl>, title: &str) -> String {
    let stream = match ws_url {
        Some(url) => format!("<a href=\"{}\">The stream itself, as text</a>", escape(&url.http())),
        None => "The same stream without one: <code>curl -N http://HOST:40132/</code>".to_owned(),
    };
    let is_module = |name: &str| {
        name.strip_suffix(".js").is_some_and(|stem| !stem.ends_with("-worker")) && !SCRIPTS.contains(&name)
    };
    let modules = FILES.iter().filter(|(name, _)| is_module(name));
    let modules: Vec<_> =
        modules.map(|(name, _)| format!("<link rel=\"modulepreload\" href=\"{name}\">")).collect();
    let ws_url = ws_url.map_or_else(String::new, |url| escape(&url.text));
    let index = INDEX.replace(WS_URL, &ws_url).replace(STREAM, &stream);
    // The title comes last: it may hold the name of a place.
    index.replace(MODULES, &modules.join("\n  ")).replace(TITLE, &escape(title))
}

/// Text as it stands in a quoted attribute (HTML Standard §13.1.2.3).
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_page_is_built_in() {
        let page = BuiltIn::new(None, "", Arc::default());
        for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/page")).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            // This one tells Node alone, in the tests, that the files are modules.
            assert_eq!(page.get(name.as_bytes()).is_some(), name != "package.json", "{name}");
        }
    }

    #[test]
    fn each_place_of_the_page_is_filled() {
        let places = [WS_URL, STREAM, MODULES, TITLE];
        for place in places {
            assert_eq!(INDEX.matches(place).count(), 1, "{place}");
        }
        let text = index(Some(&"wss://h/x?a=1&b=2".parse().unwrap()), "");
        assert!(text.contains("content=\"wss://h/x?a=1&amp;b=2\""));
        assert!(text.contains("<a href=\"https://h/x?a=1&amp;b=2\">"));
        assert!(text.contains("<link rel=\"modulepreload\" href=\"app.js\">"));
        assert!(!text.contains("href=\"start.js\"") && !text.contains("href=\"plain.js\""));
        assert!(index(Some(&"stream".parse().unwrap()), "").contains("<a href=\"stream\">"));
        for text in [text, index(None, "")] {
            assert!(!places.iter().any(|place| text.contains(place)));
        }
    }

    #[test]
    fn a_title_is_text_whatever_it_holds() {
        let text = index(None, "grep \"<a>&\" %MODULES%");
        assert!(text.contains("content=\"grep &quot;&lt;a>&amp;&quot; %MODULES%\""));
    }
}
