#!/usr/bin/env python3
"""Fits scikit-learn's histogram boosting to the million rows that our trees are measured on.

The rows are those of modeler/learn/anchor, bit for bit; their digests are printed. Prints processor seconds,
skill on 200,000 other rows, and peak memory. Needs Debian's python3-sklearn; `make bench-peers` runs both sides.
"""
import hashlib
import os
import resource
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np  # noqa: E402: the number of threads is read when it is imported.
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor  # noqa: E402
from sklearn.metrics import r2_score, roc_auc_score  # noqa: E402

DRAWS, FEATURES, BLOCK = 32, 28, 100_000


def uniform(seed, first, rows):
    """Rows of random numbers: splitmix64 in counter mode."""
    with np.errstate(over="ignore"):
        counter = np.arange(DRAWS * first + 1, DRAWS * (first + rows) + 1, dtype=np.uint64)
        z = np.uint64(seed * 0xD1342543DE82EF95 % 2**64) + counter * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return (z >> np.uint64(11)).astype(np.float64).reshape(rows, DRAWS) / 2.0**53


def score(x):
    """The true score; the order of its terms matters to the last bit."""
    total = 3.0 * (x[:, 0] - 0.5)
    for term in (
        2.0 * (x[:, 1] * x[:, 2] - 0.25),
        4.0 * ((x[:, 3] - 0.5) * (x[:, 3] - 0.5) - 1.0 / 12.0),
        np.where(x[:, 4] > 0.7, 1.0, -0.3),
        np.where((x[:, 5] < 0.3) & (x[:, 6] > 0.5), 1.5, 0.0),
        2.0 * (np.minimum(x[:, 7], x[:, 8]) - 1.0 / 3.0),
        2.0 * np.abs(x[:, 9] - x[:, 10]),
        *(0.2 * (x[:, j] - 0.5) for j in range(11, 20)),
    ):
        total = total + term
    return total - 0.9


def rows(seed, count):
    """Features, a regression and classes."""
    xs, ys, classes = [], [], []
    for first in range(0, count, BLOCK):
        u = uniform(seed, first, min(BLOCK, count - first))
        x = u[:, :FEATURES].astype(np.float32)
        s = score(x.astype(np.float64))
        xs.append(x)
        ys.append((s + 2.0 * ((u[:, 28] + u[:, 29]) + u[:, 30] - 1.5)).astype(np.float32))
        classes.append((u[:, 31] < 0.5 + 0.5 * (s / (0.5 + np.abs(s)))).astype(np.uint8))
    return np.concatenate(xs), np.concatenate(ys), np.concatenate(classes)


def main():
    x, y, classes = rows(1, 1_000_000)
    unseen, y_unseen, classes_unseen = rows(2, 200_000)
    for name, values in (("X", x), ("y", y), ("class", classes)):
        print(f"rows {name}: sha256 {hashlib.sha256(values.tobytes()).hexdigest()}")
    recipe = dict(max_iter=100, max_leaf_nodes=31, max_bins=255, learning_rate=0.1, min_samples_leaf=20, early_stopping=False)

    begin = time.process_time()
    model = HistGradientBoostingRegressor(**recipe).fit(x, y)
    spent = time.process_time() - begin
    print(f"scikit-learn regression: {spent:.1f} CPU-s, R2 {r2_score(y_unseen, model.predict(unseen)):.5f}")

    begin = time.process_time()
    model = HistGradientBoostingClassifier(**recipe).fit(x, classes)
    spent = time.process_time() - begin
    print(f"scikit-learn classes: {spent:.1f} CPU-s, AUC {roc_auc_score(classes_unseen, model.predict_proba(unseen)[:, 1]):.5f}")
    print(f"peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
