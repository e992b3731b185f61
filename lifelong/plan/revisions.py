"""The revision of every stage: raise it when a change of its code changes what it writes.

Methods have revisions of their own (`plan/methods.py`). Both are part of what a stage must know, so
that a raised one makes the stages run again that it concerns.
"""

CENTRES = 2  # of `retrain.centres`, where a task has any

STAGES = {
    "align_faces": 2,
    "pack_data": 2,
    "ground": 1,
    "baseline": 2,
    "goals": 2,
    "train": 2,
    "expand": 2,
    "prune": 2,
    "select": 2,
    "retrain": 4,
    "infer": 5,
    "tables": 5,
    "report": 6,
}
