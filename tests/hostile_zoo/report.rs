//! The figures as a document: `docs/hostile.md`.

use std::{
    fs,
    process::Command,
    time::{Duration, SystemTime},
};

use crate::{
    figures::{Outcome, mib, ms},
    firehose::{Firehose, Task},
    full::Full,
    knock::Knocked,
    lateness::Spread,
    modes::Mode,
};

/// All that a run in full measured.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Where it is written, as far as it has come.
    pub(crate) file: Option<String>,
    /// The machine's load average at the begin.
    pub(crate) load: String,
    pub(crate) time: Duration,
    /// Each attack, with what it did to each server.
    pub(crate) rounds: Vec<(Mode, Vec<Outcome>)>,
    pub(crate) firehose: Vec<(Task, Firehose)>,
    pub(crate) full: Option<Full>,
    pub(crate) connects: Option<Knocked>,
}

impl Report {
    pub(crate) fn write(&self) {
        let Some(file) = &self.file else { return };
        let seconds = self.time.as_secs();
        let parts = [
            include_str!("report.md").to_owned(),
            format!(
                "{}: {}. The machine's load average was {} when it began, {} when it ended{}. Each attack lasted {seconds} s.",
                date(),
                machine(),
                self.load,
                load(),
                priority()
            ),
            "## Attacks\n".to_owned(),
            self.rounds_table(),
            "## A firehose\n".to_owned(),
            include_str!("firehose.md").to_owned(),
            self.firehose_table(),
            "## Without descriptors, and many connections\n".to_owned(),
            self.full_lines(),
        ];
        let parts: Vec<&str> = parts.iter().map(|part| part.trim_end()).collect();
        fs::write(file, parts.join("\n\n").trim_end().to_owned() + "\n").expect("the document is written");
    }

    fn rounds_table(&self) -> String {
        let mut lines = vec![
            "| attack | server | late: p50 | p99.9 | worst | lost | newcomers | RSS | TCP memory | processor | waited | attackers ended |".to_owned(),
            "|---|---|---|---|---|---|---|---|---|---|---|---|".to_owned(),
        ];
        for (mode, outcomes) in &self.rounds {
            let mut name = format!("**{}**: {}", mode.name, mode.what);
            for outcome in outcomes {
                lines.push(row(&std::mem::take(&mut name), mode, outcome));
            }
        }
        lines.join("\n") + "\n"
    }

    fn firehose_table(&self) -> String {
        let mut lines = vec![
            "| delivery | lines/s written | taken | quick clients got | of 400 quick | of 100 slow | missing | RSS | TCP memory |".to_owned(),
            "|---|---|---|---|---|---|---|---|---|".to_owned(),
        ];
        for (task, figures) in &self.firehose {
            let ends = |ends: &std::collections::BTreeMap<String, u64>| {
                let all: Vec<String> = ends.iter().map(|(name, count)| format!("{count} {name}")).collect();
                all.join(", ")
            };
            let missing = if task.is_ordered { figures.missing.to_string() } else { "by design".to_owned() };
            lines.push(format!(
                "| {} | {} | {:.0} | {:.0} to {:.0} | {} | {} | {missing} | {} MiB | +{} MiB |",
                if task.is_ordered { "ordered" } else { "latest" },
                task.rate,
                figures.taken,
                figures.least,
                figures.most,
                ends(&figures.quick),
                ends(&figures.slow),
                mib(figures.usage.rss),
                mib(figures.usage.kernel.saturating_sub(figures.before.kernel)),
            ));
        }
        lines.join("\n") + "\n"
    }

    fn full_lines(&self) -> String {
        let mut lines = Vec::new();
        if let Some(Full { served_at_once, served, busy, waits }) = self.full {
            lines.push(format!(
                "- ws-server with 64 descriptors, and 200 clients: {served_at_once} served at once, {served} in the end. While the others \
                 waited it took {:.1} % of a processor. One leaves, and another one has its first message: after {} ms (p50), {} ms at \
                 worst.",
                busy * 100.0,
                ms(waits.p50),
                ms(waits.worst)
            ));
        }
        if let Some(knocked) = &self.connects {
            let Spread { p50, p999, worst } = Spread::of(knocked.waits.clone());
            lines.push(format!(
                "- {} connections, at most 500 at a time, at {:.0} a second, each with a handshake and a first message: {:?}; that took {} ms \
                 (p50), {} ms (p99.9), {} ms at worst.",
                knocked.started,
                knocked.started as f64 / knocked.time.as_secs_f64(),
                knocked.outcomes,
                ms(p50),
                ms(p999),
                ms(worst)
            ));
        }
        lines.join("\n")
    }
}

fn row(name: &str, mode: &Mode, outcome: &Outcome) -> String {
    let Spread { p50, p999, worst } = outcome.seen.lateness;
    let visits = Spread::of(outcome.visitors.waits.clone());
    let answered = outcome.visitors.outcomes.get("answered").copied().unwrap_or(0);
    let newcomers = format!("{answered} of {}, {} ms", outcome.visitors.started, ms(visits.worst));
    let ended = match outcome.freed_in {
        _ if !mode.is_ended => String::new(),
        Some(time) => format!("{:.1} s", time.as_secs_f64()),
        None => format!("{} left", outcome.after.saturating_sub(outcome.before.descriptors)),
    };
    format!(
        "| {name} | {} | {} | {} | {} | {} | {newcomers} | {} → {} | +{} | {:.1} s | {:.1} s | {ended} |",
        outcome.victim,
        ms(p50),
        ms(p999),
        ms(worst),
        lost(outcome),
        mib(outcome.before.rss),
        mib(outcome.most.rss),
        mib(outcome.most.kernel.saturating_sub(outcome.before.kernel)),
        outcome.most.processor.saturating_sub(outcome.before.processor).as_secs_f64(),
        outcome.waited().as_secs_f64(),
    )
}

/// What the canaries lost, and how many dates the server counted as too late to be sent.
fn lost(outcome: &Outcome) -> String {
    let skipped = outcome.dates.map_or(0, |dates| dates.skipped);
    let counted = if skipped > 0 { format!(" ({skipped} counted)") } else { String::new() };
    format!("{}{counted}", outcome.losses())
}

/// The day, in UTC.
fn date() -> String {
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let said = Command::new("date").args(["-u", "-d", &format!("@{seconds}"), "+%F"]).output();
    said.map_or_else(|_| String::new(), |said| String::from_utf8_lossy(&said.stdout).trim().to_owned())
}

/// The three load averages; the first one.
pub(crate) fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}

/// How far servers, canaries and attackers come before the machine's other work.
fn priority() -> String {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let nice = stat.rsplit(") ").next().and_then(|fields| fields.split(' ').nth(16));
    match nice {
        Some("0") | None => String::new(),
        Some(nice) => format!("; servers, canaries and attackers all ran with nice {nice}"),
    }
}

fn machine() -> String {
    let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let release = read("/etc/os-release");
    let name = release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).unwrap_or("Linux");
    let kernel = read("/proc/sys/kernel/osrelease");
    let kernel: Vec<&str> = kernel.trim().split('.').take(2).collect();
    let is_without_lto = std::env::var("CARGO_PROFILE_RELEASE_LTO").is_ok_and(|lto| lto == "off");
    let lto = if is_without_lto { " without link-time optimisation" } else { "" };
    format!("{cores} cores, {}, Linux {}, release builds{lto}", name.trim_matches('"'), kernel.join("."))
}
