"""The lowest value of f(rho) + q(rho) / 2t along rays, with double precision throughout."""

import math

from numba import njit

_compiled = njit(nogil=True, cache=True, error_model="numpy")

_GOLDEN = (math.sqrt(5) - 1) / 2
_NARROWINGS = 30


@_compiled
def radial(rho):
    """f at the distance `rho` from the origin, of figure 5.7."""
    return rho * rho * (1 + math.sin(2 * math.pi * rho) / 2)


@_compiled
def _cubic(at, j, spacing, values, slopes):
    """The cubic with the values and slopes of the nodes j and j + 1, at a fraction of the way between them."""
    rest = 1 - at
    ends = rest * rest * (1 + 2 * at) * values[j] + at * at * (3 - 2 * at) * values[j + 1]
    return ends + spacing * at * rest * (rest * slopes[j] - at * slopes[j + 1])


@_compiled
def _total(position, spacing, distance, weight, penalty, slopes):
    """What is minimised, at a node or between two."""
    j = min(int(position), penalty.size - 2)
    cost = max(_cubic(position - j, j, spacing, penalty, slopes), 0.0)  # else a small t magnifies what rounding leaves
    return radial(distance * spacing * position) + weight * cost


@_compiled
def _lowest_between(low, high, spacing, distance, weight, penalty, slopes):
    """The minimum between two nodes, by golden sections."""
    one, two = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_one = _total(one, spacing, distance, weight, penalty, slopes)
    at_two = _total(two, spacing, distance, weight, penalty, slopes)
    for _ in range(_NARROWINGS):
        if at_one < at_two:
            high, two, at_two = two, one, at_one
            one = high - _GOLDEN * (high - low)
            at_one = _total(one, spacing, distance, weight, penalty, slopes)
        else:
            low, one, at_one = one, two, at_two
            two = low + _GOLDEN * (high - low)
            at_two = _total(two, spacing, distance, weight, penalty, slopes)
    return min(at_one, at_two)


@_compiled
def minimise(heights, distances, spacing, penalties, slopes, t, out):
    """out (m, n) <- min over r of f(s r) + s^2 q(r) / 2t, along m rays at n distances s from the origin.

    r has equidistant nodes from 0. `heights` (n, node) are f(s r), `penalties` (m, node) are q(r) and `slopes` q'(r).
    Every local minimum among the nodes is followed up, for the lowest node need not lie in the lowest well.
    """
    for i in range(penalties.shape[0]):
        penalty = penalties[i]
        for k in range(distances.size):
            height, weight = heights[k], distances[k] ** 2 / (2 * t)
            best = min(radial(distances[k]), height[0] + weight * penalty[0])  # stay, or go to the origin
            before, here = height[0] + weight * penalty[0], height[1] + weight * penalty[1]
            for j in range(1, penalty.size - 1):
                after = height[j + 1] + weight * penalty[j + 1]
                if here <= before and here <= after:
                    low = _lowest_between(j - 1.0, j + 1.0, spacing, distances[k], weight, penalty, slopes[i])
                    best = min(best, low)
                before, here = here, after
            out[i, k] = best
