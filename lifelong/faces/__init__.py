"""Photographs to aligned faces, and what is known of them.

In: photographs and the label files of face data sets. Out: samples with labels, splits, folds and
pairs; aligned crops with a row for every photograph; accuracies of pairs from embeddings.
"""
