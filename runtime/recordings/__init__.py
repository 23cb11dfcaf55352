"""Recorded rolls: what a camera gave, line for line, in a folder. The format is docs/recordings.md."""
