"""The control door: what a running stream is told, and what it shows, over a Unix socket (docs/control.md)."""
