"""The checker finds each fault that is planted, at the client where it is, and finds none where there is none."""

import unittest

from checker import Gap, Message, check

EPOCH = "01932f5a0c2e"
LINES = 200


def id(number, epoch=EPOCH):
    return epoch, number


class Case(unittest.TestCase):
    """Two publishers took turns, and every third of their last lines has no acknowledgement; three clients got all of it."""

    def setUp(self):
        self.sent = [f"p{n % 2} {n // 2}" for n in range(LINES)]
        numbered = [(text, id(n + 1)) for n, text in enumerate(self.sent)]
        known = numbered[:150] + [ack for ack in numbered[150:] if ack[1][1] % 3]
        self.acks = {name: [ack for ack in known if ack[0].startswith(name)] for name in ("p0", "p1")}
        self.clients = {client: [Message(at, text) for text, at in numbered] for client in ("frames", "events", "polls")}
        self.events = self.clients["events"]
        self.may_miss = ()

    def kinds(self):
        """Kind and place of each fault."""
        return {(fault.kind, fault.who) for fault in check(self.sent, self.acks, self.clients, id(1), self.may_miss)}

    def test_what_is_whole_passes(self):
        self.assertEqual(self.kinds(), set())

    def test_a_line_without_acknowledgement_may_be_missing_at_the_end(self):
        self.acks["p1"].pop()
        for events in self.clients.values():
            del events[-1:]
        self.assertEqual(self.kinds(), set())

    def test_a_lost_line_is_found_wherever_it_was(self):
        for at in (0, 77, LINES - 1):
            self.setUp()
            del self.events[at]
            self.assertEqual(self.kinds(), {("lost", "events")}, at)

    def test_lines_that_all_clients_lost_are_found(self):
        for events in self.clients.values():
            del events[80:90]
        self.assertEqual(self.kinds(), {("lost", client) for client in self.clients})

    def test_a_client_that_got_nothing_is_found(self):
        self.events.clear()
        self.assertEqual(self.kinds(), {("lost", "events")})

    def test_a_doubled_line_is_found_at_once_and_later(self):
        for behind in (1, 50):
            self.setUp()
            self.events.insert(60 + behind, self.events[60])
            self.assertEqual(self.kinds(), {("doubled", "events")}, behind)

    def test_one_text_under_two_numbers_is_found(self):
        for client, events in self.clients.items():
            events.append(Message(id(LINES + 1), events[10].text))
        self.assertEqual(self.kinds(), {("doubled", client) for client in self.clients})

    def test_one_number_for_two_lines_is_found(self):
        self.acks["p0"].append((self.acks["p0"].pop()[0], id(10)))
        self.assertIn(("doubled", "p1"), self.kinds())

    def test_lines_that_a_publisher_was_given_in_another_order_are_found(self):
        acks = self.acks["p1"]
        acks[20], acks[21] = acks[21], acks[20]
        self.assertEqual(self.kinds(), {("order", "p1")})

    def test_an_acknowledgement_of_what_nobody_sent_is_found(self):
        self.acks["p1"].append(("p1 1000", id(LINES + 1)))
        self.assertIn(("invented", "p1"), self.kinds())

    def test_two_lines_in_the_wrong_order_are_found(self):
        self.events[40], self.events[41] = self.events[41], self.events[40]
        self.assertEqual(self.kinds(), {("lost", "events"), ("order", "events")})

    def test_lines_of_another_epoch_are_found(self):
        older = Message(id(61, "01932f5a0c2d"), self.events[60].text)
        self.events[60] = older
        self.assertIn(("order", "events"), self.kinds())

    def test_numbers_that_are_dense_and_have_the_lines_of_others_are_found(self):
        self.events[40:42] = [Message(at.id, other.text) for at, other in zip(self.events[40:42], self.events[41:39:-1])]
        self.assertEqual(self.kinds(), {("altered", "events")})

    def test_clients_that_disagree_on_a_line_without_acknowledgement_are_found(self):
        for client in ("events", "polls"):
            self.sent.append(f"for {client}")
            self.clients[client].append(Message(id(LINES + 1), f"for {client}"))
        self.assertEqual(self.kinds(), {("altered", "polls")})

    def test_a_line_that_nobody_sent_is_found(self):
        self.events.append(Message(id(LINES + 1), "p0 1000"))
        self.assertEqual(self.kinds(), {("invented", "events")})

    def test_a_gap_that_was_told_is_found_where_none_is_allowed(self):
        self.events.insert(100, Gap(0, "same", id(101)))
        self.assertEqual(self.kinds(), {("gap", "events")})
        del self.events[101:111]
        self.assertEqual(self.kinds(), {("gap", "events"), ("lost", "events")})

    def test_a_client_that_lags_may_be_told_a_true_gap(self):
        self.may_miss = ("events",)
        self.events[100:110] = [Gap(10, "same", id(111))]
        self.assertEqual(self.kinds(), set())

    def test_a_client_that_lags_may_not_be_told_a_wrong_gap(self):
        self.may_miss = ("events",)
        for wrong in (Gap(9, "same", id(111)), Gap(None, "new", id(111)), Gap(10, "same", id(110))):
            self.setUp()
            self.may_miss = ("events",)
            self.events[100:110] = [wrong]
            self.assertEqual(self.kinds(), {("gap", "events")}, wrong)

    def test_a_client_that_lags_may_lose_nothing_without_being_told(self):
        self.may_miss = ("events",)
        del self.events[100:110]
        self.assertEqual(self.kinds(), {("lost", "events")})


if __name__ == "__main__":
    unittest.main()
