"""Probe: an output layer of each task's own on frozen, pretrained weights, and nothing else.

The baseline that papers about pretrained networks rarely print: what the weights know already. Its
features do not change, so that each image passes the network once, unless training augments them.
"""
