"""How far an accuracy on so many test images may be from that on all images of its kind.

Wilson's interval (1927) for one task; for a mean over tasks the intervals are combined by Zou &
Donner's MOVER (Statistics in Medicine, 2008), which keeps them inside [0, 1].
"""

import math
from collections.abc import Sequence

NORMAL_95 = 1.959963984540054  # of the standard normal distribution, two-sided


def wilson(accuracy: float, images: int, z: float = NORMAL_95) -> tuple[float, float]:
    """The lower and upper end for an accuracy in [0, 1] measured on so many images."""
    if images < 1 or not 0 <= accuracy <= 1:
        raise ValueError(f"no interval for an accuracy of {accuracy} on {images} images")
    shrunk = 1 + z**2 / images
    centre = (accuracy + z**2 / (2 * images)) / shrunk
    half = z / shrunk * math.sqrt(accuracy * (1 - accuracy) / images + (z / (2 * images)) ** 2)
    return min(accuracy, centre - half), max(accuracy, centre + half)


def of_mean(accuracies: Sequence[float], images: Sequence[int]) -> tuple[float, float]:
    """The same for the mean of several tasks' accuracies, each on its own images."""
    ends = [wilson(*pair) for pair in zip(accuracies, images, strict=True)]
    mean, count = math.fsum(accuracies) / len(accuracies), len(accuracies)
    below = math.sqrt(
        math.fsum((p - low) ** 2 for p, (low, _) in zip(accuracies, ends, strict=True))
    )
    above = math.sqrt(
        math.fsum((high - p) ** 2 for p, (_, high) in zip(accuracies, ends, strict=True))
    )
    return mean - below / count, mean + above / count
