#!/usr/bin/env python3
"""What the figures of `make bench` rest on: medians of ratios within rounds, their spread, the kept results of a long run, the table."""

import contextlib
import dataclasses
import io
import json
import os
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from xml.etree import ElementTree

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "load_generator"), str(HERE.parent / "shared")]

import bench
import cases
import charts
import counts
import drivers
import foreign
import lab
import loads
import profiles
import reasons
import results
import servers
import store
import tables
import targets
import usage
from pairs import best, best_peer, column, middle, ratio, turns
from plan import Plan
from targets import Target, missed


def sample(us, **more):
    return {"us": us, "units": 10, "faults": 0, **more}


def case(rounds, absent=None, targets=()):
    kinds = {"ours": "ours", "ours, deferred accept": "ours", "floor": "floor", "floor, deferred accept": "floor", "a": "peer", "b": "peer",
             "nginx, sendfile": "peer", "nginx, sendfile off": "peer", "lighttpd": "peer"}
    seen = {name for entry in rounds for name in entry}
    servers = [{"name": name, "kind": kind, "command": f"{name} --listen", "configuration": ""} for name, kind in kinds.items() if name in seen]
    return {"name": "dates", "title": "a date", "group": "messages", "figure": "us", "unit": "µs", "rounds": rounds, "absent": absent or {},
            "targets": [dataclasses.asdict(target) for target in targets], "servers": servers}


class Arithmetic(unittest.TestCase):
    def test_a_ratio_is_taken_within_a_round_and_not_between_the_medians(self):
        rounds = [{"ours": sample(10), "floor": sample(1)}, {"ours": sample(20), "floor": sample(10)}, {"ours": sample(10), "floor": sample(2)}]
        self.assertEqual(ratio(rounds, "ours", "floor", "us"), [10, 2, 5])
        self.assertEqual(middle(ratio(rounds, "ours", "floor", "us"))[0], 5)
        # Of the medians it would be 10 / 2.
        self.assertEqual(middle(column(rounds, "ours", "us"))[0] / middle(column(rounds, "floor", "us"))[0], 5)
        self.assertEqual(middle([3, 1, 2, 4, 5]), (3, 2, 4))
        self.assertEqual(middle([7]), (7, 7, 7))

    def test_a_round_in_which_one_was_not_measured_gives_no_ratio(self):
        rounds = [{"ours": sample(4), "a": sample(2)}, {"ours": sample(400)}, {"a": sample(1)}]
        self.assertEqual(ratio(rounds, "ours", "a", "us"), [2])
        self.assertEqual(column(rounds, "a", "us"), [2, 1])

    def test_every_second_round_is_the_other_way_round(self):
        self.assertEqual([turns("abc", number) for number in range(3)], [["a", "b", "c"], ["c", "b", "a"], ["a", "b", "c"]])

    def test_the_best_peer_has_the_least_median(self):
        rounds = [{"a": sample(1), "b": sample(3)}, {"a": sample(9), "b": sample(3)}, {"a": sample(9), "b": sample(100)}]
        self.assertEqual(best(rounds, ["a", "b", "absent"], "us"), "b")
        self.assertIsNone(best(rounds, ["absent"], "us"))

    def test_a_peer_that_fails_is_the_best_only_where_there_is_no_other(self):
        failing = {"a": sample(1) | {"faults": 0.01}}
        self.assertEqual(best_peer(case([failing | {"b": sample(3)}])), "b")
        self.assertEqual(best_peer(case([failing])), "a")
        self.assertIsNone(best_peer(case([{"ours": sample(1)}])))


class Targets(unittest.TestCase):
    def test_a_target_is_met_or_missed_by_the_median_of_the_ratios(self):
        rounds = [{"ours": sample(us), "floor": sample(10), "a": sample(20)} for us in (10, 12, 90)]
        told = case(rounds)
        self.assertEqual(Target("floor", 1.2).told(told), "≤ ×1.20 floor: met")
        self.assertEqual(Target("floor", 1.1).told(told), "≤ ×1.10 floor: **missed**, ×1.20")
        self.assertEqual(Target("peer", 0.6).told(told), "≤ ×0.600 peer: met")
        self.assertEqual(Target("ours", 11, unit="µs").told(told), "≤ 11.0 µs: **missed**, 12.0")

    def test_a_target_beside_nginx_is_beside_its_best_settings_whatever_other_peer_is_better(self):
        told = case([{"ours": sample(8), "nginx, sendfile": sample(16), "nginx, sendfile off": sample(10), "lighttpd": sample(5)}])
        self.assertEqual(Target("nginx", 0.8).told(told), "≤ ×0.800 nginx, sendfile off: met")
        self.assertEqual(Target("nginx", 0.8).told(case([{"ours": sample(8)}])), "≤ ×0.800 nginx: not measured")
        self.assertEqual(Target("peer", 0.8).told(told), "≤ ×0.800 peer: **missed**, ×1.60")

    def test_a_floor_of_a_deferred_accept_is_compared_with_ours_on_such_a_listener(self):
        entry = {"ours": sample(100), "ours, deferred accept": sample(11), "floor": sample(10), "floor, deferred accept": sample(10)}
        self.assertEqual(Target("floor, deferred accept", 1.2).value(case([entry])), 1.1)
        without = {name: entry[name] for name in ("ours", "floor", "floor, deferred accept")}
        self.assertEqual(Target("floor, deferred accept", 1.2).value(case([without])), 10)

    def test_a_figure_within_a_spread_has_a_target_and_one_that_is_not_there_is_not_measured(self):
        late = Target("ours", 1.2, "late_ms p99", "ms")
        self.assertEqual(late.told(case([{"ours": sample(1, late_ms={"p99": 1.5})}])), "lateness p99: ≤ 1.20 ms: **missed**, 1.50")
        self.assertEqual(Target("ours", 5, "pong_ms max", "ms").told(case([{"ours": sample(1, pong_ms={"max": 2})}])), "longest wait for a Pong: ≤ 5.00 ms: met")
        self.assertEqual(late.told(case([{"ours": sample(1)}])), "lateness p99: ≤ 1.20 ms: not measured")

    def test_a_reason_stands_only_beside_a_target_that_is_missed(self):
        entry = {"ours": sample(12), "floor": sample(10)}
        for most, expected in ((1.3, False), (1.1, True)):
            told = case([entry], targets=[Target("floor", most)])
            self.assertEqual(missed(told), expected)
            self.assertEqual("a date" in tables.reasons([told]), expected)
        self.assertFalse(missed(case([{"floor": sample(10)}], targets=[Target("floor", 1)])))

    def test_each_figure_that_has_a_target_has_words(self):
        figures = {target.figure for each in cases.cases() for target in each.targets if target.figure}
        self.assertLessEqual(figures, set(targets.WORDS))

    def test_each_reason_belongs_to_a_case(self):
        self.assertLessEqual(set(reasons.REASONS), {each.name for each in cases.cases()})


class Table(unittest.TestCase):
    def test_a_row_has_ours_both_floors_and_the_best_peer(self):
        entry = {"ours": sample(6, late_ms={"p50": 0, "p99": 1.25, "max": 3}), "floor": sample(4), "floor, deferred accept": sample(3), "a": sample(12)}
        row = tables.row(case([entry, entry, entry]))
        for text in ("×1.50 (1.50 to 1.50)", "deferred accept ×2.00 (2.00 to 2.00)", "| a |", "×0.500 (0.500 to 0.500)", "0 / 1.25 / 3.00"):
            self.assertIn(text, row)

    def test_the_middle_and_the_worst_connection_have_their_lateness_and_old_samples_none(self):
        each = lambda *three: {"late_each_ms": dict(zip(("typical", "worst", "always"), three, strict=True))}  # noqa: E731
        new = {"ours": sample(6, **each(1.5, 7, 0)), "floor": sample(4), "a": sample(12, **each(2, 3, 1))}
        self.assertEqual(tables.each_of(case([new])), "ours 1.50 / 7.00 / 0<br>a 2.00 / 3.00 / 1.00")
        self.assertEqual(tables.each_of(case([{"ours": sample(6)}])), "")

    def test_an_absent_peer_is_said_and_has_no_figure(self):
        told = case([{"ours": sample(6), "floor": sample(4)}], absent={"uWebSockets": "no library"})
        self.assertIn("| none |", tables.row(told))
        self.assertIn("**uWebSockets is absent**: no library", "".join(tables.others([told])))

    def test_a_peer_that_was_there_and_gave_no_figure_is_said(self):
        told = case([{"ours": sample(6), "a": sample(5), "b": sample(9)}])
        told["rounds"] = [{"ours": sample(6), "a": sample(5)}]
        self.assertIn("**b has no figure**", "".join(tables.others([told])))
        self.assertNotIn("**a has", "".join(tables.others([told])))

    def test_ours_on_a_deferred_listener_stands_beside_the_floor_on_one(self):
        entry = {"ours": sample(6), "ours, deferred accept": sample(4), "floor": sample(4), "floor, deferred accept": sample(4)}
        self.assertIn("deferred accept ×1.00 (1.00 to 1.00)", tables.row(case([entry])))

    def test_each_row_has_as_many_cells_as_the_head(self):
        for group in tables.GROUPS:
            lines = tables.table(group, [case([{"ours": sample(6), "floor": sample(4)}]) | {"group": group}]).splitlines()
            rows = [line for line in lines if line.startswith("|")]
            self.assertEqual({line.count("|") for line in rows}, {rows[0].count("|")}, group)

    def test_a_newcomer_waits_for_no_pong_of_a_server_that_sends_none(self):
        waits = {"p50": 1, "p99": 2, "max": 3}
        told = case([{"ours": sample(6, opening_ms=waits, pong_ms=waits), "floor": sample(4, opening_ms=waits), "a": sample(5)}])
        (line,) = tables.newcomers([told])
        self.assertTrue(line.endswith("ours: an opening handshake 1.00 / 2.00 / 3.00 ms, a Pong 1.00 / 2.00 / 3.00 ms; floor: an opening handshake 1.00 / 2.00 / 3.00 ms\n"), line)

    def test_what_is_no_default_is_in_force(self):
        self.assertEqual(servers.differences('listen = ["[::]:80"] # default\nworkers = 1 # --workers\n# metrics is not set\n'), "workers = 1 # --workers")

    def test_failed_exchanges_are_told(self):
        entry = {"ours": sample(6), "a": sample(3) | {"faults": 0.05}}
        self.assertIn("up to 5.0% failed", tables.row(case([entry])))


class Published(unittest.TestCase):
    """What stands in results/, and what the next run would write there."""

    def test_the_pages_and_charts_are_those_of_the_samples(self):
        for run in results.recorded():
            for name, text in results.pages(run).items():
                self.assertEqual((results.RESULTS / name).read_text(), text, f"tests/bench/run --render writes {name}")

    def test_what_was_recorded_has_the_titles_and_targets_that_its_cases_have_now(self):
        for run in results.recorded():
            for old, new in zip(run.cases, results.renewed(run).cases, strict=True):
                for part in ("title", "targets"):
                    self.assertEqual(old[part], new[part], f"{run.form}.json, {old['name']}: tests/bench/run --render writes it")

    def test_the_samples_get_the_title_and_targets_of_their_case_and_one_that_is_gone_keeps_its_own(self):
        now = cases.cases()[0]
        old = {"name": now.name, "title": "as it was", "targets": [], "rounds": [{"ours": sample(6)}]}
        run = results.Run("full", 1, "", "", "", "", 0, 0, {}, {}, [old, old | {"name": "no case any more"}])
        known, gone = results.renewed(run).cases
        self.assertEqual((known["title"], targets.targets(known), known["rounds"]), (now.title, list(now.targets), old["rounds"]))
        self.assertEqual(gone, run.cases[1])

    def test_the_page_of_the_counts_is_that_of_the_bounds(self):
        self.assertEqual(counts.PAGE.read_text(), counts.page(json.loads(counts.BOUNDS.read_text())), "tests/bench/run --render writes it")

    def test_no_result_names_a_home_or_a_temporary_folder(self):
        for path in results.RESULTS.iterdir():
            self.assertNotRegex(path.read_text(), r"/(root|home|Users|tmp|var/tmp)/", path.name)

    def test_a_command_names_no_path_of_this_machine(self):
        with tempfile.TemporaryDirectory() as folder:
            here = lab.Lab(folder)
            for name, command in ((each.name, server.command(here, 1)) for each in cases.cases() for server in each.servers):
                # What a system has everywhere may be named.
                alien = [word for word in map(here.public, command) if word.startswith("/") and not word.startswith(("/usr/", "/dev/"))]
                self.assertEqual(alien, [], name)
                self.assertNotIn(sys.executable, " ".join(map(here.public, command)), name)


class Charts(unittest.TestCase):
    def test_a_chart_is_well_formed_and_has_each_bar(self):
        entry = {"ours": sample(6, late_ms={"p50": 0, "p99": 1.25, "max": 3}), "floor": sample(4), "a": sample(12)}
        drawn = charts.charts([case([entry])])
        self.assertEqual(set(drawn), {"cost", "lateness"})
        texts = [element.text for element in ElementTree.fromstring(drawn["cost"]).iter() if element.text]
        self.assertIn("×1.50", texts)
        self.assertIn("×3.00 a", texts)
        self.assertIn("prefers-color-scheme: dark", drawn["cost"])

    def test_a_bar_that_is_much_longer_than_the_others_is_cut_off_and_its_text_is_not(self):
        drawn = charts.charts([case([{"ours": sample(us), "floor": sample(1)}]) | {"title": str(us)} for us in (2, 19)])["cost"]
        widths = [float(element.get("width")) for element in ElementTree.fromstring(drawn).iter() if element.get("class") == "ours" and element.get("height") == str(charts.BAR)]
        self.assertEqual(widths[1], 2 * widths[0])
        self.assertIn("×19.0", drawn)

    def test_the_cost_of_a_date_is_drawn_over_the_number_of_clients(self):
        told = [case([{"ours": sample(us)}]) | {"name": name} for name, us in (("dates-1k", 6), ("dates-19k", 5), ("dates-1k-aligned", 4))]
        self.assertEqual([(label, bars[0][1]) for label, bars in charts.scaling(told)], [("1,000 clients", 6), ("19,000 clients", 5)])
        self.assertEqual(charts.scaling(told[:1]), [])

    def test_the_chart_of_costs_has_no_row_for_what_only_the_full_form_measures(self):
        told = case([{"ours": sample(5), "floor": sample(4)}])
        self.assertTrue(charts.costs([told]))
        self.assertEqual(charts.costs([told | {"usual": False}]), [])

    def test_nothing_measured_is_no_chart(self):
        self.assertEqual(charts.charts([case([{}])]), {})


class Killed(BaseException):
    """A run is cut off here."""


class Turns:
    """A load that notes who had its turn; it cuts the run off before the turn of this number."""

    takes = 1

    def __init__(self, cut_off_at=None):
        self.had, self.cut_off_at = [], cut_off_at

    def sample(self, lab, server):
        if len(self.had) == self.cut_off_at:
            raise Killed
        self.had.append(server.name)
        return sample(len(self.had))


class NoLab:
    public = str


class Resuming(unittest.TestCase):
    SERVERS = tuple(servers.Server(name, kind, lambda lab, port: ["true"]) for name, kind in (("ours", "ours"), ("floor", "floor")))

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def run_of(self, load, build="a build", rounds=3, seconds=None, servers=SERVERS):
        """Two cases, of which the first one has the load."""
        wanted = [cases.Case(name, name, each, servers, "messages") for name, each in (("one", load), ("two", Turns()))]
        with contextlib.redirect_stdout(io.StringIO()) as self.said:
            return bench.Bench("full", rounds, NoLab(), store.Kept(build, self.folder), seconds).run(wanted)

    def test_a_run_that_is_cut_off_goes_on_behind_its_last_round(self):
        first, second, third = Turns(cut_off_at=5), Turns(), Turns()
        with self.assertRaises(Killed):
            self.run_of(first)
        measured = self.run_of(second)
        # The round in which it was cut off is measured again, and every second one is the other way round.
        self.assertEqual((first.had, second.had), (["ours", "floor", "floor", "ours", "ours"], ["ours", "floor"]))
        self.assertEqual([entry["ours"]["us"] for entry in measured[0]["rounds"]], [1, 4, 1])
        self.assertEqual(self.run_of(third), measured)
        self.assertEqual(third.had, [])

    def test_more_rounds_go_on_behind_those_that_are_there_and_fewer_take_some_of_them(self):
        self.run_of(Turns())
        load = Turns()
        self.assertEqual([len(self.run_of(load, rounds=count)[0]["rounds"]) for count in (4, 2)], [4, 2])
        self.assertEqual(load.had, ["floor", "ours"])

    def test_nothing_of_another_build_of_other_servers_or_of_half_a_file_counts(self):
        self.run_of(Turns())
        other, alone, cut = Turns(), Turns(), Turns()
        self.run_of(other, build="another build")
        self.run_of(alone, servers=self.SERVERS[:1])
        (self.folder / "a build/one.json").write_text('{"servers": ["ours"')
        self.run_of(cut)
        self.assertEqual([len(load.had) for load in (other, alone, cut)], [6, 3, 6])

    def test_a_build_is_known_by_the_bytes_of_its_files(self):
        daemon = self.folder / "daemon"
        daemon.write_bytes(b"one")
        one = store.build_of([daemon])
        self.assertEqual(store.build_of([daemon]), one)
        daemon.write_bytes(b"two")
        self.assertNotEqual(store.build_of([daemon]), one)

    def test_when_the_time_is_up_no_round_begins(self):
        load = Turns()
        with self.assertRaisesRegex(bench.OutOfTime, "cases left: 2"):
            self.run_of(load, seconds=1e-9)
        self.assertEqual(load.had, [])

    def test_what_was_kept_is_forgotten_on_demand(self):
        self.run_of(Turns())
        store.Kept("a build", self.folder).forget()
        load = Turns()
        self.run_of(load)
        self.assertEqual(len(load.had), 6)

    def test_a_run_says_what_is_left_and_how_long_it_will_take(self):
        plan = Plan({"one": (60, 3), "two": (30, 2)})
        self.assertEqual(plan.told(), "cases left: 2, about 4 min")
        # A round took twice as long as expected.
        plan.round_ended("one", 120)
        self.assertEqual(plan.told(), "cases left: 2, about 6 min")
        for _ in range(2):
            plan.round_ended("one", 120)
        self.assertEqual(plan.told(), "cases left: 1, about 2 min")
        self.run_of(Turns())
        self.assertIn("cases left: 2, about 0 min", self.said.getvalue())
        self.assertIn("cases left: 0", self.said.getvalue())


class Several(unittest.TestCase):
    def test_the_reports_of_several_generators_are_one(self):
        report = lambda p50, p99: {"open": 5, "ended": {}, "messages": 10, "missing": 0, "doubled": 0, "bytes": 700, "late_ms": {"p50": p50, "p99": p99, "max": 9},  # noqa: E731
                                   "late_each_ms": {"typical": p50, "worst": p99, "always": p50}}
        got = loads.Messages(10, generators=2).result([report(1, 2), report(3, 8)], 5, 0.001, 2)
        self.assertEqual((got["units"], got["us"], got["bytes"], got["late_ms"]), (20, 50, 70, {"p50": 2, "p99": 8, "max": 9}))
        self.assertEqual(got["late_each_ms"], {"typical": 2, "worst": 8, "always": 3})
        for wrong in ({"open": 4}, {"missing": 1}, {"doubled": 1}, {"messages": 0}):
            with self.assertRaises(loads.Broken):
                loads.Messages(5).result([report(1, 2) | wrong], 5, 0.001, 2)


class Backlogs(unittest.TestCase):
    """Newcomers that fetch a history beside clients that wait for the next line."""

    REPORT = {"open": 2, "ended": {}, "messages": 10, "fewest": 5, "missing": 0, "doubled": 0, "bytes": 1010, "behind": 0, "late_each_ms": None}

    def report(self, late, **more):
        return self.REPORT | {"late_ms": {"p50": late, "p99": late, "max": late}, "caught_up_ms": {"p50": 100, "p99": 200, "max": 300}} | more

    def result(self, **history):
        return loads.Backlogs(2, 3, 5).result(self.report(1), self.report(4), self.report(900, **{"open": 3, "messages": 30, "bytes": 3030} | history), 0.002, 2)

    def test_lines_are_late_for_those_that_wait_and_the_history_takes_the_newcomers_time(self):
        got = self.result()
        self.assertEqual((got["late_ms"]["p99"], got["quiet_ms"]["p99"], got["history_ms"]["max"]), (4, 1, 300))
        self.assertEqual((got["units"], got["us"], got["bytes"]), (40, 50, 101))
        told = case([{"ours": got}]) | {"figure": "late_ms p99", "unit": "ms"}
        self.assertIn("| 4.00 (4.00 to 4.00) |", tables.row(told))
        (line,) = tables.newcomers([told])
        self.assertTrue(line.endswith("ours: the history with what came meanwhile 100 / 200 / 300 ms. Before they came, lines were late by 1.00 / 1.00 / 1.00 ms\n"), line)

    def test_a_newcomer_that_was_closed_or_has_less_than_the_history_gives_no_figure(self):
        for wrong in ({"open": 2}, {"fewest": 4}, {"missing": 1}, {"doubled": 1}):
            with self.assertRaises(loads.Broken):
                self.result(**wrong)


class Build(unittest.TestCase):
    def test_a_build_has_its_seconds_and_the_number_of_its_crates(self):
        command = lambda script: servers.Server("ours", "ours", lambda lab, port: ["sh", "-c", script])  # noqa: E731
        got = loads.Build().sample(None, command("printf '   Compiling a v1\\n   Compiling b v2\\n    Finished\\n' >&2; i=0; while [ $i -lt 50000 ]; do i=$((i + 1)); done"))
        self.assertEqual(got["crates"], 2)
        self.assertTrue(0 < got["cpu_s"] < got["wall_s"] * 1.5, got)
        with self.assertRaisesRegex(loads.Broken, "no such crate"):
            loads.Build().sample(None, command("echo no such crate >&2; exit 101"))


class Cases(unittest.TestCase):
    def test_names_are_unique_and_every_case_has_ours_first(self):
        found = cases.cases()
        self.assertEqual(len({each.name for each in found}), len(found))
        for each in found:
            names = [server.name for server in each.servers]
            self.assertEqual(each.servers[0].kind, "ours", each.name)
            self.assertEqual(len(set(names)), len(names), each.name)
            self.assertIn(each.group, tables.GROUPS)
            self.assertTrue(each.load.takes > 0 and (each.quick is None or each.quick.takes <= each.load.takes), each.name)

    def test_a_name_that_begins_no_case_is_unknown(self):
        quick = [each for each in cases.cases() if each.quick]
        self.assertEqual(cases.unknown(["policy", "polcy", "lines-1-", "get"], quick), ["polcy", "lines-1-"])
        self.assertEqual(cases.unknown([], quick), [])

    def test_a_run_of_a_case_that_there_is_not_measures_nothing(self):
        tried = subprocess.run([HERE / "run", "--list", "nosuch"], capture_output=True, text=True)
        self.assertEqual((tried.returncode, tried.stdout), (2, ""))
        self.assertIn("begins with nosuch", tried.stderr)

    def test_no_record_is_made_of_some_of_a_form_s_cases(self):
        command = [HERE / "run", "--list", "policy"]
        tried = subprocess.run(command, env=os.environ | {"RECORD": "1"}, capture_output=True, text=True)
        self.assertEqual((tried.returncode, tried.stdout), (2, ""))
        self.assertIn("RECORD=1 writes the page of a whole form", tried.stderr)
        self.assertEqual(subprocess.run(command, env=os.environ | {"RECORD": ""}, capture_output=True).returncode, 0)

    def test_a_peer_of_few_clients_has_its_turn_beside_the_fewest_only(self):
        few, many = servers.Server("few", "peer", None, most=100), servers.Server("many", "peer", None)
        self.assertEqual([cases.able((few, many), count) for count in (1_000, 10_000)], [[few, many], [many]])


class Profile(unittest.TestCase):
    """Instructions by source file, of a report of callgrind's."""

    REPORT = """positions: line
events: Ir
fl=(1) /here/common/src/queue.rs
fn=(1) send
7 10
fi=(2) /rustc/abc/library/core/src/slice/iter.rs
+2 5
fe=(1)
* 1
cfi=(3) /home/me/.cargo/registry/src/index-1/httparse-1.10.1/src/lib.rs
cfn=(2) parse
calls=2 90
12 4000
fl=(3)
fn=(2)
90 100
ob=(1) /lib/libc.so.6
fl=(4) ???
fn=(3) memcpy
0 20
totals: 136
"""

    def test_each_instruction_is_its_file_s_and_what_was_called_counts_once(self):
        found = profiles.by_file(self.REPORT, Path("/here"))
        self.assertEqual(found, {"common/src/queue.rs": 11, "core::slice": 5, "the crate httparse": 100, "libc": 20})

    def test_no_page_is_written_of_some_and_a_name_that_there_is_not_is_told(self):
        page = (HERE / "results/profile.md").read_text()
        for names, record, told in ((["get"], "1", "RECORD=1 writes the page of all"), (["get", "nosuch"], "", "begins with nosuch")):
            tried = subprocess.run([HERE / "profile", *names], env=os.environ | {"RECORD": record}, capture_output=True, text=True)
            self.assertEqual((tried.returncode, tried.stdout), (1, ""))
            self.assertIn(told, tried.stderr)
        self.assertEqual((HERE / "results/profile.md").read_text(), page)

    def test_what_is_little_is_one_row(self):
        driver = drivers.Driver("get", "for a GET", "static-server", [], None, (1, 2))
        told = profiles.table(driver, {"a": 900.0, "b": 95.0, "c": 3.0, "d": 2.0})
        self.assertIn("get: 1,000 instructions for a GET", told)
        self.assertIn("| a | 900 | 90% |\n| b | 95 | 10% |\n| all others | 5 | 0% |", told)


class Publisher(unittest.TestCase):
    """What posts lines in the place of a server that reads none."""

    def posted(self, server, lines):
        """The bodies of the posts, of which there may be as many connections as the publisher likes."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(10)
            command = [sys.executable, HERE / "peers/publish.py", f"127.0.0.1:{listener.getsockname()[1]}", "lines", server]
            publisher = subprocess.Popen(command, stdin=subprocess.PIPE)
            publisher.stdin.write(lines)
            publisher.stdin.close()
            bodies = []
            while sum(body.count(b"line") for body in bodies) < lines.count(b"\n"):
                connection, _ = listener.accept()
                with connection, connection.makefile("rwb") as stream:
                    while (head := list(iter(lambda: stream.readline().strip(), b""))):
                        (length,) = (int(field.split(b":")[1]) for field in head if field.lower().startswith(b"content-length:"))
                        bodies.append(stream.read(length))
                        stream.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK")
                        stream.flush()
            self.assertEqual(publisher.wait(10), 0)
            return bodies

    def test_nchan_gets_a_post_for_each_line(self):
        self.assertEqual(self.posted("nchan", b"line 1\nline 2\n"), [b"line 1", b"line 2"])

    def test_pushpin_gets_all_lines_that_there_are_in_one_post(self):
        (body,) = self.posted("pushpin", b"line 1\nline 2\n")
        self.assertEqual([item["formats"]["ws-message"]["content"] for item in json.loads(body)["items"]], ["line 1", "line 2"])

    def test_a_program_that_cannot_be_started_is_absent_with_what_it_says(self):
        self.assertIsNone(foreign.starts("true"))
        self.assertIn("no such library", foreign.starts("sh", "-c", "echo no such library >&2; exit 127"))


class Usage(unittest.TestCase):
    def test_the_scheduler_counts_what_we_have_used(self):
        begin = usage.runtime("self")
        sum(range(3_000_000))
        self.assertGreater(usage.runtime("self"), begin)


if __name__ == "__main__":
    unittest.main(verbosity=1)
