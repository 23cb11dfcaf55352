"""Scenario packs run and measured: see benchmarks/scenarios.py."""
