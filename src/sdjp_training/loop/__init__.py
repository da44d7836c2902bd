"""What every training shares: the loop, the optimisers, the clock, checkpoints, devices, processes."""
