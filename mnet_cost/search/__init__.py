"""Many candidates at once: comparisons."""
