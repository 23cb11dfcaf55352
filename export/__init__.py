"""From a training to a bundle: one static graph, its engines, and the proof that they agree."""
