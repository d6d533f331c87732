complete -c ws-server -l config -d 'Reads options from this TOML file; its keys are the flags\' names' -r -F
complete -c ws-server -l reload -d 'Checks the configuration, has the daemon that runs as this process read it, and exits as --check does: for `ExecReload=` of a unit' -r
complete -c ws-server -l log-level -d 'How much to log: off, error, warn, info, debug or trace' -r
complete -c ws-server -l log-format -d 'How a line of the log is written: auto, text, journald or json (auto: journald where standard error goes there)' -r -f -a "auto\t'`journald` if standard error goes there, else `text`'
text\t'Time of day in UTC, level and message'
journald\t'Priority and message; journald adds the time'
json\t'A JSON object with `time`, `level` and `message`'"
complete -c ws-server -l metrics -d 'Where to serve metrics (/metrics, for Prometheus) and health (/healthz) over HTTP: a loopback address and port, or unix:PATH [default: nowhere]' -r
complete -c ws-server -l workers -d 'Number of threads that serve connections (0: one per core)' -r
complete -c ws-server -l source -d 'Where the messages come from: clock, - (standard input), fifo:PATH or unix:PATH (a socket for many producers)' -r
complete -c ws-server -l delivery -d 'latest (a slow client misses messages) or ordered (none is lost; a client that is too slow is closed) [default: latest for the clock, ordered for lines]' -r -f -a "latest\t'A slow client skips to the newest message'
ordered\t'A client gets every message in order, or is closed as slow'"
complete -c ws-server -l history -d 'Messages that are repeated for a client that resumes, by ?since=ID or Last-Event-ID [default: 4096 if ordered, else 0]' -r
complete -c ws-server -l greet -d 'Newcomers get the last N messages at once [default: 10 for lines, or --history if that is less; 0 for the clock]' -r
complete -c ws-server -l at-eof -d 'When standard input ends: exit (clients get everything, then Close 1000; the exit code is 0) or keep (the connections)' -r -f -a "exit\t'Deliver what is there, close, and end'
keep\t'Go on without new messages'"
complete -c ws-server -l interval -d 'Time between two dates; 0: no dates' -r
complete -c ws-server -l format -d 'How a date is written: js, rfc3339, rfc2822, unix, or a description of the crate `time`, such as `[hour]:[minute]`' -r
complete -c ws-server -l template -d 'What a message says, such as `{"n":{seq},"text":{json}}`: {date}, {seq}, {line} (as it is) and {json} (the line, or the clock\'s date, as a JSON string with its quotes) are filled in, and {{word}} is the text {word}; any other {word} is refused [default: {date} for the clock, {line} for lines]' -r
complete -c ws-server -l max-backlog -d 'Bytes of memory for the messages that an ordered stream keeps, and for what is encoded of them' -r
complete -c ws-server -l leave-notices -d 'Tells all others when a client leaves (`17 disconnected`): on or off [default: on for the clock, off for lines]' -r
complete -c ws-server -l notice-rate -d 'Leave notices that a client gets in a second; the rest is one `N disconnected`' -r
complete -c ws-server -l hand-over -d 'Hands the live connections to the next process on USR2, through a service manager that keeps descriptors: on (as in its systemd unit) or off' -r
complete -c ws-server -l listen -d 'Where to listen: `[::]:PORT`, `HOST:PORT` or `unix:PATH` (repeatable)' -r
complete -c ws-server -l allow-origin -d 'Origin of a page that may connect, such as `https://example.org` (repeatable) [default: any]' -r
complete -c ws-server -l host -d 'Host under which the server is served: example.org (with any port) or example.org:8080; another one gets 403 (repeatable) [default: any]' -r
complete -c ws-server -l path -d 'Path that is served, such as /echo (repeatable) [default: any]' -r
complete -c ws-server -l protocol -d 'Subprotocol that may be chosen if a client offers it, such as chat.v1; a browser whose offers are all turned down gives up (repeatable) [default: none]' -r
complete -c ws-server -l legacy -d 'Serves the unmasked drafts hixie-75 and hixie-76, too: on or off' -r
complete -c ws-server -l policy -d 'What a Flash policy request gets here: DOMAIN:PORTS (repeatable), or off [default: any domain, or the hosts of --allow-origin, to this port]' -r
complete -c ws-server -l trusted-proxy -d 'Address or network of a proxy whose X-Forwarded-For, X-Forwarded-Proto and PROXY v2 headers count; `unix`: any client of a Unix socket (repeatable)' -r
complete -c ws-server -l max-connections -d 'Open connections; 0: no limit [default: the limit of open files, less 64, and at least 16]' -r
complete -c ws-server -l max-connections-per-ip -d 'Open connections from one IPv4 address or IPv6 /64 network; 0: no limit' -r
complete -c ws-server -l max-heads -d 'Share of the connections, in percent, that may be in their opening handshake' -r
complete -c ws-server -l send-buffer -d '`SO_SNDBUF` of a connection; 0: the system\'s' -r
complete -c ws-server -l linger -d 'How long to read on from a connection after its last answer, so that no reset eats the answer' -r
complete -c ws-server -l linger-bytes -d 'How many bytes to read on in that time' -r
complete -c ws-server -l drain-timeout -d 'How long connections may take to end when the daemon stops' -r
complete -c ws-server -l on-message -d 'What becomes of a client\'s message: ignore, echo or broadcast (to all others)' -r -f -a "ignore\t'Drop it, as in the tutorial'
echo\t'Send it back'
broadcast\t'Send it to all others'"
complete -c ws-server -l retry -d 'How long a browser waits at least before it reconnects to an event stream; each gets up to half as long again' -r
complete -c ws-server -l max-head -d 'Bytes of a request head' -r
complete -c ws-server -l max-headers -d 'Header fields of a request, at most 64' -r
complete -c ws-server -l max-target -d 'Bytes of a request target' -r
complete -c ws-server -l head-timeout -d 'How long an opening handshake may take' -r
complete -c ws-server -l max-message -d 'Bytes of a message from a client; 0: no limit' -r
complete -c ws-server -l max-fragments -d 'Fragments of a message from a client; 0: no limit' -r
complete -c ws-server -l message-rate -d 'Messages that a client may send in a second, and frames that say nothing; 0: no limit' -r
complete -c ws-server -l message-burst -d 'Messages that a client may send at once' -r
complete -c ws-server -l control-rate -d 'Pings and pongs that a client may send in a second; 0: no limit' -r
complete -c ws-server -l control-burst -d 'Pings and pongs that a client may send at once' -r
complete -c ws-server -l max-queue -d 'Bytes that are queued for one connection at a time' -r
complete -c ws-server -l write-timeout -d 'How long a client may take neither a whole message nor 4 KiB of what it is sent' -r
complete -c ws-server -l ping-interval -d 'Time between two pings, or keepalive probes where a dialect has no pings' -r
complete -c ws-server -l pong-timeout -d 'How long a client may take to answer a ping' -r
complete -c ws-server -l heartbeat -d 'Time between two comments in an event stream without messages' -r
complete -c ws-server -l close-timeout -d 'How long a closing handshake may take' -r
complete -c ws-server -l max-line -d 'Bytes of a line as the source has it; longer ones are dropped and counted' -r
complete -c ws-server -l invalid-utf8 -d 'What becomes of a line that is not UTF-8, and is counted: replace (what is invalid, by U+FFFD) or drop' -r -f -a "replace\t'Put U+FFFD in the place of what is invalid'
drop\t'Drop the line'"
complete -c ws-server -l max-producers -d 'Producers that may write to a unix: source at the same time' -r
complete -c ws-server -l print-config -d 'Prints every option in force as TOML, with where it came from, and exits'
complete -c ws-server -l check -d 'Checks the configuration and exits: 0, or 78 with what is wrong'
complete -c ws-server -l align -d 'Sends dates at whole intervals of the wall clock, instead of counting from each connection\'s opening'
complete -c ws-server -l secure -d 'Clients reach this server by wss://: answers hixie-75 and hixie-76 with that scheme'
complete -c ws-server -s h -l help -d 'Print help (see more with \'--help\')'
complete -c ws-server -s V -l version -d 'Print version'
