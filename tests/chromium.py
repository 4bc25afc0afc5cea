"""A headless Chromium for tests of pages, driven by Playwright: the one that the system has, never a download."""

import shutil

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


def launch(playwright):
    """Start it; it has an empty profile of its own, and what it would do behind a user's back is off."""
    return playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
