"""Whether a figure rises over time, by statistics that a few wild samples do not move."""

import itertools
import math
import statistics

# Samples of one process depend on their neighbours; medians of so many stretches hardly do.
STRETCHES = 20
# A rise of a smaller part of the figure over the time that is judged is none.
MATERIAL = 0.01


def stretches(points, count=STRETCHES):
    """The median time and value of so many stretches of equal length."""
    size = max(1, math.ceil(len(points) / count))
    parts = [points[at:at + size] for at in range(0, len(points), size)]
    return [tuple(statistics.median(column) for column in zip(*part)) for part in parts]


def sen(points):
    """The Theil-Sen slope: the median of the slopes between all pairs of points; and the ends of its interval of 95 % (P. K. Sen, 1968)."""
    slopes = sorted((later - value) / (then - time) for (time, value), (then, later) in itertools.combinations(points, 2) if then > time)
    if not slopes:
        return 0.0, -math.inf, math.inf
    count, pairs = len(points), len(slopes)
    spread = 1.96 * math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    low, high = (len(slopes) - spread) / 2, (len(slopes) + spread) / 2
    ends = slopes[math.floor(low)] if low >= 0 else -math.inf, slopes[math.ceil(high)] if math.ceil(high) < pairs else math.inf
    return statistics.median(slopes), *ends


def rises(points, least):
    """True if the slope is surely above zero, and the rise is a material part of the figure and at least `least` of its units."""
    found, low, _ = sen(points)
    rise = found * (points[-1][0] - points[0][0])
    level = statistics.median(value for _, value in points)
    return low > 0 and rise > max(MATERIAL * level, least)
