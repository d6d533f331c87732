//! Hosts and origins of requests and of options.

use common::host::Authority;
use common::host_list::{Host, HostList};
use common::origin::{Origin, OriginList, is_own};

use crate::input::Choices;

/// See the module.
pub fn run(input: &[u8]) {
    let choices = Choices::new(input);
    let bytes = choices.rest();
    if let Some(asked) = Authority::parse(bytes) {
        let again = Authority::parse(asked.host.to_string().as_bytes()).expect("its own host");
        assert_eq!(again.host, asked.host);
        let origin = [b"http://", bytes].concat();
        assert!(is_own(&origin, bytes), "its own pages");
        assert!(!is_own(&[&origin, &b".evil.example"[..]].concat(), bytes) || asked.port.is_some());
        assert!(!is_own(b"null", bytes) && !is_own(b"", bytes) && !is_own(bytes, bytes));
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(host) = text.parse::<Host>() {
        let list = HostList::from(vec![host]);
        let asked = Authority::parse(bytes).expect("what an option lists a request can ask for");
        assert!(list.has(&asked) && list.names().count() == 1, "{text}");
    }
    if let Ok(origin) = text.parse::<Origin>() {
        let host = origin.host();
        let list = OriginList::from(vec![origin]);
        assert!(!list.has(b"") && !list.has(b"http://"));
        assert_eq!(list.hosts().count(), usize::from(host.is_some()));
        // What a browser sends has no default port, and no slash at its end.
        assert!(
            list.has(text.to_ascii_lowercase().as_bytes())
                || text.ends_with(['0', '3', '/', '.'])
                || !text.is_ascii(),
            "{text}"
        );
    }
}
