"""What an evaluation found, and its tables for the terminal, Markdown and the report."""
