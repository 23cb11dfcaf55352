"""What runs on the loom: cameras, tiles, engines, defects, events. Never torch."""

import os

__version__ = "0.1.0"

# Only the simulated cloth multiplies matrices, and small ones: a second BLAS thread would wait for them by
# spinning on a core that the engine needs (simulated cloth was drawn ten times slower with it). It must be
# said before numpy is loaded; whoever sets the variable keeps their choice.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
