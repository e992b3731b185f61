"""Records made visible: figures and one self-contained page."""

import os

# Figures are drawn without a window. The backend that a notebook's shell names may not be there.
os.environ["MPLBACKEND"] = "agg"
