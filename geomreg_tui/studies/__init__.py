"""Studies: what a theory claims, one file each: a question, experiments, a statistic, and a verdict."""
