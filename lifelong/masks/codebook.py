"""Weights in a few bits: of each layer some centres, and for every weight which one it is."""

from dataclasses import replace

import numpy as np

from lifelong.masks.shard import Arrays, Shard


def quantised(shard: Shard, count: int) -> Shard:
    """The shard with its weights at the nearest of at most `count` centres per layer."""
    centres = {name: centres_of(values, count) for name, values in shard.values.items()}
    values = {
        name: centres[name][codes_of(values, centres[name])] if values.size else values
        for name, values in shard.values.items()
    }
    return replace(shard, values=values, centres=centres)


def centres_of(values: np.ndarray, count: int) -> np.ndarray:
    """At most `count` centres, rising, float32: k-means from quantiles, by scikit-learn."""
    distinct = np.unique(values)
    if distinct.size <= count:
        return distinct
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits

    start = _quantiles(values, count)
    if len(start) < count:  # one value, such as zero, makes up most of them
        start = _quantiles(distinct, count)
    means = KMeans(len(start), init=start[:, None], n_init=1, max_iter=50, tol=1e-6)
    with threadpool_limits(1):  # sums in another order would give other bits
        centres = means.fit(values[:, None]).cluster_centers_
    return np.unique(centres.astype(np.float32))


def _quantiles(values: np.ndarray, count: int) -> np.ndarray:
    """The middles of `count` equal shares of the values, rising, each once, float32."""
    return np.unique(np.quantile(values, (np.arange(count) + 0.5) / count)).astype(np.float32)


def codes_of(values: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """The number of the nearest centre of each value, uint8."""
    between = (centres[1:] + centres[:-1]) / 2
    return np.searchsorted(between, values).astype(np.uint8)


def bits_of(centres: int) -> int:
    """How many bits a code takes."""
    return max(1, (centres - 1).bit_length())


def packed_codes(values: Arrays, centres: Arrays) -> np.ndarray:
    """The codes of all layers, bit after bit, uint8."""
    bits = [
        np.unpackbits(codes_of(values[name], own)[:, None], axis=1)[:, 8 - bits_of(own.size) :]
        for name, own in centres.items()
        if own.size
    ]
    parts = [part.ravel() for part in bits]
    return np.packbits(np.concatenate(parts)) if parts else np.empty(0, np.uint8)


def unpacked(codes: np.ndarray, centres: Arrays, counts: dict[str, int]) -> Arrays:
    """The weights of every layer, of which there are `counts`. Raises ValueError for too few."""
    bits, values, start = np.unpackbits(codes), {}, 0
    for name, own in centres.items():
        width = bits_of(own.size)
        stop = start + width * counts[name] if own.size else start
        part = bits[start:stop].reshape(-1, width).astype(np.int64)
        if len(part) != (counts[name] if own.size else 0):
            raise ValueError(f"codes of {name} are missing")
        values[name] = own[part @ (1 << np.arange(width)[::-1])] if len(part) else own[:0]
        start = stop
    return values
