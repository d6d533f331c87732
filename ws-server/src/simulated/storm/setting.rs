//! The configurations of the simulated processes: the stream stays, the rest varies with the seed.

use std::{io::Write as _, sync::Arc, time::Duration};

use reactor::simulation::{Seed, Successor};

use super::{
    asking::{Home, PROXY, Token},
    place::Kind,
    seed::{self, pick},
};
use crate::config::{Config, tests::config};

/// Where the messages come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Clock,
    OrderedClock,
    Lines,
    LatestLines,
    Given,
    Published,
}

const ORIGINS: [Origin; 6] = [
    Origin::Clock,
    Origin::OrderedClock,
    Origin::Lines,
    Origin::LatestLines,
    Origin::Given,
    Origin::Published,
];

/// Which tokens let a reader in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tokens {
    Both,
    LastingAlone,
}

/// A configuration, and what clients can expect of it.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) origin: Origin,
    pub(super) config: Arc<Config>,
    pub(super) workers: usize,
    /// No limit is so low that a client could meet it by doing what it may.
    pub(super) fits: bool,
    pub(super) notice_rate: usize,
    pub(super) broadcasts: bool,
    /// The most connections of an address; 0: any number.
    pub(super) per_address: usize,
    /// The tokens of readers; `None`: none is needed.
    pub(super) tokens: Option<Tokens>,
    /// Each hand-over may be to another delivery of the lines.
    switches: bool,
    args: Vec<String>,
}

impl Setting {
    /// The first configuration of a run.
    pub(super) fn first(run: u64) -> Self {
        let mut seed = seed::at(run, u64::MAX);
        let run = usize::try_from(run).expect("a small seed");
        let (origin, round) = (ORIGINS[run % ORIGINS.len()], run / ORIGINS.len());
        Self::of(origin, (round % 3 == 1, round % 4 == 3), &mut seed)
    }

    /// Another one of the same stream in the same process.
    pub(super) fn next(&self, variant: u64) -> Self {
        self.with_origin(self.origin, variant)
    }

    /// That of the next process.
    pub(super) fn successor_of(&self, variant: u64) -> Self {
        let other = match self.origin {
            Origin::Lines => Origin::LatestLines,
            Origin::LatestLines => Origin::Lines,
            Origin::Clock => Origin::OrderedClock,
            Origin::OrderedClock => Origin::Clock,
            Origin::Given | Origin::Published => self.origin,
        };
        let is_other = self.switches && variant.is_multiple_of(2);
        self.with_origin(if is_other { other } else { self.origin }, variant)
    }

    fn with_origin(&self, origin: Origin, variant: u64) -> Self {
        Self::of(origin, (self.tokens.is_some(), self.switches), &mut Seed(variant))
    }

    /// True if a reader with this token is let in.
    pub(super) fn accepts(&self, token: Option<Token>) -> bool {
        self.tokens != Some(Tokens::LastingAlone) || token != Some(Token::Revocable)
    }

    fn of(origin: Origin, (needs_token, switches): (bool, bool), seed: &mut Seed) -> Self {
        let mut args: Vec<String> = stream_of(origin).iter().map(|arg| (*arg).to_owned()).collect();
        let mut option = |name: &str, value: &str| args.extend([format!("--{name}"), value.to_owned()]);
        let workers = pick(seed, &[1, 2, 2, 3]);
        option("workers", &workers.to_string());
        option("max-connections", "8000");
        let per_address = pick(seed, &[0, 0, 12, 40]);
        option("max-connections-per-ip", &per_address.to_string());
        option("trusted-proxy", &Home::of(PROXY).peer().to_string());
        let tokens = pick(seed, &[Tokens::Both, Tokens::LastingAlone]);
        let tokens = needs_token.then_some(tokens);
        let list = tokens.map(list_of);
        if let Some(list) = &list {
            option("token-file", list.path().to_str().expect("a path in UTF-8"));
        }
        option("leave-notices", pick(seed, &["on", "off"]));
        let notice_rate = pick(seed, &[3, 1000]);
        option("notice-rate", &notice_rate.to_string());
        let on_message = pick(seed, &["ignore", "echo", "broadcast", "broadcast"]);
        option("on-message", on_message);
        option("max-queue", pick(seed, &["64KiB", "64KiB", "2KiB"]));
        let backlog = pick(seed, &["8MiB", "8MiB", "8MiB", "20KiB"]);
        // A key is known as long as its lines are kept.
        let backlog = if origin == Origin::Published { "8MiB" } else { backlog };
        option("max-backlog", backlog);
        if !matches!(origin, Origin::Clock | Origin::LatestLines | Origin::Published) {
            option("history", pick(seed, &["4096", "10", "0"]));
        }
        if origin == Origin::Lines || origin == Origin::Given || origin == Origin::Published {
            option("greet", pick(seed, &["10", "0", "3"]));
        }
        let control_rate = pick(seed, &["10", "0"]);
        option("control-rate", control_rate);
        let (every, within) = pick(seed, &[("30s", "30s"), ("5s", "3s"), ("5s", "3s")]);
        option("ping-interval", every);
        option("pong-timeout", within);
        option("heartbeat", pick(seed, &["15s", "2s"]));
        option("coalesce", pick(seed, &["0", "5ms", "40ms"]));
        let parsed: Vec<&str> = args.iter().map(String::as_str).collect();
        let config = Arc::new(config(&parsed).expect("a configuration"));
        Self {
            origin,
            config,
            workers,
            fits: backlog == "8MiB",
            notice_rate,
            broadcasts: on_message == "broadcast",
            per_address,
            tokens,
            switches,
            args,
        }
    }

    /// What the reactor gets of it, for a process that begins so long after the one before.
    pub(super) fn successor(&self, delay: Duration) -> Successor {
        Successor { workers: self.workers, settings: self.config.reactor_settings(), delay }
    }

    /// The options, for people.
    pub(super) fn shown(&self) -> String {
        self.args.join(" ")
    }

    pub(super) fn kind(&self) -> Kind {
        match self.origin {
            Origin::Clock | Origin::OrderedClock => Kind::Dates,
            Origin::LatestLines => Kind::Latest,
            Origin::Lines | Origin::Given | Origin::Published => Kind::Ordered,
        }
    }

    /// The lines are the storm's.
    pub(super) fn has_lines(&self) -> bool {
        self.kind() != Kind::Dates
    }
}

/// A file with these tokens.
fn list_of(tokens: Tokens) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a folder for temporary files");
    let last = (tokens == Tokens::Both).then_some(Token::Revocable);
    for token in [Token::Lasting].into_iter().chain(last) {
        writeln!(file, "{token:?} {}", token.text()).expect("room for a line");
    }
    file
}

fn stream_of(origin: Origin) -> &'static [&'static str] {
    match origin {
        Origin::Clock => &["--template", "D{seq};{date}"],
        Origin::OrderedClock => &["--template", "D{seq};{date}", "--delivery", "ordered"],
        Origin::Lines => &["--source", "-"],
        Origin::LatestLines => &["--source", "-", "--delivery", "latest"],
        Origin::Given => &["--source", "-", "--numbers", "given"],
        Origin::Published => &["--source", "http"],
    }
}
