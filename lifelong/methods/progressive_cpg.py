"""ProgressiveNet as CPG (Hung et al., NeurIPS 2019) measured it: never prune, always widen.

Every task widens the network by as much as the first task had, trains what was added, and uses all
older weights as they are. There are no adapters: for columns with lateral connections as Rusu et
al. (2016) have them see progressive.py. Six fine-grained tasks as reported with CPG: 76.2, 78.9,
89.2, 93.4, 74.9 and 76.4 % at 563 MB.
"""
