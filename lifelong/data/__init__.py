"""Raw images to packs of uint8 arrays, and packs to batches on the device.

In: image folders, archives, scikit-learn's digits. Out: one HDF5 pack a data set, `TaskArrays` of a
task, and normalised batches, in the files that need torch: `batches`, `lessons`, `device_split`,
`streamed` and `augment`.
"""
