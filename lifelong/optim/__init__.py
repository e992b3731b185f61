"""Optimisers and schedules, with the bits of the papers' programs."""
