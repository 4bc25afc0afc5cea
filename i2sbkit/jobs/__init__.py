"""Files one after another: which are to be made of which, what becomes of each, and what is told of it."""
