"""What is not a defect of the cloth: the camera's own faults, its light, seams, other cloth, things in the way."""
