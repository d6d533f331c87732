"""The arithmetic of a case: rounds of samples, in each of which all servers have their turn, one after the other."""

from statistics import median, quantiles


def middle(values):
    """The median, and the quartiles."""
    values = list(values)
    low, _, high = quantiles(values, n=4, method="inclusive") if len(values) > 1 else (values[0],) * 3
    return median(values), low, high


def figure_of(sample, figure):
    """A figure, or with `late_ms p99` one within a spread; None if the sample has none."""
    for part in figure.split():
        sample = (sample or {}).get(part)
    return sample


def column(rounds, server, figure):
    """The figures of one server, round by round; without those in which it has none."""
    found = (figure_of(entry.get(server), figure) for entry in rounds)
    return [value for value in found if value is not None]


def ratio(rounds, ours, other, figure):
    """Ours by the other's, within each round: what changes on the machine from one round to the next is in both."""
    pairs = ((figure_of(entry.get(ours), figure), figure_of(entry.get(other), figure)) for entry in rounds)
    return [mine / others for mine, others in pairs if mine is not None and others]


def turns(servers, number):
    """The order of a round: every second one is the other way round, so that whoever is first does not stay so."""
    return list(servers) if number % 2 == 0 else list(reversed(servers))


def best(rounds, names, figure):
    """The name of the server with the least median; None if there is none."""
    measured = [name for name in names if column(rounds, name, figure)]
    return min(measured, key=lambda name: median(column(rounds, name, figure)), default=None)


def of_kind(case, kind):
    return [server["name"] for server in case["servers"] if server["kind"] == kind]


def best_peer(case, figure=None, of=""):
    """The best peer's name, of those that begin so. One that failed at some of its work counts only where there is no other."""
    rounds, peers = case["rounds"], [name for name in of_kind(case, "peer") if name.startswith(of)]
    sound = [name for name in peers if not any(column(rounds, name, "faults"))]
    return best(rounds, sound, figure or case["figure"]) or best(rounds, peers, figure or case["figure"])
