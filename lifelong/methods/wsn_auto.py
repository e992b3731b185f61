"""WSN with a share c of its own for every task: ours, not of a paper.

Learns a task as WSN does, then uses less and less of every layer, rung by rung, by the scores that
were learned, and trains the weights that are the task's own a little after each; of the rungs that
meet the task's goal the smallest counts. So an easy task takes few weights and a hard one more,
as CPG chooses pruning ratios.
"""
