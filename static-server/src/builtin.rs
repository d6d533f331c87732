//! The built-in page: its answers are ready from the start.

use std::collections::HashMap;
use std::sync::Arc;

use crate::bundle::{Module, bundle};
use crate::csp::WsUrl;
use crate::elsewhere;
use crate::fields::SharedFields;
use crate::representation::{Body, Facts, Representation, Resource};
use crate::tutorial;

/// The page's files and the client's with their names, without `index.html` and the modules.
const FILES: &[(&str, &[u8])] = &[
    ("datecast-continuity.mjs", include_bytes!("../../client/datecast-continuity.mjs")),
    ("datecast-loop.mjs", include_bytes!("../../client/datecast-loop.mjs")),
    ("datecast-read.mjs", include_bytes!("../../client/datecast-read.mjs")),
    ("datecast-shared.mjs", include_bytes!("../../client/datecast-shared.mjs")),
    ("datecast.js", include_bytes!("../../client/datecast.js")),
    ("datecast.mjs", include_bytes!("../../client/datecast.mjs")),
    ("favicon.svg", include_bytes!("../page/favicon.svg")),
    ("lines-search-worker.js", include_bytes!("../page/lines-search-worker.js")),
    ("lines.css", include_bytes!("../page/lines.css")),
    ("plain.js", include_bytes!("../page/plain.js")),
    ("start.js", include_bytes!("../page/start.js")),
    ("stream-worker.js", include_bytes!("../page/stream-worker.js")),
    ("style.css", include_bytes!("../page/style.css")),
];
/// The modules, which browsers get as one file.
const MODULES: &[Module<'_>] = &[
    ("address.js", include_str!("../page/address.js")),
    ("ansi.js", include_str!("../page/ansi.js")),
    ("app.js", include_str!("../page/app.js")),
    ("arrivals.js", include_str!("../page/arrivals.js")),
    ("batches.js", include_str!("../page/batches.js")),
    ("chart.js", include_str!("../page/chart.js")),
    ("choice.js", include_str!("../page/choice.js")),
    ("clock-view.js", include_str!("../page/clock-view.js")),
    ("connection.js", include_str!("../page/connection.js")),
    ("datecast-read.mjs", include_str!("../../client/datecast-read.mjs")),
    ("dates.js", include_str!("../page/dates.js")),
    ("dom.js", include_str!("../page/dom.js")),
    ("howto.js", include_str!("../page/howto.js")),
    ("ids.js", include_str!("../page/ids.js")),
    ("lines-back.js", include_str!("../page/lines-back.js")),
    ("lines-colours.js", include_str!("../page/lines-colours.js")),
    ("lines-content.js", include_str!("../page/lines-content.js")),
    ("lines-copy.js", include_str!("../page/lines-copy.js")),
    ("lines-finder.js", include_str!("../page/lines-finder.js")),
    ("lines-following.js", include_str!("../page/lines-following.js")),
    ("lines-heights.js", include_str!("../page/lines-heights.js")),
    ("lines-keys.js", include_str!("../page/lines-keys.js")),
    ("lines-list.js", include_str!("../page/lines-list.js")),
    ("lines-note.js", include_str!("../page/lines-note.js")),
    ("lines-older.js", include_str!("../page/lines-older.js")),
    ("lines-pill.js", include_str!("../page/lines-pill.js")),
    ("lines-report.js", include_str!("../page/lines-report.js")),
    ("lines-rows.js", include_str!("../page/lines-rows.js")),
    ("lines-scroller.js", include_str!("../page/lines-scroller.js")),
    ("lines-search-bar.js", include_str!("../page/lines-search-bar.js")),
    ("lines-steps.js", include_str!("../page/lines-steps.js")),
    ("lines-store.js", include_str!("../page/lines-store.js")),
    ("lines-target.js", include_str!("../page/lines-target.js")),
    ("lines-toolbar.js", include_str!("../page/lines-toolbar.js")),
    ("lines-view.js", include_str!("../page/lines-view.js")),
    ("messages.js", include_str!("../page/messages.js")),
    ("more.js", include_str!("../page/more.js")),
    ("numbers.js", include_str!("../page/numbers.js")),
    ("older.js", include_str!("../page/older.js")),
    ("reasons.js", include_str!("../page/reasons.js")),
    ("rush.js", include_str!("../page/rush.js")),
    ("search.js", include_str!("../page/search.js")),
    ("status.js", include_str!("../page/status.js")),
    ("stream.js", include_str!("../page/stream.js")),
    ("thread.js", include_str!("../page/thread.js")),
    ("title.js", include_str!("../page/title.js")),
    ("token-form.js", include_str!("../page/token-form.js")),
    ("token.js", include_str!("../page/token.js")),
    ("transports.js", include_str!("../page/transports.js")),
    ("view.js", include_str!("../page/view.js")),
];
/// The module where the page begins: also the name of that file.
const ENTRY: &str = "app.js";
const INDEX: &str = include_str!("../page/index.html");
/// The place in `index.html` for the URL of the ws-server.
const WS_URL: &str = "%WS_URL%";
/// The places for the address of the stream as a document, where a reader without scripts is taken.
const DOCUMENT: &str = "%DOCUMENT%";
/// The place for the address of what there is now, for a browser that draws a document at its end only.
const AGAIN: &str = "%AGAIN%";
/// The place for what the stream is called.
const TITLE: &str = "%TITLE%";

/// The answers of the built-in page, by file name.
#[derive(Debug)]
pub(crate) struct BuiltIn {
    files: HashMap<&'static [u8], Arc<Resource>>,
    shared: Arc<SharedFields>,
    /// Whether the page was told where its stream is.
    knows_stream: bool,
}

impl BuiltIn {
    /// Lays out the answers; without a URL the page connects to its own host, port 40132. The title may be empty.
    pub(crate) fn new(ws_url: Option<&WsUrl>, title: &str, shared: Arc<SharedFields>) -> Self {
        let index = index(ws_url, title);
        let mut files: HashMap<&'static [u8], Arc<Resource>> = HashMap::new();
        // A test proves that they can be joined; without them the page is the plain list.
        let modules = bundle(MODULES, ENTRY).ok();
        let modules = modules.iter().map(|script| (ENTRY, script.as_bytes()));
        let fixed = FILES.iter().chain(tutorial::FILES).copied();
        for (name, bytes) in fixed.chain(modules).chain([("index.html", index.as_bytes())]) {
            files.insert(name.as_bytes(), resource(name, bytes, &shared));
        }
        BuiltIn { files, shared, knows_stream: ws_url.is_some() }
    }

    /// Adds a document that has fields of its own.
    #[must_use]
    pub(crate) fn with_document(mut self, name: &'static str, text: &str, fields: &SharedFields) -> Self {
        self.files.insert(name.as_bytes(), resource(name, text.as_bytes(), fields));
        self
    }

    /// The fields of its answers.
    pub(crate) fn shared(&self) -> &Arc<SharedFields> {
        &self.shared
    }

    /// True for the name of the stream's document where that is on another port, [`elsewhere`].
    pub(crate) fn is_elsewhere(&self, name: &[u8]) -> bool {
        !self.knows_stream && name == elsewhere::DOCUMENT.as_bytes()
    }

    pub(crate) fn get(&self, name: &[u8]) -> Option<Arc<Resource>> {
        self.files.get(name).cloned()
    }
}

fn resource(name: &str, bytes: &[u8], fields: &SharedFields) -> Arc<Resource> {
    let facts =
        Facts { name: name.as_bytes(), coding: None, varies: false, modified: None, is_settled: true };
    let identity = Representation::new(facts, Body::Memory(bytes.into()), fields);
    Arc::new(Resource { identity, coded: Vec::new() })
}

/// The page itself, for this address of the stream and this title.
fn index(ws_url: Option<&WsUrl>, title: &str) -> String {
    let document = ws_url.map_or_else(|| elsewhere::DOCUMENT.to_owned(), |url| escape(&url.document()));
    let ws_url = ws_url.map_or_else(String::new, |url| escape(&url.text));
    let again =
        format!("{document}{}{}", if document.contains('?') { "&amp;" } else { "?" }, elsewhere::AGAIN);
    let index = INDEX.replace(WS_URL, &ws_url).replace(DOCUMENT, &document).replace(AGAIN, &again);
    // The title comes last: it may hold the name of a place.
    index.replace(TITLE, &escape(title))
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
        let script = bundle(MODULES, ENTRY).unwrap_or_else(|error| panic!("{error}"));
        for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/page")).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let is_module = MODULES.iter().any(|(module, _)| *module == name);
            assert_eq!(is_module, script.contains(&format!("// ---- {name}\n")), "{name}");
            let is_there = page.get(name.as_bytes()).is_some();
            assert_eq!(is_there, !is_module || name == ENTRY, "{name}");
        }
        assert_eq!(script.matches("// ---- ").count(), MODULES.len());
    }

    #[test]
    fn each_place_of_the_page_is_filled() {
        let places = [(WS_URL, 1), (DOCUMENT, 2), (AGAIN, 1), (TITLE, 1)];
        for (place, count) in places {
            assert_eq!(INDEX.matches(place).count(), count, "{place}");
        }
        let text = index(Some(&"wss://h/x?a=1&b=2".parse().unwrap()), "");
        assert!(text.contains("content=\"wss://h/x?a=1&amp;b=2\""));
        assert!(text.contains("<a href=\"https://h/x.html?a=1&amp;b=2\">"));
        assert!(text.contains("content=\"0; url=https://h/x.html?a=1&amp;b=2\""));
        assert!(text.contains("<a href=\"https://h/x.html?a=1&amp;b=2&amp;until=999999999999999\">"));
        assert!(index(Some(&"stream".parse().unwrap()), "").contains("<a href=\"stream.html\">"));
        for text in [text, index(None, "")] {
            assert!(!places.iter().any(|(place, _)| text.contains(place)));
        }
    }

    #[test]
    fn a_title_is_text_whatever_it_holds() {
        let text = index(None, "grep \"<a>&\" %WS_URL%");
        assert!(text.contains("content=\"grep &quot;&lt;a>&amp;&quot; %WS_URL%\""));
    }
}
