"""The kernel: the four nouns, the mathematics of the bridge, and the registry of plugins."""
