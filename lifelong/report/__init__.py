"""Records made visible: figures and one self-contained page."""
