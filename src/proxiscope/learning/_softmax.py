"""Kernels of softmax regression; logits and probabilities are float32 (n, k), points by classes."""

import math

import numpy as np
from numba import njit

_compiled = njit(nogil=True, cache=True, error_model="numpy")


@_compiled
def softmax(logits, bias):
    """Logits without their bias to probabilities, in place."""
    for i in range(logits.shape[0]):
        row = logits[i]
        highest = np.float32(-np.inf)
        for c in range(row.size):
            row[c] += bias[c]
            highest = max(highest, row[c])
        total = np.float32(0)
        for c in range(row.size):
            row[c] = math.exp(row[c] - highest)
            total += row[c]
        for c in range(row.size):
            row[c] /= total


@_compiled
def residuals(logits, bias, references, chosen, scale, bias_gradient):
    """Logits of the chosen points to scale (p - q), in place, with the probabilities p and rows q of `references`.

    Their sum is added to `bias_gradient`.
    """
    softmax(logits, bias)
    for i in range(logits.shape[0]):
        for c in range(logits.shape[1]):
            logits[i, c] = scale * (logits[i, c] - references[chosen[i], c])
            bias_gradient[c] += logits[i, c]


@_compiled
def judge(logits, bias, labels):
    """Sum of the cross entropies -log p[label] of points, and how many of them have their label as likeliest class."""
    entropy, right = 0.0, 0
    for i in range(logits.shape[0]):
        row = logits[i]
        best = 0
        for c in range(row.size):
            row[c] += bias[c]
            if row[c] > row[best]:
                best = c
        total = 0.0
        for c in range(row.size):
            total += math.exp(row[c] - row[best])
        entropy += math.log(total) + row[best] - row[labels[i]]
        right += best == labels[i]
    return entropy, right
