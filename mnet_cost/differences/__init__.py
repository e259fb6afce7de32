"""What differs between networks: aligned layers, causes that add up, ratios of times."""
