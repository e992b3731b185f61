"""Tasks that share whole layers: what is shared, what is a task's own, and a model of many tasks.

In: images of one task and the model so far. Out: the tensors that the task brought or changed.
"""
