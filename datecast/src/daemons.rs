//! `datecast ws-server …`, `datecast feed …`: the other programs in the same file, so that one file to copy is the whole product.

use daemon::Main;

use crate::feed;

/// Each with its name, which is the first word of the command line.
pub(crate) const PROGRAMS: [(&str, Main); 4] = [
    ("feed", feed::main),
    ("ws-server", ws_server::main),
    ("static-server", static_server::main),
    ("policy-server", policy_server::main),
];
