//! What is wrong with a server, a stream or a right, in words that say what to do: pure.

use daemon::{DaemonError, Exit};

/// What stands in the way, and whether waiting may help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// It may pass by itself: a leader is elected, a server comes back, somebody makes room.
    pub(crate) passes: bool,
    /// With what code the program ends where it does not try again.
    pub(crate) exit: Exit,
    /// The stream is not there.
    pub(crate) is_missing: bool,
    /// One sentence that says what to do.
    pub(crate) message: String,
}

impl Problem {
    /// A problem that may pass.
    pub(crate) fn passing(message: impl Into<String>) -> Self {
        Self { passes: true, exit: Exit::Unavailable, is_missing: false, message: message.into() }
    }

    /// A problem that only a person can solve.
    pub(crate) fn lasting(exit: Exit, message: impl Into<String>) -> Self {
        Self { passes: false, exit, is_missing: false, message: message.into() }
    }

    /// What an error of JetStream's means to this stream; `code` is its `err_code`, 10000 and above.
    pub(crate) fn of_jetstream(code: u64, description: &str, stream: &str) -> Self {
        use Exit::{Config, Permission, Unavailable};
        match code {
            10059 => {
                let what = "makes it (upper and lower case count)";
                let message =
                    format!("there is no stream {stream}; `datecast-nats create --stream {stream}` {what}");
                Self { is_missing: true, ..Self::lasting(Unavailable, message) }
            }
            10076 => Self::lasting(
                Unavailable,
                "the server has no JetStream; start it with `nats-server -js`, or put `jetstream { store_dir: … }` into its configuration",
            ),
            10039 => Self::lasting(
                Unavailable,
                "JetStream is off for this account; put `jetstream: enabled` into it in the server's configuration, or log in to another account",
            ),
            10074 => Self::lasting(
                Unavailable,
                "this server is alone, and replicas need a cluster; say --replicas 1, or make a cluster of three servers",
            ),
            10005 => Self::lasting(
                Unavailable,
                format!(
                    "the cluster has too few servers for that many replicas, or they have no room ({description}); say fewer --replicas, or wait until all are up"
                ),
            ),
            10023 | 10028 | 10047 => Self::passing(format!(
                "the servers have no room for the stream {stream} ({description}); see max_file and max_mem in `jetstream {{ … }}`, and the disks"
            )),
            10002 | 10026 | 10027 | 10122 => Self::lasting(
                Unavailable,
                format!(
                    "the limits of this account do not allow it ({description}); raise them in the server's configuration"
                ),
            ),
            10060 => Self::lasting(
                Config,
                format!("the subject belongs to another stream than {stream}; say the --subject of this one"),
            ),
            10065 => Self::lasting(
                Config,
                format!("another stream has this subject already ({description}); say another --subject"),
            ),
            10077 => Self::passing(format!(
                "the stream {stream} is full, and its setting `discard: new` refuses new messages ({description}); `discard: old` lets the oldest go"
            )),
            10109 => Self::lasting(
                Permission,
                format!("the stream {stream} is sealed; nothing can be added to it"),
            ),
            10008 | 10009 => Self::passing(
                "the servers have no leader at the moment; most of them must be up and see each other",
            ),
            10052 => Self::lasting(Config, format!("the server refuses these settings ({description})")),
            _ if code == 0 => Self::passing(format!("the server refuses it ({description})")),
            _ => Self::passing(format!("JetStream refuses it ({description}, error {code})")),
        }
    }

    /// What an error that the server sends by itself means: `Permissions Violation for Publish to "lines"`.
    pub(crate) fn of_server(error: &str) -> Self {
        let lower = error.to_ascii_lowercase();
        if lower.contains("permissions violation") {
            let what = format!("this user may not do this ({error}); {RIGHTS}");
            return Self::lasting(Exit::Permission, what);
        }
        if lower.contains("authorization") || lower.contains("authentication") {
            return Self::lasting(Exit::Permission, LOGIN);
        }
        Self::passing(format!("the server says: {error}"))
    }
}

/// How the server lets somebody in.
pub(crate) const LOGIN: &str = "the server does not let this user in; see --credentials, --nkey, --user with --password-file, \
     --token-file, --tls-certificate, and `authorization` or `accounts` in the server's configuration";

/// Which rights each command needs.
const RIGHTS: &str = "follow needs the right to publish to $JS.API.STREAM.INFO.NAME and $JS.API.CONSUMER.>, and of a mirror to the STREAM.INFO of \
     its origin ($JS.DOMAIN.API.STREAM.INFO.NAME in another domain), publish the first two and the stream's subject, create $JS.API.>, and each the \
     right to subscribe to _INBOX.>";

impl From<Problem> for DaemonError {
    fn from(problem: Problem) -> Self {
        Self::new(problem.exit, problem.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_that_waiting_does_not_solve_says_what_does() {
        for (code, words, exit) in [
            (10059, "datecast-nats create --stream LINES", Exit::Unavailable),
            (10076, "nats-server -js", Exit::Unavailable),
            (10039, "jetstream: enabled", Exit::Unavailable),
            (10074, "--replicas 1", Exit::Unavailable),
            (10005, "fewer --replicas", Exit::Unavailable),
            (10060, "--subject", Exit::Config),
            (10065, "--subject", Exit::Config),
        ] {
            let problem = Problem::of_jetstream(code, "as the server says", "LINES");
            assert!(problem.message.contains(words), "{code}: {}", problem.message);
            assert_eq!((problem.exit, problem.passes), (exit, false), "{code}");
        }
    }

    #[test]
    fn what_may_pass_is_tried_again() {
        for code in [0, 10008, 10023, 10077, 10158, 19999] {
            assert!(Problem::of_jetstream(code, "busy", "LINES").passes, "{code}");
        }
        assert!(Problem::of_server("slow consumer").passes);
    }

    #[test]
    fn a_right_that_is_missing_is_named() {
        let problem = Problem::of_server("Permissions Violation for Publish to \"lines\"");
        assert!(problem.message.contains("Publish to \"lines\"") && problem.message.contains("$JS.API"));
        assert_eq!((problem.exit, problem.passes), (Exit::Permission, false));
        assert_eq!(Problem::of_server("Authorization Violation").message, LOGIN);
    }
}
