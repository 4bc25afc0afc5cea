"""Many files, one after another: which there are, what becomes of each, and what is told of it."""
