"""Restoring many pictures: files to files, shards to shards, a stream; in one process or several."""
