"""Networks that are run here, and what comes of it: times, kernels, a profile of this machine."""
