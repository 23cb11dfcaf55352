"""Rolls of cloth: what is kept of one while it is made, its grade, and its report."""
