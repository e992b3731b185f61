"""The engine of lessons: one trunk, a head for each task, and what weighs their losses."""
