"""What runs on the loom: cameras, tiles, engines, defects, events. Never torch."""

__version__ = "0.1.0"
