"""Evaluation: held-out photographs damaged, restored in several ways and measured, one at a time."""
