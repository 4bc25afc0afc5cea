"""The kernel: the four nouns, the mathematics of the bridge, and the registry of plugins."""

KERNEL_API = 1
"""The version of what plugins are made of: the nouns, the values they exchange and the hooks (docs/stability.md).

It rises where a plugin that worked would no longer; what is only added does not raise it.
"""
