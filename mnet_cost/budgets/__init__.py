"""What networks may cost, and whether they are within it: budgets, verdicts, baselines."""
