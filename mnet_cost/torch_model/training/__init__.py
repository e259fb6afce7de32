"""Training: data, recipes, the loop, and checkpoints from which it goes on bit for bit."""
