"""Reports in a browser: what a reader moves and plays."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def share_before(page, index=0):
    """How much of a slider's width shows the degraded picture, in percent: what the right one is cut by."""
    clip = page.locator(".top").nth(index).evaluate("each => getComputedStyle(each).clipPath")
    assert clip.startswith("inset(0px 0px 0px ")
    return float(clip.removeprefix("inset(0px 0px 0px ").rstrip("%)"))


def color_at(page, x, y):
    """The colour of a pixel of the screen."""
    shot = page.screenshot(clip={"x": x, "y": y, "width": 1, "height": 1})
    return page.evaluate(
        """async (bytes) => {
          const picture = await createImageBitmap(new Blob([new Uint8Array(bytes)]));
          const pen = new OffscreenCanvas(1, 1).getContext("2d");
          pen.drawImage(picture, 0, 0);
          return [...pen.getImageData(0, 0, 1, 1).data];
        }""",
        list(shot),
    )


def test_the_slider_follows_the_mouse(visit):
    """Pressed and moved, the split goes where the pointer is; left of it is the degraded picture, which is white."""
    page = visit()
    box = page.locator(".compare").first
    box.scroll_into_view_if_needed()
    place = box.bounding_box()
    middle = place["y"] + place["height"] * 0.75
    assert share_before(page) == 50
    page.mouse.move(place["x"] + place["width"] * 0.3, middle)
    page.mouse.down()
    assert share_before(page) == pytest.approx(30, abs=1)
    page.mouse.move(place["x"] + place["width"] * 0.8, middle, steps=3)
    assert share_before(page) == pytest.approx(80, abs=1)
    assert min(color_at(page, place["x"] + place["width"] * 0.7, middle)) > 250
    assert min(color_at(page, place["x"] + place["width"] * 0.9, middle)) < 230
    page.mouse.up()
    page.mouse.move(place["x"] + 1, middle)
    assert share_before(page) == pytest.approx(80, abs=1)
    assert share_before(page, 1) == 50


def test_the_slider_follows_the_keys(visit):
    """Arrows, Home and End move the split, and screen readers are told."""
    page = visit()
    split = page.locator(".split").first
    split.focus()
    for key, share in (("ArrowRight", 51), ("ArrowLeft", 50), ("End", 100), ("Home", 0)):
        page.keyboard.press(key)
        assert share_before(page) == share
        assert split.get_attribute("aria-valuetext") == f"{share} % before, {100 - share} % after"


def test_the_slider_follows_a_finger(visit):
    """A tap moves the split."""
    page = visit(has_touch=True, viewport={"width": 360, "height": 740})
    box = page.locator(".compare").first
    box.scroll_into_view_if_needed()
    place = box.bounding_box()
    page.touchscreen.tap(place["x"] + place["width"] * 0.25, place["y"] + place["height"] / 2)
    assert share_before(page) == pytest.approx(25, abs=1)


def test_the_film_plays(visit):
    """Through all frames from the degraded to the restored picture, which change the picture, and stops there."""
    page = visit()
    film = page.locator(".film").first
    assert film.locator("output").inner_text() == "n = 0"
    film.evaluate(
        """(film) => {
          window.seen = [];
          const note = () => window.seen.push([film.querySelector("output").value, film.querySelector(".stage").src]);
          new MutationObserver(note).observe(film.querySelector("output"), { childList: true });
        }"""
    )
    film.locator(".play").click()
    expect(film.locator(".play")).to_have_text("Pause")
    expect(film.locator(".play")).to_have_text("Play")
    seen = page.evaluate("window.seen")
    assert [node for node, _ in seen] == ["n = 999", "n = 800", "n = 600", "n = 400", "n = 200", "n = 0"]
    assert len({source for _, source in seen}) == 6


def test_the_film_pauses(visit):
    """Paused by its button it stays, and plays on from there, by the space bar too."""
    page = visit()
    film = page.locator(".film").first
    play, node = film.locator(".play"), film.locator("output")
    play.click()
    expect(node).not_to_have_text("n = 0")
    play.click()
    expect(play).to_have_text("Play")
    paused = node.inner_text()
    page.wait_for_timeout(600)
    assert node.inner_text() == paused
    film.locator(".scrub").focus()
    page.keyboard.press(" ")
    expect(play).to_have_text("Pause")
    expect(node).to_have_text("n = 0")


def test_the_film_is_scrubbed(visit):
    """The bar goes from frame to frame, a click on a frame goes there, and what is shown has a name."""
    page = visit()
    film = page.locator(".film").first
    scrub, node, stage = film.locator(".scrub"), film.locator("output"), film.locator(".stage")
    scrub.focus()
    page.keyboard.press("Home")
    assert (node.inner_text(), scrub.get_attribute("aria-valuetext")) == ("n = 999", "node 999")
    assert stage.get_attribute("alt") == "photo.png at node 999"
    first = stage.get_attribute("src")
    page.keyboard.press("ArrowRight")
    assert node.inner_text() == "n = 800"
    assert stage.get_attribute("src") != first
    film.locator(".strip img").nth(4).click()
    assert node.inner_text() == "n = 200"
    page.keyboard.press("ArrowRight")
    assert node.inner_text() == "n = 0"


def test_a_film_plays_by_itself_only_for_those_who_like_motion(visit):
    """Once, when it comes into view; never where reduced motion is asked for."""
    lively = visit(motion="no-preference")
    lively.locator(".film").first.scroll_into_view_if_needed()
    expect(lively.locator(".film .play").first).to_have_text("Pause")
    expect(lively.locator(".film output").first).to_have_text("n = 0")
    calm = visit(motion="reduce")
    calm.locator(".film").first.scroll_into_view_if_needed()
    calm.wait_for_timeout(600)
    assert calm.locator(".film output").first.inner_text() == "n = 0"
    assert calm.locator(".film .play").first.inner_text() == "Play"
