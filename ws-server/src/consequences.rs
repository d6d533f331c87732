//! What follows from the options for others: defaults that depend on the source, and options that do nothing with it.

use daemon::Options;

use crate::{
    config::Config,
    stream::{Delivery, SourceKind},
};

impl Options for Config {
    fn defaults(&self) -> Vec<(&'static str, String)> {
        let stream = &self.stream;
        let delivery = if stream.delivery() == Delivery::Latest { "latest" } else { "ordered" };
        let template = if stream.is_clock() { "{date}" } else { "{line}" };
        let leave_notices = if self.leave_notices() { "on" } else { "off" };
        vec![
            ("delivery", delivery.to_owned()),
            ("history", stream.history().to_string()),
            ("greet", stream.greeted().to_string()),
            ("template", template.to_owned()),
            ("leave-notices", leave_notices.to_owned()),
        ]
    }

    fn without_effect(&self) -> Vec<(&'static str, String)> {
        let (stream, template) = (&self.stream, self.stream.template());
        let source = &stream.source;
        let is_clock = stream.is_clock();
        let writes_dates = template.has_date() || (is_clock && template.has_json());
        let lacks = |what: &str| format!("--source {source} has no {what}");
        // Each option, whether it does anything, and why not.
        let table = [
            // A leave notice is about a connection that lived for an interval.
            ("interval", is_clock || self.leave_notices(), lacks("dates of its own")),
            ("align", is_clock && !stream.interval.is_zero(), "there are no dates of a clock".to_owned()),
            ("format", writes_dates, "--template has no {date}".to_owned()),
            ("max-line", !is_clock, lacks("lines")),
            ("invalid-utf8", !is_clock, lacks("lines")),
            ("at-eof", *source == SourceKind::Stdin, lacks("end")),
            ("max-producers", matches!(source, SourceKind::Unix(_)), lacks("producers that connect")),
            (
                "max-backlog",
                !is_clock || stream.delivery() == Delivery::Ordered,
                "only the newest date counts".to_owned(),
            ),
            ("notice-rate", self.leave_notices(), "there are no leave notices".to_owned()),
            ("publish-token-file", *source == SourceKind::Http, lacks("publishers")),
            ("secure", self.access.legacy, "only the drafts of --legacy on need it".to_owned()),
        ];
        let idle = table.into_iter().filter(|(_, has_effect, _)| !has_effect);
        idle.map(|(name, _, why)| (name, why)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::config;

    /// The options without effect, beside these.
    fn idle(args: &[&str]) -> Vec<&'static str> {
        config(args).unwrap().without_effect().into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn every_source_names_the_options_that_do_nothing_with_it() {
        let (dates, lines) = (["interval", "align", "format"], ["max-line", "invalid-utf8"]);
        let with = |options: &[&'static str], more: &[&'static str]| [options, more].concat();
        for (args, expected) in [
            (&[][..], with(&lines, &["at-eof", "max-producers", "max-backlog"])),
            (&["--delivery", "ordered"], with(&lines, &["at-eof", "max-producers"])),
            (&["--source", "-"], with(&dates, &["max-producers", "notice-rate"])),
            (&["--source", "fifo:/f"], with(&dates, &["at-eof", "max-producers", "notice-rate"])),
            (&["--source", "unix:/s"], with(&dates, &["at-eof", "notice-rate"])),
        ] {
            assert_eq!(idle(args), with(&expected, &["publish-token-file"]), "{args:?}");
        }
        assert_eq!(idle(&["--source", "http"]), with(&dates, &["at-eof", "max-producers", "notice-rate"]));
    }

    #[test]
    fn other_options_give_an_option_its_effect_or_take_it() {
        for (args, name, is_idle) in [
            (&["--template", "{seq}"][..], "format", true),
            (&["--template", "{json}"], "format", false),
            (&["--source", "-", "--template", "{date} {line}"], "format", false),
            (&["--interval", "0"], "align", true),
            (&["--source", "-", "--leave-notices", "on"], "interval", false),
            (&["--leave-notices", "off"], "notice-rate", true),
            (&["--legacy", "off"], "secure", true),
            (&["--legacy", "on"], "secure", false),
        ] {
            assert_eq!(idle(args).contains(&name), is_idle, "{args:?}");
        }
    }

    #[test]
    fn each_default_that_follows_from_the_source_is_a_value_of_its_option() {
        for source in ["clock", "-"] {
            let defaults = config(&["--source", source]).unwrap().defaults();
            let mut args = vec!["--source".to_owned(), source.to_owned()];
            args.extend(defaults.iter().flat_map(|(name, value)| [format!("--{name}"), value.clone()]));
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            assert_eq!(config(&args).unwrap().defaults(), defaults);
        }
    }
}
