"""What ``python -m runtime.camera`` does: one file a verb."""
