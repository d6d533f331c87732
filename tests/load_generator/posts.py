"""`load-generator post`: publishers that try again under the key of a request until it is answered, and one reader that must see each line once."""

from program import Program

# What must be nothing in its figures.
WRONG = ("lost", "doubled", "disordered", "torn", "wrong_answers", "gaps", "changed", "accepted")


class Posts(Program):
    """So many requests a second; `command` begins with the program."""

    def __init__(self, command, requests):
        super().__init__(command)
        self.requests = requests
        assert self.next() == {"reading": True}

    def is_over(self):
        return self.process.poll() is not None or not self.lines.empty()

    def verdict(self):
        """Its figures, once all is answered: nothing is wrong in them."""
        figures = self.next(patience=300)
        assert self.process.wait(timeout=20) == 0, figures
        assert figures["requests"] == self.requests and figures["unanswered"] == 0, figures
        assert not any(figures[wrong] for wrong in WRONG), figures
        assert figures["reader"] == {"open": 1} and figures["strange"] == {}, figures
        return figures
