"""Raw images to packs of uint8 arrays, and packs to batches on the device.

In: image folders, archives, scikit-learn's digits. Out: one HDF5 pack a data set, `TaskArrays` of a
task, and, in `batches` (the only file here that needs torch), normalised batches.
"""
