"""The TOML side of a recipe: what may stand in it, and all that is wrong with it, told at once by line."""
