"""The simulated loom: fabric, optics, sensor and defects with their ground truth."""
