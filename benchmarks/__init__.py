"""Side-by-side timings against what a user would write instead. Run with ``python -m benchmarks``."""
