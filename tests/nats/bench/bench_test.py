"""What the figures rest on: medians and ratios in pairs, and clients that notice a line that is lost or comes twice."""

import argparse
import socket
import unittest

import load
from figures import Pairs, digits, row, spread


def client_of(data):
    """A connection over which this has come, and nothing more will."""
    client, server = socket.socketpair()
    server.sendall(data)
    server.close()
    return client


def read(how, data, first, count):
    with client_of(data) as client:
        return how(client, b"", argparse.Namespace(first=first, count=count))


class Figures(unittest.TestCase):
    def test_a_number_has_three_digits_that_count(self):
        for value, text in ((0, "0"), (0.01234, "0.0123"), (0.5, "0.500"), (1.234, "1.23"), (99.94, "99.9"), (123.4, "123"), (12_345.6, "12,346"), (-1.5, "-1.50")):
            self.assertEqual(digits(value), text)

    def test_a_spread_is_the_median_the_least_and_the_most(self):
        self.assertEqual(spread([3, 1, 2], "ms"), "2.00 (1.00 to 3.00) ms")
        self.assertEqual(spread([3]), "3.00")

    def test_a_ratio_is_that_of_each_pair_and_not_of_the_medians(self):
        pairs = Pairs()
        for without, given in ((1, 10), (10, 20), (2, 10)):
            pairs.add(without, given)
        self.assertEqual(row("a", pairs), "| a | 2.00 (1.00 to 10.0) | 10.0 (10.0 to 20.0) | ×5.00 (2.00 to 10.0) |")
        self.assertTrue(row("a", pairs, "ms", 1_000, adds=True).endswith("×5.00 (2.00 to 10.0), +9,000 (8,000 to 10,000) ms |"))


class Clients(unittest.TestCase):
    def test_lines_have_their_length(self):
        self.assertEqual({len(load.line(number, moment)) for number in (0, 10**12) for moment in (0, 10**15)}, {load.LENGTH})

    def test_each_line_counts_once_beside_others(self):
        now = load.NOW()
        data = b"".join(load.line(number, now - 1_000) for number in (1, 10, 11, 12)) + b"\n"
        got = read(load.read_each, data, 10, 3)
        self.assertGreaterEqual(got["p50"], 1e-6)
        self.assertGreaterEqual(got["p99"], got["p50"])

    def test_a_line_that_comes_twice_or_not_at_all_or_out_of_order_is_noticed(self):
        for numbers in ((10, 10, 11, 12), (10, 12), (10, 12, 11)):
            with self.assertRaises(SystemExit):
                read(load.read_each, b"".join(load.line(number, 0) for number in numbers), 10, 3)

    def test_a_flood_that_misses_a_line_or_has_one_twice_is_noticed(self):
        for numbers, good in ((range(10, 13), True), ((10, 11, 11), False), ((10, 12, 13), False), ((10, 11), False)):
            data = b"".join(load.line(number, 0) for number in numbers)
            if good:
                self.assertIn("seconds", read(load.read_bulk, data, 10, 3))
            else:
                with self.assertRaises(SystemExit):
                    read(load.read_bulk, data, 10, 3)

    def test_the_newest_line_is_found_behind_others(self):
        data = b"".join(load.line(number, 0) for number in range(1_000))
        self.assertIn("end", read(load.read_newest, data, 999, 1))
