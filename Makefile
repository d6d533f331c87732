# The commands for a newcomer. `tests/run` lists the checks; tests/README.md says what each of them proves.

.PHONY: run test test-rust test-http test-clients test-policy test-metrics test-units test-proxies test-browser test-systemd conformance

# Builds and starts the three daemons, prints the URL; Ctrl-C stops them.
run:
	@tests/run-daemons

# All checks that fit into about ten minutes on two cores; installs what they need.
test:
	@tests/run all

# One part of it: formatting, lints, documentation, unit and integration tests.
test-rust:
	@tests/run rust

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

# Page and stream behind nginx, HAProxy and Caddy, with the configurations of docs/proxies/.
test-proxies:
	@tests/run proxies

# The page in headless Chromium and Firefox.
test-browser:
	@tests/run browser

# The package on a real systemd in a container: restarts, crashes, upgrades, live connections. Needs root.
test-systemd:
	@tests/systemd/run

# Autobahn's WebSocket suite against ws-server (about ten minutes); writes docs/conformance.md.
conformance:
	@tests/conformance/run

# Where `make install` puts things; DESTDIR comes in front of each path.
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
UNITDIR ?= $(PREFIX)/lib/systemd/system
BASHDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR ?= $(PREFIX)/share/zsh/site-functions
FISHDIR ?= $(PREFIX)/share/fish/vendor_completions.d
# Existing binaries to take instead of a release build; manual pages and completions likewise.
BINARIES ?=
MANUAL ?=
# Not exported: a make that a test starts must not inherit them.
folders = DESTDIR="$(DESTDIR)" PREFIX="$(PREFIX)" SYSCONFDIR="$(SYSCONFDIR)" UNITDIR="$(UNITDIR)" \
	BASHDIR="$(BASHDIR)" ZSHDIR="$(ZSHDIR)" FISHDIR="$(FISHDIR)"

built := $(or $(BINARIES),target/release)
manual := $(or $(MANUAL),target/manual)

.PHONY: install uninstall deb binaries manual

# The daemons with their units, configuration, manual pages and completions. It enables and starts nothing.
install: binaries manual
	@$(folders) systemd/install $(built) $(manual)

# Removes what `make install` put there, but for changed configuration.
uninstall:
	@$(folders) systemd/install --uninstall

# target/debian/datecast_VERSION_ARCH.deb, and datecast.deb as a link to it.
deb: binaries manual
	@systemd/debian/build $(built) $(manual)

binaries:
	@[ -n "$(BINARIES)" ] || cargo build --release --locked --workspace --bins

# Manual pages and completions, from the options of the daemons themselves.
manual: binaries
	@[ -n "$(MANUAL)" ] || $(built)/datecast-manual $(manual) "$$(git log -1 --format=%cs 2>/dev/null || date +%F)"
