"""What is still to be measured, and how long that will take."""


class Plan:
    """The rounds that are left of each case, and about how many seconds one takes: {name: (seconds, rounds)}. How long those took that have
    ended says how much longer than expected the others will take."""

    def __init__(self, cases):
        self.seconds = {name: seconds for name, (seconds, _) in cases.items()}
        self.left = {name: rounds for name, (_, rounds) in cases.items()}
        self.expected = self.took = 0

    def round_ended(self, name, took):
        self.left[name] -= 1
        self.expected += self.seconds[name]
        self.took += took

    def cases(self):
        """How many have rounds left."""
        return sum(rounds > 0 for rounds in self.left.values())

    def seconds_left(self):
        return sum(self.seconds[name] * rounds for name, rounds in self.left.items()) * (self.took / self.expected if self.expected else 1)

    def told(self):
        return f"cases left: {self.cases()}, about {self.seconds_left() / 60:.0f} min"
