"""One class per pixel or voxel."""
