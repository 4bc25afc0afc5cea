"""Reports in a browser: on any screen, by keyboard, without scripts, and whatever their files are called."""

import pytest
from report_pages import HOSTILE

pytestmark = pytest.mark.browser


def test_light_and_dark(visit):
    """The page follows the reader's colour scheme, text stands out on it in both."""

    def luminance(page, what, name):
        color = page.locator(what).first.evaluate(f"each => getComputedStyle(each)['{name}']")
        return sum(map(float, color.removeprefix("rgb(").rstrip(")").split(", "))) / 3

    light, dark = visit(color_scheme="light"), visit(color_scheme="dark")
    for page, sign in ((light, 1), (dark, -1)):
        assert sign * (luminance(page, "body", "backgroundColor") - luminance(page, "body", "color")) > 150
        assert sign * (luminance(page, ".picture", "backgroundColor") - luminance(page, "dt", "color")) > 80


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
def test_no_screen_is_too_narrow(visit, width):
    """Nothing has to be scrolled sideways, and a table that is too wide scrolls in its own box."""
    page = visit(viewport={"width": width, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wider = page.evaluate(
        """[...document.querySelectorAll("main *:not(.scroll *)")]
           .filter((each) => each.getBoundingClientRect().right > innerWidth + 1).map((each) => each.outerHTML)"""
    )
    assert wider == []


def test_everything_can_be_reached_by_keyboard(visit):
    """Tab goes to every control, and shows where it is."""
    page = visit()
    seen = set()
    for _ in range(30):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.className || document.activeElement.localName"))
        if page.evaluate("document.activeElement.matches('.play, .scrub, summary')"):
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert {"split", "play", "scrub", "summary"} <= seen


def test_names_are_text(visit):
    """A file name that is markup is shown as it is and does nothing."""
    page = visit()
    assert page.title() == "2 pictures restored"
    shown = page.locator(".picture h3").nth(1).inner_text()
    assert shown == HOSTILE.replace("\n", "\\n").replace("\u202e", "\\u202e")
    assert page.locator(".failures li").inner_text() == f"{shown}: bad"
    assert page.locator("script").count() == 1
    assert page.locator("main b").count() == 0


def test_the_page_may_load_nothing(visit, problems):
    """It asks for nothing, and its own policy would stop it: a picture from elsewhere, a connection, a script."""
    page = visit()
    assert page.evaluate("performance.getEntriesByType('resource').filter((e) => !e.name.startsWith('data:'))") == []
    assert problems == []
    refused = page.evaluate(
        """async () => {
          const refused = [];
          document.addEventListener("securitypolicyviolation", (event) => refused.push(event.effectiveDirective));
          const late = document.createElement("script");
          late.textContent = "document.title = 'owned'";
          document.body.append(late);
          document.body.append(Object.assign(new Image(), { src: "http://127.0.0.1:9/x.png" }));
          await fetch("http://127.0.0.1:9/").catch(() => {});
          await new Promise((done) => setTimeout(done, 200));
          return refused.sort();
        }"""
    )
    assert refused == ["connect-src", "img-src", "script-src-elem"]
    assert page.title() == "2 pictures restored"
    problems.clear()  # those were provoked


def test_without_scripts_both_pictures_are_there(visit):
    """Side by side, with the frames of the film in a row, and no control that does nothing."""
    page = visit(java_script_enabled=False)
    before, after = (page.locator(f".compare {which}").first.bounding_box() for which in ("img.before", "img.after"))
    assert before["x"] + before["width"] <= after["x"] or before["y"] + before["height"] <= after["y"]
    assert page.locator(".film").first.locator(".strip img:visible").count() == 6
    assert page.locator("input:visible, button:visible, .stage:visible, .handle:visible").count() == 0
