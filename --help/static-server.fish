complete -c static-server -l listen -d 'Where to listen: ADDRESS:PORT or unix:PATH (repeatable; port 0: any free one)' -r
complete -c static-server -l root -d 'The directory to serve; it may be a link that a deployment turns to another release [default: the built-in page]' -r -F
complete -c static-server -l header -d 'Adds a header field to every answer of any status, or replaces ours; a `Vary` joins ours; what frames a message or describes one file (`Content-Length`, `ETag`) is refused (repeatable)' -r
complete -c static-server -l csp -d 'The Content-Security-Policy of the root\'s pages; the built-in page has its own' -r
complete -c static-server -l immutable -d 'Files that never change under their name, which browsers keep for a year without asking: a pattern of `*`, `**` (slashes, too) and `?` over the path, as `/assets/*`, or over the last segment, as `*.woff2`; never a page (repeatable)' -r
complete -c static-server -l cache-size -d 'Memory for ready answers, of all workers together (0: none)' -r
complete -c static-server -l ws-url -d 'Which ws-server the built-in page connects to: a `ws:` or `wss:` address, /PATH on the page\'s own origin, or PATH beside the page [default: the page\'s host, port 40132]' -r
complete -c static-server -l max-connections -d 'Most open connections, each of which may send a file (0: no limit) [default: half the limit of open files, less 64, and at least 16]' -r
complete -c static-server -l max-connections-per-ip -d 'Most open connections from one IPv4 address or IPv6 /64 (0: no limit)' -r
complete -c static-server -l max-head -d 'Longest request head' -r
complete -c static-server -l max-headers -d 'Most header fields of a request, at most 64' -r
complete -c static-server -l max-target -d 'Longest request target' -r
complete -c static-server -l head-timeout -d 'Longest time for a request head to arrive' -r
complete -c static-server -l keep-alive -d 'Longest time between an answer and the next request' -r
complete -c static-server -l keep-alive-requests -d 'Most requests on one connection (0: no limit)' -r
complete -c static-server -l write-timeout -d 'Longest time in which a client may take nothing of an answer' -r
complete -c static-server -l linger -d 'How long to read on from a connection after its last answer' -r
complete -c static-server -l drain-timeout -d 'Longest time to finish answers when the daemon stops' -r
complete -c static-server -l config -d 'Reads options from this TOML file; its keys are the flags\' names' -r -F
complete -c static-server -l reload -d 'Checks the configuration, has the daemon that runs as this process read it, and exits as --check does: for `ExecReload=` of a unit' -r
complete -c static-server -l log-level -d 'How much to log: off, error, warn, info, debug or trace' -r
complete -c static-server -l log-format -d 'How a line of the log is written: auto, text, journald or json (auto: journald where standard error goes there)' -r -f -a "auto\t'`journald` if standard error goes there, else `text`'
text\t'Time of day in UTC, level and message'
journald\t'Priority and message; journald adds the time'
json\t'A JSON object with `time`, `level` and `message`'"
complete -c static-server -l metrics -d 'Where to serve metrics (/metrics, for Prometheus) and health (/healthz) over HTTP: a loopback address and port, or unix:PATH [default: nowhere]' -r
complete -c static-server -l workers -d 'Number of threads that serve connections (0: one per core)' -r
complete -c static-server -l spa -d 'Answers paths that name no file, and have no extension, with the root\'s index.html'
complete -c static-server -l print-config -d 'Prints every option in force as TOML, with where it came from, and exits'
complete -c static-server -l check -d 'Checks the configuration and exits: 0, or 78 with what is wrong'
complete -c static-server -s h -l help -d 'Print help (see more with \'--help\')'
complete -c static-server -s V -l version -d 'Print version'
