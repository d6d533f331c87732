//! The settings that we recommend, and their comparison with those of a stream: pure.

use async_nats::jetstream::stream::{Config, DiscardPolicy, External, RetentionPolicy, Source, StorageType};
use common::id::Epoch;

use super::options::{CreateOptions, humantime_of};
use crate::epoch::{epoch_of, set_epoch};

/// A setting that a stream has otherwise than it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// The setting's name, as JetStream has it.
    pub(super) name: &'static str,
    pub(super) is: String,
    pub(super) should: String,
}

/// Makes the settings of a stream of this epoch.
pub(super) fn settings(options: &CreateOptions, epoch: Epoch) -> Config {
    let limit = |value: i64| if value == 0 { -1 } else { value };
    let mut config = Config {
        name: options.stream().to_owned(),
        num_replicas: usize::from(options.replicas),
        // A crash of the machine must not lose what was acknowledged.
        storage: StorageType::File,
        // A line stays until the limits below let it go, whoever has read it.
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::Old,
        max_messages: limit(i64::from(options.max_messages)),
        max_bytes: limit(i64::try_from(options.max_bytes).unwrap_or(i64::MAX)),
        max_age: options.max_age,
        max_messages_per_subject: -1,
        max_message_size: -1,
        max_consumers: -1,
        // Any server that has a copy may answer.
        allow_direct: true,
        ..Config::default()
    };
    if let Some(origin) = &options.mirror {
        let external = options
            .mirror_domain
            .as_ref()
            .map(|domain| External { api_prefix: format!("$JS.{domain}.API"), delivery_prefix: None });
        config.mirror = Some(Source { name: origin.to_string(), external, ..Source::default() });
        config.mirror_direct = true;
    } else {
        let subject = options.subject.clone().unwrap_or_else(|| options.stream().to_lowercase());
        config.subjects = vec![subject];
        config.duplicate_window = options.duplicate_window;
        // Lines in order at full speed; see `publish/queue.rs`.
        config.allow_atomic_publish = true;
    }
    set_epoch(&mut config, epoch);
    config
}

/// Names each setting of the stream that should be another.
pub(super) fn differences(is: &Config, should: &Config) -> Vec<Difference> {
    let shown = |config: &Config| -> Vec<(&'static str, String)> {
        let limit = |value: i64| if value <= 0 { "none".to_owned() } else { value.to_string() };
        let mirror = config.mirror.as_ref();
        let domain = mirror.and_then(|it| it.external.as_ref()).map(|it| format!(" ({})", it.api_prefix));
        let mut shown = vec![
            ("mirror", mirror.map_or("none".to_owned(), |it| it.name.clone() + &domain.unwrap_or_default())),
            ("subjects", config.subjects.join(", ")),
            ("num_replicas", config.num_replicas.to_string()),
            ("storage", format!("{:?}", config.storage).to_lowercase()),
            ("retention", format!("{:?}", config.retention).to_lowercase()),
            ("discard", format!("{:?}", config.discard).to_lowercase()),
            ("max_msgs", limit(config.max_messages)),
            ("max_msgs_per_subject", limit(config.max_messages_per_subject)),
            ("max_msg_size", limit(i64::from(config.max_message_size))),
            ("max_bytes", limit(config.max_bytes)),
            ("max_age", humantime_of(config.max_age)),
            ("no_ack", config.no_ack.to_string()),
            ("allow_direct", config.allow_direct.to_string()),
        ];
        if should.mirror.is_none() {
            shown.push(("duplicate_window", humantime_of(config.duplicate_window)));
            shown.push(("allow_atomic", config.allow_atomic_publish.to_string()));
        }
        shown
    };
    let pairs = shown(is).into_iter().zip(shown(should));
    let mut differences: Vec<Difference> = pairs
        .filter(|((_, is), (_, should))| is != should)
        .map(|((name, is), (_, should))| Difference { name, is, should })
        .collect();
    let (has, wanted) = (epoch_of(is), epoch_of(should));
    // Where nothing is mirrored, any epoch is right.
    if has.is_none() || (should.mirror.is_some() && has != wanted) {
        let shown = |epoch: Option<Epoch>| epoch.map_or("none".to_owned(), |epoch| epoch.to_string());
        differences.push(Difference { name: "datecast-epoch", is: shown(has), should: shown(wanted) });
    }
    differences
}

/// The stream's settings with the differences taken over; what we recommend nothing for stays.
pub(super) fn updated(is: &Config, should: &Config) -> Config {
    let mut config = Config {
        mirror: should.mirror.clone(),
        subjects: should.subjects.clone(),
        num_replicas: should.num_replicas,
        storage: should.storage,
        retention: should.retention,
        discard: should.discard,
        max_messages: should.max_messages,
        max_messages_per_subject: should.max_messages_per_subject,
        max_message_size: should.max_message_size,
        max_bytes: should.max_bytes,
        max_age: should.max_age,
        no_ack: should.no_ack,
        allow_direct: should.allow_direct,
        ..is.clone()
    };
    if should.mirror.is_none() {
        config.duplicate_window = should.duplicate_window;
        config.allow_atomic_publish = should.allow_atomic_publish;
    }
    let kept = epoch_of(is).filter(|_| should.mirror.is_none());
    if let Some(epoch) = epoch_of(should).filter(|_| kept.is_none()) {
        set_epoch(&mut config, epoch);
    }
    config
}

/// What the servers have made otherwise than it was asked for, as they are too old for it.
pub(super) fn lacks(made: &Config, asked: &Config) -> Vec<&'static str> {
    let mut lacks = Vec::new();
    if asked.allow_atomic_publish && !made.allow_atomic_publish {
        lacks.push("batches (nats-server 2.12), so that publish sends one line at a time");
    }
    if made.metadata.is_empty() && !asked.metadata.is_empty() {
        lacks.push(
            "metadata (nats-server 2.10); the epoch stands in the description, which must stay as it is",
        );
        lacks.push(
            "`sync_interval: always` (nats-server 2.10); a crash of the machines may lose lines that are acknowledged",
        );
    }
    lacks
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    fn asked(words: &str) -> Config {
        let args = ["create", "--stream", "LINES"].into_iter().chain(words.split_whitespace());
        settings(&CreateOptions::try_parse_from(args).unwrap(), Epoch::from_millis(7))
    }

    fn names(is: &Config, should: &Config) -> Vec<(&'static str, String, String)> {
        differences(is, should).into_iter().map(|it| (it.name, it.is, it.should)).collect()
    }

    #[test]
    fn the_same_settings_have_no_difference_and_any_epoch_is_right() {
        let mut is = asked("");
        set_epoch(&mut is, Epoch::from_millis(3));
        assert_eq!(names(&is, &asked("")), []);
        assert_eq!(epoch_of(&updated(&is, &asked(""))), Some(Epoch::from_millis(3)), "an epoch stays");
        assert_eq!(is.subjects, ["lines"]);
    }

    #[test]
    fn each_difference_is_named_with_both_values_and_taken_over_when_told() {
        let is = asked("");
        let should = asked("--replicas 3 --max-messages 0 --max-age 1h --subject other");
        let expected = [
            ("subjects", "lines", "other"),
            ("num_replicas", "1", "3"),
            ("max_msgs", "1000000", "none"),
            ("max_age", "0", "1h"),
        ];
        assert_eq!(
            names(&is, &should),
            expected.map(|(name, is, should)| (name, is.to_owned(), should.to_owned()))
        );
        assert_eq!(names(&updated(&is, &should), &should), []);
    }

    #[test]
    fn what_we_recommend_nothing_for_is_kept() {
        let is = Config { deny_delete: true, ..asked("") };
        assert!(updated(&is, &asked("--replicas 3")).deny_delete);
    }

    #[test]
    fn a_stream_of_other_origin_gets_an_epoch_only_when_told() {
        let is = Config { metadata: std::collections::HashMap::new(), description: None, ..asked("") };
        let epoch = ("datecast-epoch", "none".to_owned(), "000000000007".to_owned());
        assert_eq!(names(&is, &asked("")), [epoch]);
        assert_eq!(epoch_of(&updated(&is, &asked(""))), Some(Epoch::from_millis(7)));
    }

    #[test]
    fn a_mirror_has_the_epoch_of_its_origin_and_no_subject() {
        let should = asked("--mirror ORIGIN --mirror-domain hub");
        assert_eq!(should.subjects, Vec::<String>::new());
        assert!(!should.allow_atomic_publish);
        let mut is = should.clone();
        set_epoch(&mut is, Epoch::from_millis(3));
        let epoch = ("datecast-epoch", "000000000003".to_owned(), "000000000007".to_owned());
        assert_eq!(names(&is, &should), [epoch]);
        assert_eq!(names(&updated(&is, &should), &should), []);
        let other = names(&is, &asked("--mirror ORIGIN"));
        assert_eq!(other[0], ("mirror", "ORIGIN ($JS.hub.API)".to_owned(), "ORIGIN".to_owned()));
    }

    #[test]
    fn an_old_server_is_told_by_what_it_has_left_out() {
        let asked = asked("");
        assert_eq!(lacks(&asked, &asked), Vec::<&str>::new());
        let made = Config {
            metadata: std::collections::HashMap::new(),
            allow_atomic_publish: false,
            ..asked.clone()
        };
        assert_eq!(lacks(&made, &asked).len(), 3);
    }
}
