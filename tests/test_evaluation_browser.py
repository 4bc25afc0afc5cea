"""The page of an evaluation in a browser: on any screen, in light and dark, with and without scripts."""

import io
import itertools

import pytest
from evaluations import BAD, INPUT, arm, examples, hostile, results
from PIL import Image, ImageColor

from i2sbkit.files import write_text
from i2sbkit.printable import one_line
from i2sbkit.report.evaluation import evaluation_page

pytestmark = pytest.mark.browser
MARKS = {"sde nfe 1": "fast", "dbim nfe 10 eta 0.5": "balanced", "dbim nfe 100 eta 0.5": "best"}
SCREENS = [320, 360, 1280]


@pytest.fixture(scope="module")
def report_page(tmp_path_factory):
    """What `visit` opens: three samplers close to each other, and pictures with hostile names."""
    arms = [
        arm(name, nfe, **options)
        for name, options in (("sde", {}), ("ode", {}), ("dbim", {"eta": 0.5}))
        for nfe in (1, 2, 5, 10, 20, 50, 100)
    ]
    path = tmp_path_factory.mktemp("evaluation") / "e.html"
    write_text(path, evaluation_page(results(arms=(INPUT, *arms)), examples(BAD), "psnr_rgb", MARKS))
    return path


def boxes(page, what):
    """Left, top, right and bottom of the visible ones of these elements; of text without its halo."""
    return page.evaluate(
        """(what) => [...document.querySelectorAll(what)].filter((each) => each.checkVisibility()).map((each) => {
          const { left, top, right, bottom } = each.getBoundingClientRect();
          const halo = each.matches(".label") ? 3 : 0;
          return [left + halo, top + halo, right - halo, bottom - halo];
        })""",
        what,
    )


def style(page, what, name):
    return page.locator(what).first.evaluate(f"each => getComputedStyle(each)['{name}']")


def pixels(page, what):
    """How often each colour occurs in a picture of an element."""
    with Image.open(io.BytesIO(page.locator(what).first.screenshot())) as picture:
        found = picture.convert("RGB")
        return {color: count for count, color in found.getcolors(found.width * found.height)}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_plot_is_seen_in_light_and_dark(visit, scheme):
    """On the card's own colour, with the points of each series and the text in theirs, all different."""
    page = visit(color_scheme=scheme)
    drawn = pixels(page, ".plot >> nth=2")
    colors = [style(page, ".plot", "backgroundColor"), style(page, ".mark", "fill")]
    colors += [style(page, f".point.s{k} path", "stroke") for k in range(3)]
    assert len(set(colors)) == 5
    assert max(drawn, key=drawn.get) == ImageColor.getrgb(colors[0])
    assert (sum(ImageColor.getrgb(colors[0])) > 600) == (scheme == "light")
    for color in colors[1:]:
        assert drawn.get(ImageColor.getrgb(color), 0) > 40


@pytest.mark.parametrize("width", SCREENS)
def test_no_screen_is_too_narrow(visit, width):
    """Nothing has to be scrolled sideways, but tables in their own boxes; all of a plot is on the screen."""
    page = visit(viewport={"width": width, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    inside = boxes(page, ".plot, .plot *:not(g)")
    assert len(inside) > 100
    assert all(left >= 0 and right <= width for left, _, right, _ in inside)


@pytest.mark.parametrize("width", [360, 1280])
def test_text_in_a_plot_is_readable(visit, width):
    """As large on a phone as elsewhere, and no label or tick lies on another one."""
    page = visit(viewport={"width": width, "height": 740})
    for what in (".label", ".tick", ".key", "p.axis"):
        assert float(style(page, what, "fontSize").removesuffix("px")) >= 12
    texts = boxes(page, ".plot .label, .plot .tick")
    assert len(texts) > 4 * 14
    assert not [pair for pair in itertools.combinations(texts, 2) if overlap(*pair)]


def overlap(a, b):
    """Whether two texts lie on each other; their boxes have some air above and below the letters."""
    air = 2
    return a[0] < b[2] and b[0] < a[2] and a[1] + air < b[3] - air and b[1] + air < a[3] - air


def test_wider_screens_show_more_labels(visit):
    """And every screen those of what was picked."""
    phone, desk = (visit(viewport={"width": width, "height": 740}) for width in (360, 1280))
    assert len(boxes(desk, ".label")) > len(boxes(phone, ".label"))
    assert len(boxes(phone, ".mark")) == len(boxes(desk, ".mark")) == 3 * 4


def test_the_restored_picture_is_held_against_the_clean_one(visit):
    """On the slider's left is the degraded picture, or the clean one if the reader says so; screen readers are told."""
    page = visit()
    article = page.locator(".picture").first
    given, clean, split = (article.locator(what) for what in (".given", ".clean", ".split"))
    assert (given.is_visible(), clean.is_visible()) == (True, False)
    article.get_by_label("clean").check()
    assert (given.is_visible(), clean.is_visible()) == (False, True)
    assert split.get_attribute("aria-valuetext") == "50 % clean, 50 % after"
    page.keyboard.press("ArrowLeft")
    assert (given.is_visible(), clean.is_visible()) == (True, False)
    assert split.get_attribute("aria-valuetext") == "50 % before, 50 % after"
    assert page.locator(".picture").nth(1).locator(".given").is_visible()


def test_the_choice_shows_where_the_keyboard_is(visit):
    """Its label has the outline that its hidden radio button would have."""
    page = visit()
    page.locator(".choice input").first.focus()
    page.keyboard.press("ArrowRight")
    assert style(page, ".choice label:has(:focus-visible)", "outlineStyle") == "solid"


def test_without_scripts_all_three_pictures_are_there(visit):
    """Beside or below each other, the plots too, and no control that does nothing."""
    page = visit(java_script_enabled=False)
    shown = boxes(page, ".picture .compare img")
    assert len(shown) == 9
    assert not [pair for pair in itertools.combinations(shown, 2) if overlap(*pair)]
    assert page.locator("input:visible, button:visible, fieldset:visible, .handle:visible").count() == 0
    assert len(boxes(page, ".point")) == 4 * 21


def test_names_are_text(visit, tmp_path):
    """What is markup is shown as it is and does nothing."""
    page = visit()
    assert page.locator(".picture h3").first.inner_text() == " ".join(f"Worst: {one_line(BAD)} worst".split())
    write_text(tmp_path / "h.html", evaluation_page(hostile(), examples(BAD), "psnr_rgb", {"sde nfe 1": BAD}))
    page.goto((tmp_path / "h.html").as_uri())
    assert page.title() == "Evaluation on 50 pictures"
    assert page.locator("script").count() == 1
    assert page.locator("main b").count() == 0
    assert one_line(BAD) in page.locator(".pick").first.inner_text()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_page_may_load_nothing(visit, problems):
    """It asks for nothing, and its own policy refuses nothing that it needs."""
    page = visit()
    assert page.evaluate("performance.getEntriesByType('resource').filter((e) => !e.name.startsWith('data:'))") == []
    assert problems == []
