"""Inference: from trained networks to k posterior samples of the outputs. k = 1 equals plain prediction."""
