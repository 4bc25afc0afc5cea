"""Reports: one HTML file that shows what was restored, with all that it needs inside."""
