"""Whether a figure rises over time: slopes of its segments, and how sure they are."""

import math
import statistics

# The 97.5th percentile of Student's t by degrees of freedom; beyond, it is nearly normal.
STUDENT = [12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18, 2.16, 2.14, 2.13, 2.12, 2.11, 2.10, 2.09, 2.09]


def slope(points):
    """The least-squares slope of (time, value)."""
    mean_time, mean_value = (statistics.fmean(column) for column in zip(*points))
    above = sum((time - mean_time) * (value - mean_value) for time, value in points)
    below = sum((time - mean_time) ** 2 for time, _ in points)
    return above / below if below else 0.0


def mean_slope(segments):
    """The mean of the segments' slopes, and half of its interval of 95 %. A segment is one process, or one part of its life: samples
    within it depend on each other, segments hardly do."""
    slopes = [slope(segment) for segment in segments if len(segment) >= 3]
    if len(slopes) < 2:
        return (slopes or [0.0])[0], math.inf
    spread = statistics.stdev(slopes) / math.sqrt(len(slopes))
    return statistics.fmean(slopes), STUDENT[min(len(slopes) - 2, len(STUDENT) - 1)] * spread


def line(points):
    """The slope of single points, one a segment, and half of its interval of 95 %."""
    if len(points) < 3:
        return 0.0, math.inf
    found = slope(points)
    mean_time, mean_value = (statistics.fmean(column) for column in zip(*points))
    left = sum((value - mean_value - found * (time - mean_time)) ** 2 for time, value in points)
    below = sum((time - mean_time) ** 2 for time, _ in points)
    return found, STUDENT[min(len(points) - 3, len(STUDENT) - 1)] * math.sqrt(left / (len(points) - 2) / below)
