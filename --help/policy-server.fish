complete -c policy-server -l listen -d 'Where to listen: ADDRESS:PORT, NAME:PORT or unix:PATH (repeatable)' -r
complete -c policy-server -l allow -d 'Grants SWFs from this domain these ports, such as *.example.com:80,8000-8080 (repeatable)' -r
complete -c policy-server -l site-control -d 'Which policies count on this host: none, master-only or all' -r
complete -c policy-server -l file -d 'Serves this document (at most 20 KiB, checked at start) instead of one made from --allow' -r -F
complete -c policy-server -l lifetime -d 'How long a connection may take from its beginning to its end' -r
complete -c policy-server -l max-connections -d 'Open connections of the whole process (0: no limit)' -r
complete -c policy-server -l max-connections-per-ip -d 'Open connections from one IPv4 address or IPv6 /64; one more closes the oldest of them (0: no limit)' -r
complete -c policy-server -l linger -d 'How long to read on from a connection after its answer' -r
complete -c policy-server -l drain-timeout -d 'How long open connections may take when the daemon stops' -r
complete -c policy-server -l send-buffer -d 'The kernel\'s send buffer of a connection, in bytes' -r
complete -c policy-server -l config -d 'Reads options from this TOML file; its keys are the flags\' names' -r -F
complete -c policy-server -l reload -d 'Checks the configuration, has the daemon that runs as this process read it, and exits as --check does: for `ExecReload=` of a unit' -r
complete -c policy-server -l log-level -d 'How much to log: off, error, warn, info, debug or trace' -r
complete -c policy-server -l log-format -d 'How a line of the log is written: auto, text, journald or json (auto: journald where standard error goes there)' -r -f -a "auto\t'`journald` if standard error goes there, else `text`'
text\t'Time of day in UTC, level and message'
journald\t'Priority and message; journald adds the time'
json\t'A JSON object with `time`, `level` and `message`'"
complete -c policy-server -l metrics -d 'Where to serve metrics (/metrics, for Prometheus) and health (/healthz) over HTTP: a loopback address and port, or unix:PATH [default: nowhere]' -r
complete -c policy-server -l workers -d 'Number of threads that serve connections (0: one per core)' -r
complete -c policy-server -l print-config -d 'Prints every option in force as TOML, with where it came from, and exits'
complete -c policy-server -l check -d 'Checks the configuration and exits: 0, or 78 with what is wrong'
complete -c policy-server -s h -l help -d 'Print help (see more with \'--help\')'
complete -c policy-server -s V -l version -d 'Print version'
