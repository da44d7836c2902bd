"""The parts of every training: the loop, the optimisers, the clock, checkpoints, devices, processes."""
