"""Make docs/images/report.png, the picture of a report in the docs: restore the examples, photograph the page.

    pip install "i2sbkit[test]"; apt-get install chromium
    python scripts/report_picture.py [--page FILE.html]

The page is that of `i2sbkit restore examples/jpeg OUT --task jpeg --nfe 5 --samples 4 --spread --references
examples/clean --report FILE.html`, made now unless it is given.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parent.parent
OPTIONS = ("--task", "jpeg", "--nfe", "5", "--samples", "4", "--spread", "--references", "examples/clean")
PICTURE = "blue-periwinkle"
WIDTH = 960


def main(page: Path | None, out: Path) -> None:
    """Make the page if there is none, and the picture of its head and of one of its pictures, one below the other."""
    with tempfile.TemporaryDirectory() as folder:
        page = page or make_page(Path(folder))
        shots = [Path(folder, name) for name in ("head.png", "picture.png")]
        photograph(page, shots)
        parts = [Image.open(shot).convert("RGB") for shot in shots]
    picture = Image.new("RGB", (WIDTH, sum(part.height for part in parts)))
    top = 0
    for part in parts:
        picture.paste(part, (0, top))
        top += part.height
    out.parent.mkdir(parents=True, exist_ok=True)
    picture.quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=4).save(out, optimize=True)


def make_page(folder: Path) -> Path:
    """Restore the examples with a report."""
    page = folder / "report.html"
    command = [sys.executable, "-m", "i2sbkit", "restore", "examples/jpeg", folder / "out", *OPTIONS, "--report", page]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return page


def photograph(page: Path, shots: list[Path]) -> None:
    """The head of a page, and the place of `PICTURE` on it with the slider moved."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        view = browser.new_page(viewport={"width": WIDTH, "height": 900}, reduced_motion="reduce")
        view.goto(page.resolve().as_uri())
        header = view.locator("header").bounding_box()
        head = {"x": 0, "y": 0, "width": WIDTH, "height": header["y"] + header["height"] + 15}
        view.screenshot(path=shots[0], clip=head)
        article = view.locator(f'.picture:has(h3:text("{PICTURE}"))')
        slider = article.locator(".compare")
        size = slider.bounding_box()
        slider.click(position={"x": 0.42 * size["width"], "y": 0.5 * size["height"]})
        view.evaluate("scrollTo(0, 0)")
        place = article.bounding_box()
        view.screenshot(
            path=shots[1],
            full_page=True,
            clip={"x": 0, "y": place["y"] - 10, "width": WIDTH, "height": place["height"] + 30},
        )
        browser.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", type=Path)
    parser.add_argument("--out", type=Path, default=ROOT / "docs/images/report.png")
    arguments = parser.parse_args()
    main(arguments.page, arguments.out)
