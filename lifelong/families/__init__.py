"""How each family of methods learns, prunes, chooses, commits and is read back."""
