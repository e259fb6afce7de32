"""Training: data, recipes, the loop, and checkpoints from which a run goes on bit for bit."""
