"""Pictures in files: how each format is read and written, with what it holds beside the pixels."""
