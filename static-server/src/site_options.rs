//! The options of the site, and the site that they ask for.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use daemon::value::size;
use daemon::{DaemonError, Exit, describe_path_error, is_shortage};

use crate::builtin::BuiltIn;
use crate::csp::{self, WsUrl};
use crate::directory::Directory;
use crate::fields::{HeaderField, SharedFields};
use crate::glob::Glob;
use crate::limits::ConnectionLimits;
use crate::root::Root;
use crate::serving::Serving;
use crate::site::{Content, Site};
use crate::tutorial;

/// Names and values of header fields.
type Fields = &'static [(&'static str, &'static str)];

/// What is served, and with which fields.
#[derive(clap::Args, Clone, Debug)]
pub struct SiteOptions {
    /// The directory to serve; it may be a link that a deployment turns to another release [default: the built-in page]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,

    /// Answers paths that name no file, and have no extension, with the root's index.html
    #[arg(long)]
    spa: bool,

    /// Adds a header field to every answer of any status, or replaces ours; a `Vary` joins ours; what frames a message or describes
    /// one file (`Content-Length`, `ETag`) is refused (repeatable)
    #[arg(long, value_name = "NAME: VALUE")]
    header: Vec<HeaderField>,

    /// The Content-Security-Policy of the root's pages; the built-in page has its own
    #[arg(long, value_name = "POLICY", value_parser = csp::policy)]
    csp: Option<String>,

    /// Files that never change under their name, which browsers keep for a year without asking: a pattern of `*`, `**` (slashes,
    /// too) and `?` over the path, as `/assets/*`, or over the last segment, as `*.woff2`; never a page (repeatable)
    #[arg(long, value_name = "GLOB")]
    immutable: Vec<Glob>,

    /// Memory for ready answers, of all workers together (0: none)
    #[arg(long, value_name = "SIZE", value_parser = size, default_value = "32MiB")]
    cache_size: usize,

    /// What the server in front adds to every answer.
    #[arg(skip)]
    front: Fields,

    /// What the built-in page calls the stream.
    #[arg(skip)]
    title: String,
}

impl SiteOptions {
    /// Refuses a root that we cannot open, and an option without its root.
    ///
    /// # Errors
    /// Why the root cannot be opened, or which option it is.
    pub fn check(&self) -> Result<(), DaemonError> {
        if let Some(path) = &self.root {
            return open_root(path).map(drop);
        }
        let for_files =
            [("immutable", !self.immutable.is_empty()), ("csp", self.csp.is_some()), ("spa", self.spa)];
        for_files.iter().find(|(_, is_set)| *is_set).map_or(Ok(()), |(flag, _)| {
            let what = "is for the files of --root, which is not set; add --root DIR, or leave it out";
            Err(DaemonError::new(Exit::Config, format!("--{flag} {what}")))
        })
    }

    /// True if files are served.
    pub(crate) fn has_root(&self) -> bool {
        self.root.is_some()
    }

    /// Adds header fields to every answer, for a server that answers more than the site.
    #[must_use]
    pub fn with_fields(mut self, front: Fields) -> Self {
        self.front = front;
        self
    }

    /// Names the stream, in the title of the built-in page.
    #[must_use]
    pub fn with_title(mut self, title: String) -> Self {
        self.title = title;
        self
    }

    /// The options that do nothing beside the others, as [`daemon::Options::without_effect`] says them.
    pub fn without_effect(&self) -> Vec<(&'static str, String)> {
        let is_replaced =
            self.header.iter().any(|HeaderField(name, _)| name.eq_ignore_ascii_case(csp::FIELD));
        let why = || format!("--header '{}: …' replaces it in every answer", csp::FIELD);
        is_replaced.then(|| ("csp", why())).into_iter().collect()
    }

    /// The built-in page, with the files of the root in front of it where there is one. The page finds its stream beside itself.
    ///
    /// # Errors
    /// We can no longer open the root.
    pub fn serving_with_page(&self, limits: ConnectionLimits) -> Result<Serving, DaemonError> {
        let page = self.built_in(Some(&WsUrl::beside_the_page()));
        let content = match self.directory()? {
            Some(directory) => Content::Overlay(directory, page),
            None => Content::BuiltIn(page),
        };
        Ok(self.serving(content, limits))
    }

    /// What the workers serve by.
    pub(crate) fn serving(&self, content: Content, limits: ConnectionLimits) -> Serving {
        let shared = content.shared().clone();
        Serving::new(Site::new(content, self.spa), shared, limits)
    }

    /// The built-in page, and the tutorial's with a policy of its own.
    pub(crate) fn built_in(&self, ws_url: Option<&WsUrl>) -> BuiltIn {
        let shared = |policy| self.shared(Some(policy), Some(REFERRER));
        let tutorial = tutorial::page(ws_url);
        let of_tutorial = shared(csp::for_tutorial(ws_url, &tutorial::script_source(&tutorial)));
        let page = BuiltIn::new(ws_url, &self.title, shared(csp::for_built_in(ws_url)));
        page.with_document(tutorial::NAME, &tutorial, &of_tutorial)
    }

    /// The files of `--root`.
    pub(crate) fn directory(&self) -> Result<Option<Directory>, DaemonError> {
        let open =
            |path| Ok(Directory::new(open_root(path)?, self.cache_size, self.shared(self.csp.clone(), None)));
        self.root.as_deref().map(open).transpose()
    }

    /// The fields of every answer; `policy` is the Content-Security-Policy of its documents, `referrer` the Referrer-Policy of all.
    fn shared(&self, policy: Option<String>, referrer: Option<&'static str>) -> Arc<SharedFields> {
        let (extra, immutable) = (self.header.clone(), self.immutable.clone());
        Arc::new(SharedFields { extra, front: self.front, referrer, policy, immutable })
    }
}

/// The Referrer-Policy of the built-in page: its address may hold a reader's token until its script has taken that out, and what the
/// page loads before must not repeat it.
const REFERRER: &str = "no-referrer";

fn open_root(path: &Path) -> Result<Root, DaemonError> {
    Root::open(path).map_err(|error| {
        let what = describe_path_error(path, &error);
        let exit = if is_shortage(&error) { Exit::System } else { Exit::NoInput };
        DaemonError::new(exit, format!("--root {}: {what}", path.display()))
    })
}
