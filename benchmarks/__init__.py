"""Side-by-side timings against what a user would write instead. Run with ``python -m benchmarks``."""

import os

# One thread for each process, as in an engine's workers. Libraries read it when they are imported.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
