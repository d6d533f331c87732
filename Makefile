# The commands for a newcomer. `tests/run` lists the checks; tests/README.md says what each of them proves.

.PHONY: run help test test-all test-rust test-nats soak-simulated soak-nats bench-nats test-http test-clients test-policy test-metrics test-units test-dist test-proxies test-browser test-browsers \
	test-systemd test-fresh conformance mutants coverage zoo test-zoo planted inject inject-all

# Builds and starts the three daemons, prints the URL; Ctrl-C stops them. PAGE_PORT=, STREAM_PORT= and POLICY_PORT= choose
# other ports.
run:
	@PAGE_PORT="$(PAGE_PORT)" STREAM_PORT="$(STREAM_PORT)" POLICY_PORT="$(POLICY_PORT)" BINARIES="$(BINARIES)" tests/run-daemons

# Lists these commands.
help:
	@awk '/^# / { text = text (text ? "\n    " : "    ") substr($$0, 3); next } /^[a-z-]+:($$| )/ && text { sub(/:.*/, ""); print "make " $$0 "\n" text } { text = "" }' Makefile

# What can be proven with what the build needs: some minutes on two cores. It installs nothing and says what it leaves out.
test:
	@tests/run test

# The rest: it says what it installs (Debian packages, npm, PyPI), installs it and runs what `make test` left out.
test-all:
	@tests/run all

# One part of both: formatting, lints, documentation, unit and integration tests.
test-rust:
	@tests/run rust

.PHONY: fuzz

# Arbitrary bytes for every parser, guided by the code that they reach, with AddressSanitizer: needs a C++ compiler and libfuzzer-sys
# from crates.io. SECONDS=60 for each, TARGETS="heads frames" for some, ASAN=0 without the sanitizer, RECORD=1 adds to fuzz/results.md,
# KEEP=1 to the corpora.
fuzz:
	@tests/needs cargo c++ python3 && env SECONDS="$(SECONDS)" TARGETS="$(TARGETS)" ASAN="$(ASAN)" RECORD="$(RECORD)" KEEP="$(KEEP)" fuzz/run

# ws-server in storms of a simulated world, from many seeds, and for seven simulated days: SEEDS=2000, FIRST=0, STEPS=5000, DAYS=7.
# `make test` runs 200 seeds and one day.
soak-simulated:
	@tests/needs cargo cc && FIRST="$(or $(FIRST),0)" SEEDS="$(or $(SEEDS),2000)" STEPS="$(or $(STEPS),5000)" DAYS="$(or $(DAYS),7)" \
		CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
		cargo test --release --locked -p ws-server --lib -- --nocapture simulated::storm simulated::week

# The bridge to NATS: its own tests, and machines that show one stream, with real nats-servers that are killed.
test-nats:
	@tests/run nats

# The same machines and servers from many seeds: MINUTES=20, SEED=1.
soak-nats:
	@tests/nats/with tests/nats/soak

# What an engine costs, as ratios to the same without it, in about five minutes after a release build: lines per second, latency, the
# pause of a leader change, the refilling of a machine, memory. RECORD=1 writes docs/engine-figures.md.
bench-nats:
	@tests/needs cargo cc python3 && cargo build --quiet --release --locked --package ws-server && \
		BINARIES="$(or $(BINARIES),$(or $(CARGO_TARGET_DIR),target)/release)" tests/nats/with tests/nats/bench/run

# The table of raw requests against static-server, and nginx as its control.
test-http:
	@tests/run http

# Clients that other people wrote.
test-clients:
	@tests/run clients

# xmllint validates the policy document.
test-policy:
	@tests/run policy

# Metrics, health and logs of the three daemons; promtool checks the format.
test-metrics:
	@tests/run metrics

# Units, configuration, installation, manual pages, completions and the package, without a running systemd.
test-units:
	@tests/run units

# `make dist`, and its binary in an empty root as the Containerfile says (which needs root).
test-dist:
	@tests/run dist

# Page and stream behind nginx, HAProxy and Caddy, with the configurations of docs/proxies/.
test-proxies:
	@tests/run proxies

# The page in headless Chromium and Firefox.
test-browser:
	@tests/run browser

# The page in engines from 2001 on, the opening bytes of browsers that cannot be had (RECORD=1 writes docs/browsers.md), and WebSocket over
# Flash in Ruffle.
test-browsers:
	@tests/run browsers

# Attacks on the daemons and on npm ws and nginx, beside clients that behave: lateness, losses, memory, descriptors. In about ten minutes after a
# release build; it says what it fetches. PEERS=all: websocketd and nchan, too; MODES=never-reads,close-storm: only these. RECORD=1 writes
# docs/hostile.md, in about twenty.
zoo:
	@tests/hostile_zoo/run

# Attacks on the daemons in small, in about 20 s: canaries beside them miss nothing, and every attacker's connection ends.
test-zoo:
	@tests/run zoo

# The package on a real systemd in a container: restarts, crashes, upgrades, live connections, and each command of
# docs/operations.md. Needs root.
test-systemd:
	@tests/systemd/run

.PHONY: bench bench-quick bench-full

# What ours cost beside a bare loop of system calls and the best of what other people wrote, in about 20 minutes after a release build: CPU
# time for each message, request and connection, lateness, memory. QUICK=1: in two. CASES="dates policy" for some, RECORD=1 writes
# tests/bench/results/. It says first what it fetches.
bench:
	@tests/needs cargo cc python3 taskset && tests/bench/run $(if $(QUICK),--quick) --list $(CASES) >/dev/null && tests/bench/fetch && \
		RECORD="$(RECORD)" BINARIES="$(BINARIES)" tests/bench/run $(if $(QUICK),--quick) $(CASES)

# The same in two minutes: three short rounds of some cases.
bench-quick:
	@$(MAKE) --no-print-directory bench QUICK=1

# The same for all cases and all peers, in an hour and a half. A run that is cut off goes on behind the rounds that it has measured of the
# same build; MINUTES=30 stops it after so many, ANEW=1 begins again.
bench-full:
	@tests/needs cargo cc python3 taskset && tests/bench/run --full --list $(CASES) >/dev/null && tests/bench/fetch && RECORD="$(RECORD)" BINARIES="$(BINARIES)" \
		tests/bench/run --full $(if $(MINUTES),--minutes $(MINUTES)) $(if $(ANEW),--anew) $(CASES)

.PHONY: bench-profile

# For which of its source files a daemon takes its instructions for each message, request and connection (valgrind), of a release build that
# knows its lines, in target/bench/profiled. RECORD=1 writes tests/bench/results/profile.md.
PROFILED := $(or $(CARGO_TARGET_DIR),target)/bench/profiled
bench-profile:
	@tests/needs cargo valgrind python3 && CARGO_PROFILE_RELEASE_DEBUG=line-tables-only cargo build --release --locked -q -p ws-server -p static-server -p policy-server --bins --target-dir $(PROFILED) && \
		RECORD="$(RECORD)" BINARIES=$(PROFILED)/release tests/bench/profile $(CASES)

.PHONY: test-costs

# Instructions (valgrind) and system calls (strace) of the release build for each message, request and connection, and its wakeups while
# nothing happens, against the bounds of tests/bench/bounds.json: they do not wobble as times do. In half a minute.
test-costs:
	@tests/run costs

.PHONY: restarts soak

# ws-server killed, stopped and handed over under load, between builds whose states differ, behind a holder that plays systemd's part: in
# about twenty minutes. RECORD=1 writes docs/restarts.md.
restarts:
	@tests/needs cargo cc git python3 && tests/restarts/run

# A long run with thousands of clients that come and go, restarts, slow and hostile clients: does anything grow? TIME=1h, CLIENTS=10000.
# RECORD=1 writes docs/soak.md. `make soak-simulated` lets the clock run.
soak:
	@tests/needs cargo cc python3 && tests/restarts/run --soak $(or $(TIME),10m)

# The README on fresh Debian 12 and 13, made by mmdebstrap: every command of it, the tests, the package. Needs root.
test-fresh:
	@tests/fresh/run

# Plants one bug after the other, and sees whether the tests notice each; an hour or more on two cores, and a run that is cut off goes on
# where it was. It installs nothing. NAMES="ring-* accept-*" tries some of them; RECORD=1 writes docs/planted-bugs.md.
planted:
	@tests/needs cargo cc git python3 && tests/planted/run $(NAMES)

# Autobahn's WebSocket suite against ws-server (about ten minutes); writes docs/conformance.md.
conformance:
	@tests/conformance/run

# System calls of the release binaries that fail one at a time, by strace, beside clients that behave: in half a minute the telling errors
# of each call at its first two uses. It installs strace and python3 where they are missing.
inject:
	@tests/run inject

# All errors of tests/inject/faults.py at the first six uses, which takes some minutes: USES=6, BINARIES=. It installs nothing.
inject-all:
	@tests/needs cargo cc python3 strace && { [ -n "$(BINARIES)" ] || cargo build --release --locked -q -p ws-server -p static-server -p policy-server --bins; } && \
		BINARIES="$(BINARIES)" USES="$(or $(USES),6)" DEEP=1 tests/inject/run

# Would the tests notice? cargo-mutants changes one thing at a time in PACKAGE=common (or reactor), and a test should fail: MINUTES=10, and
# on from there the next time; SAMPLE=300, SEED=1. tests/strength/mutants says the rest. It needs cargo-mutants, and installs nothing.
mutants:
	@tests/needs cargo cc python3 && tests/strength/mutants

# Which lines of common and common/reactor the tests run, in per cent. It needs cargo-llvm-cov and LLVM's tools, and installs nothing.
coverage:
	@tests/needs cargo cc python3 && tests/strength/coverage

# Where `make install` puts things; DESTDIR comes in front of each path.
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
UNITDIR ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
BASHDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR ?= $(PREFIX)/share/zsh/site-functions
FISHDIR ?= $(PREFIX)/share/fish/vendor_completions.d
# Existing binaries to take instead of a release build; manual pages and completions likewise.
BINARIES ?=
MANUAL ?=
# Not exported: a make that a test starts must not inherit them.
folders = DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" SYSCONFDIR="$(SYSCONFDIR)" UNITDIR="$(UNITDIR)" \
	SYSUSERSDIR="$(SYSUSERSDIR)" BASHDIR="$(BASHDIR)" ZSHDIR="$(ZSHDIR)" FISHDIR="$(FISHDIR)"

built := $(or $(BINARIES),$(or $(CARGO_TARGET_DIR),target)/release)
manual := $(or $(MANUAL),target/manual)

# The bridge to NATS is built apart from the daemons: who has no use for it does not compile its crates.
NATS_BINARIES ?=
NATS_MANUAL ?=
nats_built := $(or $(NATS_BINARIES),$(or $(CARGO_TARGET_DIR),datecast-nats/target)/release)
nats_manual := $(or $(NATS_MANUAL),target/manual-nats)

.PHONY: install uninstall deb dist binaries manual options install-nats uninstall-nats deb-nats binaries-nats manual-nats

# The programs with their units, configuration, manual pages and completions. It enables and starts nothing.
install: binaries manual
	@$(folders) systemd/install datecast $(built) $(manual)

# Removes what `make install` put there, but for changed configuration.
uninstall:
	@$(folders) systemd/install datecast --uninstall

# The same for the bridge to NATS: datecast-nats, its unit, manual pages and completions.
install-nats: binaries-nats manual-nats
	@$(folders) systemd/install datecast-nats $(nats_built) $(nats_manual)

# Removes what `make install-nats` put there.
uninstall-nats:
	@$(folders) systemd/install datecast-nats --uninstall

# target/debian/datecast_VERSION_ARCH.deb, and datecast.deb as a link to it.
deb: binaries manual
	@systemd/debian/build datecast $(built) $(manual)

# target/debian/datecast-nats_VERSION_ARCH.deb, and datecast-nats.deb as a link to it.
deb-nats: binaries-nats manual-nats
	@systemd/debian/build datecast-nats $(nats_built) $(nats_manual)

# target/dist/datecast-VERSION-ARCH-linux: one static binary that is all of it, an archive with the licences, and SHA256SUMS.
dist:
	@systemd/dist

binaries:
	@[ -n "$(BINARIES)" ] || { tests/needs cargo cc && cargo build --release --locked --workspace --bins; }

binaries-nats:
	@[ -n "$(NATS_BINARIES)" ] || { tests/needs cargo cc && cargo build --release --locked --manifest-path datecast-nats/Cargo.toml --workspace --bins; }

manual-nats: binaries-nats
	@[ -n "$(NATS_MANUAL)" ] || $(nats_built)/datecast-nats-manual $(nats_manual) "$$(git log -1 --format=%cs 2>/dev/null || date +%F)"

# Manual pages and completions, from the options of the daemons themselves.
manual: binaries
	@[ -n "$(MANUAL)" ] || $(built)/datecast-manual $(manual) "$$(git log -1 --format=%cs 2>/dev/null || date +%F)"

# docs/options.md, from the command lines; a test of `make test` fails where it is older.
options:
	@tests/needs cargo cc && cargo run --quiet --locked --package datecast-manual -- --options docs/options.md
