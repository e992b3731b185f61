"""Raw images to packs of uint8 arrays, and packs to batches on the device.

In: image folders, archives, scikit-learn's digits. Out: one HDF5 pack a data set, `TaskArrays` of a
task, and, in `batches`, `streamed` and `augment` (the only files here that need torch), normalised
batches.
"""
