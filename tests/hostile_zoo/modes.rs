//! The table of attacks.

use std::time::Duration;

use crate::{other_modes, plan::Plan, stream_modes, victim::Settings};

#[derive(Clone, Debug)]
pub(crate) struct Mode {
    pub(crate) name: &'static str,
    /// What its attackers do, in a few words.
    pub(crate) what: &'static str,
    pub(crate) settings: Settings,
    /// The server ends the attackers' connections, though they hold on to them.
    pub(crate) is_ended: bool,
    /// No peer has what it attacks.
    pub(crate) is_for_ours: bool,
    /// As many as there are in full; a tenth of them in small.
    pub(crate) full: Plan,
}

impl Mode {
    pub(crate) fn new(name: &'static str, what: &'static str, settings: Settings, full: Plan) -> Self {
        Self { name, what, settings, is_ended: true, is_for_ours: false, full }
    }

    pub(crate) fn plan(&self, in_small: bool) -> Plan {
        let count = if in_small { self.full.count.div_ceil(10) } else { self.full.count };
        Plan { count, ..self.full.clone() }
    }
}

pub(crate) fn all() -> Vec<Mode> {
    [stream_modes::all(), other_modes::all()].concat()
}

/// A byte of an attacker that is slow on purpose.
pub(crate) const SLOW: Duration = Duration::from_millis(500);
/// The smallest receive buffer that the kernel gives.
pub(crate) const SMALL: Option<usize> = Some(2048);

/// An attack, and the options that take out the guard against it: the zoo has to notice that.
pub(crate) fn without_guards() -> Vec<Mode> {
    let table: [(&str, &[&str]); 12] = [
        ("never-reads", &["--write-timeout", "1h"]),
        ("ping-flood", &["--control-rate", "0", "--write-timeout", "1h"]),
        ("message-flood", &["--message-rate", "0"]),
        ("half-open-handshakes", &["--head-timeout", "1h"]),
        ("close-storm", &["--notice-rate", "1000000"]),
        ("close-not-answered", &["--linger", "1h"]),
        ("slowloris", &["--head-timeout", "1h"]),
        ("slow-read", &["--write-timeout", "1h"]),
        ("flood-of-files", &["--head-timeout", "1h"]),
        ("silent", &["--lifetime", "1h"]),
        ("never-reads-the-policy", &["--linger", "1h", "--lifetime", "1h"]),
        ("slow-post", &["--write-timeout", "1h"]),
    ];
    let mut modes = Vec::new();
    for mode in all() {
        let guard = table.iter().find(|(name, _)| *name == mode.name);
        modes.extend(
            guard.map(|(_, options)| Mode { settings: Settings { options, ..mode.settings }, ..mode }),
        );
    }
    modes
}
