"""Spearman's rank correlation, in a few lines so that no command waits for scipy."""

from collections.abc import Sequence


def spearman(first: Sequence[float], second: Sequence[float]) -> float | None:
    """Correlation of the ranks, ties sharing their mean rank; None for fewer than three values or a constant.

    >>> spearman([1, 2, 3, 4], [10, 100, 1000, 1001]), round(spearman([1, 2, 3], [1, 3, 2]), 3)
    (1.0, 0.5)
    """
    if len(first) < 3:
        return None
    a, b = ranks(first), ranks(second)
    middle = (len(first) + 1) / 2
    variance_a = sum((rank - middle) ** 2 for rank in a)
    variance_b = sum((rank - middle) ** 2 for rank in b)
    if variance_a == 0 or variance_b == 0:
        return None
    together = sum((x - middle) * (y - middle) for x, y in zip(a, b, strict=True))
    return float(together / (variance_a * variance_b) ** 0.5)


def ranks(values: Sequence[float]) -> list[float]:
    """Ranks from 1, ties sharing their mean.

    >>> ranks([5, 1, 5])
    [2.5, 1.0, 2.5]
    """
    order = sorted(range(len(values)), key=values.__getitem__)
    result = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end + 1 < len(order) and values[order[end + 1]] == values[order[start]]:
            end += 1
        for at in order[start : end + 1]:
            result[at] = (start + end) / 2 + 1
        start = end + 1
    return result
