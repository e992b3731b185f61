"""Metrics of continual learning, on an accuracy matrix.

R is (T, T): R[i, j] is the accuracy in [0, 1] on task j after learning task i, counted from 0, NaN
where unknown. An unknown number that a metric needs makes the metric NaN; no argument is changed.
With one task nothing can be forgotten or transferred: these metrics are 0.0.
"""

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


def average_accuracy(matrix: Matrix) -> float:
    """ACC = 1/T sum_j R[T-1, j] (Lopez-Paz & Ranzato 2017)."""
    return float(np.mean(_checked(matrix)[-1]))


def backward_transfer(matrix: Matrix) -> float:
    """BWT = 1/(T-1) sum_{j<T-1} (R[T-1, j] - R[j, j]) (Lopez-Paz & Ranzato 2017)."""
    matrix = _checked(matrix)
    return _mean_or_zero(matrix[-1, :-1] - np.diag(matrix)[:-1])


def forward_transfer(matrix: Matrix, baseline: Matrix) -> float:
    """FWT = 1/(T-1) sum_{j>=1} (R[j-1, j] - b[j]) (Lopez-Paz & Ranzato 2017).

    `baseline` is (T,): the accuracy on every task of an untrained network.
    """
    matrix = _checked(matrix)
    if np.shape(baseline) != matrix.shape[:1]:
        raise ValueError(f"baseline has shape {np.shape(baseline)} for {len(matrix)} tasks")
    return _mean_or_zero(np.diag(matrix, k=1) - np.asarray(baseline)[1:])


def forgetting(matrix: Matrix) -> float:
    """F = 1/(T-1) sum_{j<T-1} (max_{j<=i<=T-2} R[i, j] - R[T-1, j]) (Chaudhry et al. 2018).

    The maximum starts when task j was learned; a negative F means that old tasks got better.
    """
    matrix = _checked(matrix)
    last = len(matrix) - 1
    drops = [np.max(matrix[j:last, j]) - matrix[last, j] for j in range(last)]
    return _mean_or_zero(np.array(drops))


def _checked(matrix: Matrix) -> Matrix:
    matrix = np.asarray(matrix, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not len(matrix):
        raise ValueError(f"an accuracy matrix is square and not empty, this one is {matrix.shape}")
    return matrix


def _mean_or_zero(values: Matrix) -> float:
    return float(np.mean(values)) if len(values) else 0.0
