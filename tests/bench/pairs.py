"""The arithmetic of a case: rounds of samples, in each of which all servers have their turn, one after the other."""

from statistics import median, quantiles


def middle(values):
    """The median, and the quartiles."""
    values = list(values)
    low, _, high = quantiles(values, n=4, method="inclusive") if len(values) > 1 else (values[0],) * 3
    return median(values), low, high


def column(rounds, server, figure):
    """The figures of one server, round by round; without those in which it has none."""
    return [entry[server][figure] for entry in rounds if server in entry]


def ratio(rounds, ours, other, figure):
    """Ours by the other's, within each round: what changes on the machine from one round to the next is in both."""
    pairs = [(entry[ours][figure], entry[other][figure]) for entry in rounds if ours in entry and other in entry]
    return [mine / others for mine, others in pairs if others]


def turns(servers, number):
    """The order of a round: every second one is the other way round, so that whoever is first does not stay so."""
    return list(servers) if number % 2 == 0 else list(reversed(servers))


def best(rounds, names, figure):
    """The name of the server with the least median; None if there is none."""
    measured = [name for name in names if column(rounds, name, figure)]
    return min(measured, key=lambda name: median(column(rounds, name, figure)), default=None)
