//! Where a stream keeps its epoch: in its metadata, or in its description where the server (before 2.10) has no metadata.

use async_nats::jetstream::stream::Config;
use common::id::Epoch;

/// The key of the metadata, and the word in the description.
const KEY: &str = "datecast-epoch";

/// Reads the epoch of a stream; nothing if it was made by other means.
pub(crate) fn epoch_of(config: &Config) -> Option<Epoch> {
    let described = || {
        let mut words = config.description.as_deref()?.split_whitespace();
        words.find_map(|word| word.strip_prefix(KEY)?.strip_prefix('='))
    };
    parse(config.metadata.get(KEY).map(String::as_str).or_else(described)?)
}

/// Writes the epoch into a stream's settings, in both places.
pub(crate) fn set_epoch(config: &mut Config, epoch: Epoch) {
    config.metadata.insert(KEY.to_owned(), epoch.to_string());
    config.description = Some(format!("{KEY}={epoch}"));
}

/// Twelve hexadecimal digits in lower case.
fn parse(text: &str) -> Option<Epoch> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let millis =
        u64::from_str_radix(text, 16).ok().filter(|_| text.len() == 12 && text.bytes().all(is_digit))?;
    Some(Epoch::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_is_found_again_with_and_without_metadata() {
        let epoch = Epoch::from_millis(1_285_175_062_000);
        let mut config = Config::default();
        assert_eq!(epoch_of(&config), None);
        set_epoch(&mut config, epoch);
        assert_eq!(config.metadata.get("datecast-epoch").map(String::as_str), Some("012b3a672df0"));
        assert_eq!(epoch_of(&config), Some(epoch));
        config.metadata.clear();
        assert_eq!(epoch_of(&config), Some(epoch), "an old server lets the metadata go");
        config.description = Some("Berlin's lines, datecast-epoch=012b3a672df0 as made".to_owned());
        assert_eq!(epoch_of(&config), Some(epoch));
        for wrong in ["datecast-epoch=12", "datecast-epoch=012B3A672DF0", "datecast-epoch", "lines"] {
            config.description = Some(wrong.to_owned());
            assert_eq!(epoch_of(&config), None, "{wrong}");
        }
    }
}
