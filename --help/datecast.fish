# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_datecast_global_optspecs
    string join \n config= print-config check reload= log-format= metrics= workers= delivery= history= greet= interval= align format= template= max-backlog= leave-notices= notice-rate= path= protocol= legacy= trusted-proxy= secure max-connections= max-connections-per-ip= max-heads= send-buffer= linger= linger-bytes= drain-timeout= on-message= retry= max-head= max-headers= max-target= head-timeout= max-message= max-fragments= message-rate= message-burst= control-rate= control-burst= max-queue= write-timeout= ping-interval= pong-timeout= heartbeat= close-timeout= max-line= invalid-utf8= max-producers= root= spa header= csp= immutable= cache-size= keep-alive= keep-alive-requests= allow-origin= host= policy= listen= source= at-eof= log-level= hand-over= h/help V/version
end

function __fish_datecast_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_datecast_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_datecast_using_subcommand
    set -l cmd (__fish_datecast_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c datecast -n "__fish_datecast_needs_command" -l config -d 'Reads options from this TOML file; its keys are the flags\' names' -r -F
complete -c datecast -n "__fish_datecast_needs_command" -l reload -d 'Checks the configuration, has the daemon that runs as this process read it, and exits as --check does: for `ExecReload=` of a unit' -r
complete -c datecast -n "__fish_datecast_needs_command" -l log-format -d 'How a line of the log is written: auto, text, journald or json (auto: journald where standard error goes there)' -r -f -a "auto\t'`journald` if standard error goes there, else `text`'
text\t'Time of day in UTC, level and message'
journald\t'Priority and message; journald adds the time'
json\t'A JSON object with `time`, `level` and `message`'"
complete -c datecast -n "__fish_datecast_needs_command" -l metrics -d 'Where to serve metrics (/metrics, for Prometheus) and health (/healthz) over HTTP: a loopback address and port, or unix:PATH [default: nowhere]' -r
complete -c datecast -n "__fish_datecast_needs_command" -l workers -d 'Number of threads that serve connections (0: one per core)' -r
complete -c datecast -n "__fish_datecast_needs_command" -l delivery -d 'latest (a slow client misses messages) or ordered (none is lost; a client that is too slow is closed) [default: latest for the clock, ordered for lines]' -r -f -a "latest\t'A slow client skips to the newest message'
ordered\t'A client gets every message in order, or is closed as slow'"
complete -c datecast -n "__fish_datecast_needs_command" -l history -d 'Messages that are repeated for a client that resumes, by ?since=ID or Last-Event-ID [default: 4096 if ordered, else 0]' -r
complete -c datecast -n "__fish_datecast_needs_command" -l greet -d 'Newcomers get the last N messages at once [default: 10 for lines, or --history if that is less; 0 for the clock]' -r
complete -c datecast -n "__fish_datecast_needs_command" -l interval -d 'Time between two dates; 0: no dates' -r
complete -c datecast -n "__fish_datecast_needs_command" -l format -d 'How a date is written: js, rfc3339, rfc2822, unix, or a description of the crate `time`, such as `[hour]:[minute]`' -r
complete -c datecast -n "__fish_datecast_needs_command" -l template -d 'What a message says, such as `{"n":{seq},"text":{json}}`: {date}, {seq}, {line} (as it is) and {json} (the line, or the clock\'s date, as a JSON string with its quotes) are filled in, and {{word}} is the text {word}; any other {word} is refused [default: {date} for the clock, {line} for lines]' -r
complete -c datecast -n "__fish_datecast_needs_command" -l max-backlog -d 'Bytes of memory for the messages that an ordered stream keeps, and for what is encoded of them' -r
complete -c datecast -n "__fish_datecast_needs_command" -l leave-notices -d 'Tells all others when a client leaves (`17 disconnected`): on or off [default: on for the clock, off for lines]' -r
complete -c datecast -n "__fish_datecast_needs_command" -l notice-rate -d 'Leave notices that a client gets in a second; the rest is one `N disconnected`' -r
complete -c datecast -n "__fish_datecast_needs_command" -l path -d 'Path that is served, such as /echo (repeatable) [default: any]' -r
complete -c datecast -n "__fish_datecast_needs_command" -l protocol -d 'Subprotocol that may be chosen if a client offers it, such as chat.v1; a browser whose offers are all turned down gives up (repeatable) [default: none]' -r
complete -c datecast -n "__fish_datecast_needs_command" -l legacy -d 'Serves the unmasked drafts hixie-75 and hixie-76, too: on or off' -r
complete -c datecast -n "__fish_datecast_needs_command" -l trusted-proxy -d 'Address or network of a proxy whose X-Forwarded-For, X-Forwarded-Proto and PROXY v2 headers count; `unix`: any client of a Unix socket (repeatable)' -r
complete -c datecast -n "__fish_datecast_needs_command" -l max-connections -d 'Open connections; 0: no limit [default: the limit of open files, less 64, and at least 16]' -r
complete -c datecast -n "__fish_datecast_needs_command" -l max-connections-per-ip -d 'Open connections from one IPv4 address or IPv6 /64 network; 0: no limit' -r
complete -c datecast -n "__fish_datecast_needs_command" -l max-heads -d 'Share of the connections, in percent, that may be in their opening handshake' -r
complete -c datecast -n "__fish_datecast_needs_command" -l send-buffer -d '`SO_SNDBUF` of a connection; 0: the system\'s' -r
complete -c datecast -n "__fish_datecast_needs_command" -l linger -d 'How long to read on from a connection after its last answer, so that no reset eats the answer' -r
complete -c datecast -n "__fish_datecast_needs_command" -l linger-bytes -d 'How many bytes to read on in that time' -r
complete -c datecast -n "__fish_datecast_needs_command" -l drain-timeout -d 'How long connections may take to end when the daemon stops' -r
complete -c datecast -n "__fish_datecast_needs_command" -l on-message -d 'What becomes of a client\'s message: ignore, echo or broadcast (to all others)' -r -f -a "ignore\t'Drop it, as in the tutorial'
echo\t'Send it back'
broadcast\t'Send it to all others'"
complete -c datecast -n "__fish_datecast_needs_command" -l retry -d 'How long a browser waits at least before it reconnects to an event stream; each gets up to half as long again' -r
complete -c datecast -n "__fish_datecast_needs_command" -l max-head -d 'Bytes of a request head' -r
complete -c datecast -n "__fish_datecast_needs_command" -l max-headers -d 'Header fields of a request, at most 64' -r
complete -c datecast -n "__fish_datecast_needs_command" -l max-target -d 'Bytes of a request target' -r
complete -c datecast -n "__fish_datecast_needs_command" -l head-timeout -d 'How long an opening handshake may take' -r
complete -c datecast -n "__fish_datecast_needs_command" -l max-message -d 'Bytes of a message from a client; 0: no limit' -r
complete -c datecast -n "__fish_datecast_needs_command" -l max-fragments -d 'Fragments of a message from a client; 0: no limit' -r
complete -c datecast -n "__fish_datecast_needs_command" -l message-rate -d 'Messages that a client may send in a second, and frames that say nothing; 0: no limit' -r
complete -c datecast -n "__fish_datecast_needs_command" -l message-burst -d 'Messages that a client may send at once' -r
complete -c datecast -n "__fish_datecast_needs_command" -l control-rate -d 'Pings and pongs that a client may send in a second; 0: no limit' -r
complete -c datecast -n "__fish_datecast_needs_command" -l control-burst -d 'Pings and pongs that a client may send at once' -r
complete -c datecast -n "__fish_datecast_needs_command" -l max-queue -d 'Bytes that are queued for one connection at a time' -r
complete -c datecast -n "__fish_datecast_needs_command" -l write-timeout -d 'How long a client may take neither a whole message nor 4 KiB of what it is sent' -r
complete -c datecast -n "__fish_datecast_needs_command" -l ping-interval -d 'Time between two pings, or keepalive probes where a dialect has no pings' -r
complete -c datecast -n "__fish_datecast_needs_command" -l pong-timeout -d 'How long a client may take to answer a ping' -r
complete -c datecast -n "__fish_datecast_needs_command" -l heartbeat -d 'Time between two comments in an event stream without messages' -r
complete -c datecast -n "__fish_datecast_needs_command" -l close-timeout -d 'How long a closing handshake may take' -r
complete -c datecast -n "__fish_datecast_needs_command" -l max-line -d 'Bytes of a line as the source has it; longer ones are dropped and counted' -r
complete -c datecast -n "__fish_datecast_needs_command" -l invalid-utf8 -d 'What becomes of a line that is not UTF-8, and is counted: replace (what is invalid, by U+FFFD) or drop' -r -f -a "replace\t'Put U+FFFD in the place of what is invalid'
drop\t'Drop the line'"
complete -c datecast -n "__fish_datecast_needs_command" -l max-producers -d 'Producers that may write to a unix: source at the same time' -r
complete -c datecast -n "__fish_datecast_needs_command" -l root -d 'The directory to serve; it may be a link that a deployment turns to another release [default: the built-in page]' -r -F
complete -c datecast -n "__fish_datecast_needs_command" -l header -d 'Adds a header field to every answer of any status, or replaces ours; a `Vary` joins ours; what frames a message or describes one file (`Content-Length`, `ETag`) is refused (repeatable)' -r
complete -c datecast -n "__fish_datecast_needs_command" -l csp -d 'The Content-Security-Policy of the root\'s pages; the built-in page has its own' -r
complete -c datecast -n "__fish_datecast_needs_command" -l immutable -d 'Files that never change under their name, which browsers keep for a year without asking: a pattern of `*`, `**` (slashes, too) and `?` over the path, as `/assets/*`, or over the last segment, as `*.woff2`; never a page (repeatable)' -r
complete -c datecast -n "__fish_datecast_needs_command" -l cache-size -d 'Memory for ready answers, of all workers together (0: none)' -r
complete -c datecast -n "__fish_datecast_needs_command" -l keep-alive -d 'Longest time between an answer and the next request' -r
complete -c datecast -n "__fish_datecast_needs_command" -l keep-alive-requests -d 'Most requests on one connection (0: no limit)' -r
complete -c datecast -n "__fish_datecast_needs_command" -l allow-origin -d 'Origin of another page that may read, such as `https://example.org` (repeatable) [default: its own pages alone]' -r
complete -c datecast -n "__fish_datecast_needs_command" -l host -d 'Host under which it is served: example.org (with any port) or example.org:8080; another one gets 403 (repeatable) [default: localhost, 127.0.0.1 and [::1] on a loopback address, which always count there; any on others]' -r
complete -c datecast -n "__fish_datecast_needs_command" -l policy -d 'What a Flash policy request gets: DOMAIN:PORTS (repeatable), or off [default: localhost, 127.0.0.1 and the hosts of --host and --allow-origin, to this port]' -r
complete -c datecast -n "__fish_datecast_needs_command" -l listen -d 'Where to listen: `localhost:PORT`, `[::]:PORT` (for other machines, too), `HOST:PORT` or `unix:PATH` (repeatable) [default: localhost, port 8080 or the next free one]' -r
complete -c datecast -n "__fish_datecast_needs_command" -l source -d 'Where the messages come from: clock, - (standard input), fifo:PATH or unix:PATH [default: standard input if it is a pipe, a socket or a file, else the clock]' -r
complete -c datecast -n "__fish_datecast_needs_command" -l at-eof -d 'When standard input ends: exit (clients get everything, then Close 1000; the exit code is 0) or keep (the connections)' -r -f -a "exit\t'Deliver what is there, close, and end'
keep\t'Go on without new messages'"
complete -c datecast -n "__fish_datecast_needs_command" -l log-level -d 'How much to log: off, error, warn, info, debug or trace' -r
complete -c datecast -n "__fish_datecast_needs_command" -l hand-over -d 'Hands the live connections to the next process on USR2, through a service manager that keeps descriptors: on (as in its systemd unit) or off' -r
complete -c datecast -n "__fish_datecast_needs_command" -l print-config -d 'Prints every option in force as TOML, with where it came from, and exits'
complete -c datecast -n "__fish_datecast_needs_command" -l check -d 'Checks the configuration and exits: 0, or 78 with what is wrong'
complete -c datecast -n "__fish_datecast_needs_command" -l align -d 'Sends dates at whole intervals of the wall clock, instead of counting from each connection\'s opening'
complete -c datecast -n "__fish_datecast_needs_command" -l secure -d 'Clients reach this server by wss://: answers hixie-75 and hixie-76 with that scheme'
complete -c datecast -n "__fish_datecast_needs_command" -l spa -d 'Answers paths that name no file, and have no extension, with the root\'s index.html'
complete -c datecast -n "__fish_datecast_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c datecast -n "__fish_datecast_needs_command" -s V -l version -d 'Print version'
complete -c datecast -n "__fish_datecast_needs_command" -a "ws-server" -d 'One numbered stream of lines or dates to every browser ever shipped.'
complete -c datecast -n "__fish_datecast_needs_command" -a "policy-server" -d 'Tells Flash clients which sockets they may open'
complete -c datecast -n "__fish_datecast_needs_command" -a "static-server" -d 'Serves static files over HTTP/1.1; without --root the built-in page of datecast'
complete -c datecast -n "__fish_datecast_needs_command" -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l config -d 'Reads options from this TOML file; its keys are the flags\' names' -r -F
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l reload -d 'Checks the configuration, has the daemon that runs as this process read it, and exits as --check does: for `ExecReload=` of a unit' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l log-level -d 'How much to log: off, error, warn, info, debug or trace' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l log-format -d 'How a line of the log is written: auto, text, journald or json (auto: journald where standard error goes there)' -r -f -a "auto\t'`journald` if standard error goes there, else `text`'
text\t'Time of day in UTC, level and message'
journald\t'Priority and message; journald adds the time'
json\t'A JSON object with `time`, `level` and `message`'"
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l metrics -d 'Where to serve metrics (/metrics, for Prometheus) and health (/healthz) over HTTP: a loopback address and port, or unix:PATH [default: nowhere]' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l workers -d 'Number of threads that serve connections (0: one per core)' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l source -d 'Where the messages come from: clock, - (standard input), fifo:PATH or unix:PATH (a socket for many producers)' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l delivery -d 'latest (a slow client misses messages) or ordered (none is lost; a client that is too slow is closed) [default: latest for the clock, ordered for lines]' -r -f -a "latest\t'A slow client skips to the newest message'
ordered\t'A client gets every message in order, or is closed as slow'"
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l history -d 'Messages that are repeated for a client that resumes, by ?since=ID or Last-Event-ID [default: 4096 if ordered, else 0]' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l greet -d 'Newcomers get the last N messages at once [default: 10 for lines, or --history if that is less; 0 for the clock]' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l at-eof -d 'When standard input ends: exit (clients get everything, then Close 1000; the exit code is 0) or keep (the connections)' -r -f -a "exit\t'Deliver what is there, close, and end'
keep\t'Go on without new messages'"
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l interval -d 'Time between two dates; 0: no dates' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l format -d 'How a date is written: js, rfc3339, rfc2822, unix, or a description of the crate `time`, such as `[hour]:[minute]`' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l template -d 'What a message says, such as `{"n":{seq},"text":{json}}`: {date}, {seq}, {line} (as it is) and {json} (the line, or the clock\'s date, as a JSON string with its quotes) are filled in, and {{word}} is the text {word}; any other {word} is refused [default: {date} for the clock, {line} for lines]' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l max-backlog -d 'Bytes of memory for the messages that an ordered stream keeps, and for what is encoded of them' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l leave-notices -d 'Tells all others when a client leaves (`17 disconnected`): on or off [default: on for the clock, off for lines]' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l notice-rate -d 'Leave notices that a client gets in a second; the rest is one `N disconnected`' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l hand-over -d 'Hands the live connections to the next process on USR2, through a service manager that keeps descriptors: on (as in its systemd unit) or off' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l listen -d 'Where to listen: `[::]:PORT`, `HOST:PORT` or `unix:PATH` (repeatable)' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l allow-origin -d 'Origin of a page that may connect, such as `https://example.org` (repeatable) [default: any]' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l host -d 'Host under which the server is served: example.org (with any port) or example.org:8080; another one gets 403 (repeatable) [default: any]' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l path -d 'Path that is served, such as /echo (repeatable) [default: any]' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l protocol -d 'Subprotocol that may be chosen if a client offers it, such as chat.v1; a browser whose offers are all turned down gives up (repeatable) [default: none]' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l legacy -d 'Serves the unmasked drafts hixie-75 and hixie-76, too: on or off' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l policy -d 'What a Flash policy request gets here: DOMAIN:PORTS (repeatable), or off [default: any domain, or the hosts of --allow-origin, to this port]' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l trusted-proxy -d 'Address or network of a proxy whose X-Forwarded-For, X-Forwarded-Proto and PROXY v2 headers count; `unix`: any client of a Unix socket (repeatable)' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l max-connections -d 'Open connections; 0: no limit [default: the limit of open files, less 64, and at least 16]' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l max-connections-per-ip -d 'Open connections from one IPv4 address or IPv6 /64 network; 0: no limit' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l max-heads -d 'Share of the connections, in percent, that may be in their opening handshake' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l send-buffer -d '`SO_SNDBUF` of a connection; 0: the system\'s' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l linger -d 'How long to read on from a connection after its last answer, so that no reset eats the answer' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l linger-bytes -d 'How many bytes to read on in that time' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l drain-timeout -d 'How long connections may take to end when the daemon stops' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l on-message -d 'What becomes of a client\'s message: ignore, echo or broadcast (to all others)' -r -f -a "ignore\t'Drop it, as in the tutorial'
echo\t'Send it back'
broadcast\t'Send it to all others'"
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l retry -d 'How long a browser waits at least before it reconnects to an event stream; each gets up to half as long again' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l max-head -d 'Bytes of a request head' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l max-headers -d 'Header fields of a request, at most 64' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l max-target -d 'Bytes of a request target' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l head-timeout -d 'How long an opening handshake may take' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l max-message -d 'Bytes of a message from a client; 0: no limit' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l max-fragments -d 'Fragments of a message from a client; 0: no limit' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l message-rate -d 'Messages that a client may send in a second, and frames that say nothing; 0: no limit' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l message-burst -d 'Messages that a client may send at once' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l control-rate -d 'Pings and pongs that a client may send in a second; 0: no limit' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l control-burst -d 'Pings and pongs that a client may send at once' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l max-queue -d 'Bytes that are queued for one connection at a time' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l write-timeout -d 'How long a client may take neither a whole message nor 4 KiB of what it is sent' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l ping-interval -d 'Time between two pings, or keepalive probes where a dialect has no pings' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l pong-timeout -d 'How long a client may take to answer a ping' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l heartbeat -d 'Time between two comments in an event stream without messages' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l close-timeout -d 'How long a closing handshake may take' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l max-line -d 'Bytes of a line as the source has it; longer ones are dropped and counted' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l invalid-utf8 -d 'What becomes of a line that is not UTF-8, and is counted: replace (what is invalid, by U+FFFD) or drop' -r -f -a "replace\t'Put U+FFFD in the place of what is invalid'
drop\t'Drop the line'"
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l max-producers -d 'Producers that may write to a unix: source at the same time' -r
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l print-config -d 'Prints every option in force as TOML, with where it came from, and exits'
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l check -d 'Checks the configuration and exits: 0, or 78 with what is wrong'
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l align -d 'Sends dates at whole intervals of the wall clock, instead of counting from each connection\'s opening'
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -l secure -d 'Clients reach this server by wss://: answers hixie-75 and hixie-76 with that scheme'
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c datecast -n "__fish_datecast_using_subcommand ws-server" -s V -l version -d 'Print version'
complete -c datecast -n "__fish_datecast_using_subcommand policy-server" -l listen -d 'Where to listen: ADDRESS:PORT, NAME:PORT or unix:PATH (repeatable)' -r
complete -c datecast -n "__fish_datecast_using_subcommand policy-server" -l allow -d 'Grants SWFs from this domain these ports, such as *.example.com:80,8000-8080 (repeatable)' -r
complete -c datecast -n "__fish_datecast_using_subcommand policy-server" -l site-control -d 'Which policies count on this host: none, master-only or all' -r
complete -c datecast -n "__fish_datecast_using_subcommand policy-server" -l file -d 'Serves this document (at most 20 KiB, checked at start) instead of one made from --allow' -r -F
complete -c datecast -n "__fish_datecast_using_subcommand policy-server" -l lifetime -d 'How long a connection may take from its beginning to its end' -r
complete -c datecast -n "__fish_datecast_using_subcommand policy-server" -l max-connections -d 'Open connections of the whole process (0: no limit)' -r
complete -c datecast -n "__fish_datecast_using_subcommand policy-server" -l max-connections-per-ip -d 'Open connections from one IPv4 address or IPv6 /64; one more closes the oldest of them (0: no limit)' -r
complete -c datecast -n "__fish_datecast_using_subcommand policy-server" -l linger -d 'How long to read on from a connection after its answer' -r
complete -c datecast -n "__fish_datecast_using_subcommand policy-server" -l drain-timeout -d 'How long open connections may take when the daemon stops' -r
complete -c datecast -n "__fish_datecast_using_subcommand policy-server" -l send-buffer -d 'The kernel\'s send buffer of a connection, in bytes' -r
complete -c datecast -n "__fish_datecast_using_subcommand policy-server" -l config -d 'Reads options from this TOML file; its keys are the flags\' names' -r -F
complete -c datecast -n "__fish_datecast_using_subcommand policy-server" -l reload -d 'Checks the configuration, has the daemon that runs as this process read it, and exits as --check does: for `ExecReload=` of a unit' -r
complete -c datecast -n "__fish_datecast_using_subcommand policy-server" -l log-level -d 'How much to log: off, error, warn, info, debug or trace' -r
complete -c datecast -n "__fish_datecast_using_subcommand policy-server" -l log-format -d 'How a line of the log is written: auto, text, journald or json (auto: journald where standard error goes there)' -r -f -a "auto\t'`journald` if standard error goes there, else `text`'
text\t'Time of day in UTC, level and message'
journald\t'Priority and message; journald adds the time'
json\t'A JSON object with `time`, `level` and `message`'"
complete -c datecast -n "__fish_datecast_using_subcommand policy-server" -l metrics -d 'Where to serve metrics (/metrics, for Prometheus) and health (/healthz) over HTTP: a loopback address and port, or unix:PATH [default: nowhere]' -r
complete -c datecast -n "__fish_datecast_using_subcommand policy-server" -l workers -d 'Number of threads that serve connections (0: one per core)' -r
complete -c datecast -n "__fish_datecast_using_subcommand policy-server" -l print-config -d 'Prints every option in force as TOML, with where it came from, and exits'
complete -c datecast -n "__fish_datecast_using_subcommand policy-server" -l check -d 'Checks the configuration and exits: 0, or 78 with what is wrong'
complete -c datecast -n "__fish_datecast_using_subcommand policy-server" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c datecast -n "__fish_datecast_using_subcommand policy-server" -s V -l version -d 'Print version'
complete -c datecast -n "__fish_datecast_using_subcommand static-server" -l listen -d 'Where to listen: ADDRESS:PORT or unix:PATH (repeatable; port 0: any free one)' -r
complete -c datecast -n "__fish_datecast_using_subcommand static-server" -l root -d 'The directory to serve; it may be a link that a deployment turns to another release [default: the built-in page]' -r -F
complete -c datecast -n "__fish_datecast_using_subcommand static-server" -l header -d 'Adds a header field to every answer of any status, or replaces ours; a `Vary` joins ours; what frames a message or describes one file (`Content-Length`, `ETag`) is refused (repeatable)' -r
complete -c datecast -n "__fish_datecast_using_subcommand static-server" -l csp -d 'The Content-Security-Policy of the root\'s pages; the built-in page has its own' -r
complete -c datecast -n "__fish_datecast_using_subcommand static-server" -l immutable -d 'Files that never change under their name, which browsers keep for a year without asking: a pattern of `*`, `**` (slashes, too) and `?` over the path, as `/assets/*`, or over the last segment, as `*.woff2`; never a page (repeatable)' -r
complete -c datecast -n "__fish_datecast_using_subcommand static-server" -l cache-size -d 'Memory for ready answers, of all workers together (0: none)' -r
complete -c datecast -n "__fish_datecast_using_subcommand static-server" -l ws-url -d 'Which ws-server the built-in page connects to: a `ws:` or `wss:` address, /PATH on the page\'s own origin, or PATH beside the page [default: the page\'s host, port 40132]' -r
complete -c datecast -n "__fish_datecast_using_subcommand static-server" -l max-connections -d 'Most open connections, each of which may send a file (0: no limit) [default: half the limit of open files, less 64, and at least 16]' -r
complete -c datecast -n "__fish_datecast_using_subcommand static-server" -l max-connections-per-ip -d 'Most open connections from one IPv4 address or IPv6 /64 (0: no limit)' -r
complete -c datecast -n "__fish_datecast_using_subcommand static-server" -l max-head -d 'Longest request head' -r
complete -c datecast -n "__fish_datecast_using_subcommand static-server" -l max-headers -d 'Most header fields of a request, at most 64' -r
complete -c datecast -n "__fish_datecast_using_subcommand static-server" -l max-target -d 'Longest request target' -r
complete -c datecast -n "__fish_datecast_using_subcommand static-server" -l head-timeout -d 'Longest time for a request head to arrive' -r
complete -c datecast -n "__fish_datecast_using_subcommand static-server" -l keep-alive -d 'Longest time between an answer and the next request' -r
complete -c datecast -n "__fish_datecast_using_subcommand static-server" -l keep-alive-requests -d 'Most requests on one connection (0: no limit)' -r
complete -c datecast -n "__fish_datecast_using_subcommand static-server" -l write-timeout -d 'Longest time in which a client may take nothing of an answer' -r
complete -c datecast -n "__fish_datecast_using_subcommand static-server" -l linger -d 'How long to read on from a connection after its last answer' -r
complete -c datecast -n "__fish_datecast_using_subcommand static-server" -l drain-timeout -d 'Longest time to finish answers when the daemon stops' -r
complete -c datecast -n "__fish_datecast_using_subcommand static-server" -l config -d 'Reads options from this TOML file; its keys are the flags\' names' -r -F
complete -c datecast -n "__fish_datecast_using_subcommand static-server" -l reload -d 'Checks the configuration, has the daemon that runs as this process read it, and exits as --check does: for `ExecReload=` of a unit' -r
complete -c datecast -n "__fish_datecast_using_subcommand static-server" -l log-level -d 'How much to log: off, error, warn, info, debug or trace' -r
complete -c datecast -n "__fish_datecast_using_subcommand static-server" -l log-format -d 'How a line of the log is written: auto, text, journald or json (auto: journald where standard error goes there)' -r -f -a "auto\t'`journald` if standard error goes there, else `text`'
text\t'Time of day in UTC, level and message'
journald\t'Priority and message; journald adds the time'
json\t'A JSON object with `time`, `level` and `message`'"
complete -c datecast -n "__fish_datecast_using_subcommand static-server" -l metrics -d 'Where to serve metrics (/metrics, for Prometheus) and health (/healthz) over HTTP: a loopback address and port, or unix:PATH [default: nowhere]' -r
complete -c datecast -n "__fish_datecast_using_subcommand static-server" -l workers -d 'Number of threads that serve connections (0: one per core)' -r
complete -c datecast -n "__fish_datecast_using_subcommand static-server" -l spa -d 'Answers paths that name no file, and have no extension, with the root\'s index.html'
complete -c datecast -n "__fish_datecast_using_subcommand static-server" -l print-config -d 'Prints every option in force as TOML, with where it came from, and exits'
complete -c datecast -n "__fish_datecast_using_subcommand static-server" -l check -d 'Checks the configuration and exits: 0, or 78 with what is wrong'
complete -c datecast -n "__fish_datecast_using_subcommand static-server" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c datecast -n "__fish_datecast_using_subcommand static-server" -s V -l version -d 'Print version'
complete -c datecast -n "__fish_datecast_using_subcommand help; and not __fish_seen_subcommand_from ws-server policy-server static-server help" -f -a "ws-server" -d 'One numbered stream of lines or dates to every browser ever shipped.'
complete -c datecast -n "__fish_datecast_using_subcommand help; and not __fish_seen_subcommand_from ws-server policy-server static-server help" -f -a "policy-server" -d 'Tells Flash clients which sockets they may open'
complete -c datecast -n "__fish_datecast_using_subcommand help; and not __fish_seen_subcommand_from ws-server policy-server static-server help" -f -a "static-server" -d 'Serves static files over HTTP/1.1; without --root the built-in page of datecast'
complete -c datecast -n "__fish_datecast_using_subcommand help; and not __fish_seen_subcommand_from ws-server policy-server static-server help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
