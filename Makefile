# What a newcomer types. `tests/run` says which checks there are; tests/README.md says what each of them proves.

.PHONY: run test test-rust test-http test-clients test-policy test-proxies test-browser conformance

# Builds and starts the three daemons, prints the URL; Ctrl-C stops them.
run:
	@tests/run-daemons

# Everything that can be proven in about ten minutes on two cores; installs what the tests need.
test:
	@tests/run all

# One part of it: formatting, lints, documentation, purity of the core, unit and integration tests.
test-rust:
	@tests/run rust

# The table of raw requests against static-server, and nginx as its control.
test-http:
	@tests/run http

# Clients that other people wrote.
test-clients:
	@tests/run clients

# The policy document, judged by xmllint.
test-policy:
	@tests/run policy

# Page and stream behind nginx, HAProxy and Caddy, with the configurations of docs/proxies/.
test-proxies:
	@tests/run proxies

# The page in headless Chromium and Firefox.
test-browser:
	@tests/run browser

# Autobahn's WebSocket suite against ws-server (about ten minutes); writes docs/conformance.md.
conformance:
	@tests/conformance/run
