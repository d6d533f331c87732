//! The door to private parsers for the fuzz targets (`fuzz/`).

use std::{ops::Range, path::Path, sync::Arc, time::Duration};

use common::http::Head;
use daemon::fuzzing::{Layers, Printed};
use reactor::{Settings, simulation::Simulation};

use crate::{
    ENV_PREFIX, StaticHandler,
    conditional::{Outcome, Validators, evaluate},
    config::Config,
    directory::Directory,
    encoding::{self, Coding},
    fields::HeaderField,
    glob::Glob,
    limits::{ConnectionLimits, KeepAlive},
    path::{PathError, RequestPath},
    range::{Selected, select},
    root::Root,
    serving::{Published, Serving},
    site::{Content, Site},
};

/// A path below the root, whether it names a directory, and the `Location` of that.
///
/// # Errors
/// The status of the refusal.
pub fn path(target: &[u8], query: Option<&[u8]>) -> Result<(Vec<u8>, bool, String), u16> {
    let path = RequestPath::parse(target).map_err(PathError::status)?;
    Ok((path.name().to_vec(), path.is_directory(), path.location_of_directory(query)))
}

/// The bytes that `Range` selects: `None` for all of them, an error for none.
///
/// # Errors
/// 416.
pub fn range(values: &[&[u8]], len: u64) -> Result<Option<Range<u64>>, u16> {
    match select(values.iter().copied(), len) {
        Selected::Whole => Ok(None),
        Selected::Part(range) => Ok(Some(range)),
        Selected::Unsatisfiable => Err(416),
    }
}

/// The status of an answer under these preconditions, and whether `Range` counts.
pub fn precondition(head: &Head<'_>, etag: Option<&str>, modified: Option<i64>, wall: i64) -> (u16, bool) {
    let ours = Validators { etag: etag.map(str::to_owned), modified };
    match evaluate(head, &ours, wall) {
        Outcome::Perform { range } => (200, range),
        Outcome::NotModified => (304, false),
        Outcome::Failed => (412, false),
    }
}

/// The coding of an answer by the values of `Accept-Encoding`, among the ones that exist.
pub fn coding(accept: &[&[u8]], exist: &[&str]) -> Option<&'static str> {
    encoding::choose(accept, |coding| exist.contains(&coding.token())).map(Coding::token)
}

/// Whether a pattern of `--immutable` matches a path; `None` if it is none.
pub fn pattern(pattern: &str, path: &[u8]) -> Option<bool> {
    pattern.parse::<Glob>().ok().map(|pattern| pattern.matches(path))
}

/// Name and value of a `--header`; `None` if it is none.
pub fn header_field(text: &str) -> Option<(String, String)> {
    text.parse().ok().map(|HeaderField(name, value)| (name, value))
}

/// The whole server over this folder, in a simulated network; `None` if that is no folder.
pub fn world(seed: u64, root: &Path) -> Option<Simulation<StaticHandler>> {
    let limits = ConnectionLimits {
        max_head: 32 * 1024,
        max_headers: 64,
        max_target: 8 * 1024,
        head_timeout: Duration::from_secs(10),
        keep_alive: KeepAlive { timeout: Duration::from_secs(15), max_requests: 1000 },
    };
    let directory = Directory::new(Root::open(root).ok()?, 1 << 20, Arc::default());
    let serving = Serving::new(Site::new(Content::Directory(directory), false), Arc::default(), limits);
    Some(Simulation::new(seed, Settings::default(), |_| {
        StaticHandler::new(Arc::new(Published::new(serving)))
    }))
}

/// As [`daemon::fuzzing::options`].
///
/// # Errors
/// As the daemon ends with.
pub fn options(layers: Layers) -> Printed {
    daemon::fuzzing::options::<Config>(ENV_PREFIX, layers)
}
