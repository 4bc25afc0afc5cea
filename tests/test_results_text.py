"""The table of an evaluation as Markdown and as text: its numbers, what is marked, and hostile names."""

import math
import re
from dataclasses import replace

import pytest
from evaluations import BAD, COLUMNS, INPUT, around, hostile, results, without_comparison
from markdown_it import MarkdownIt

from i2sbkit.printable import one_line
from i2sbkit.results.evaluation import Arm, ArmResult, Interval
from i2sbkit.results.tables import best_of, number, tables, title
from i2sbkit.results.texts import markdown, text_tables


@pytest.mark.parametrize(
    ("column", "value", "written"),
    [
        ("psnr_rgb", 27.456, "27.46"),
        ("psnr_b_y_crop8", 27.0, "27.00"),
        ("psnr_y", math.inf, "inf"),
        ("psnr_y", math.nan, "nan"),
        ("ssim_y", 0.75316, "0.7532"),
        ("ms_ssim_rgb", 1.0, "1.0000"),
        ("lpips", 0.12345, "0.123"),
        ("lpips", 0.1, "0.100"),
        ("fid", 123.4, "123"),
        ("fid", 999.96, "1000"),
        ("fid", 23456.7, "23457"),
        ("fid", 0.0, "0.00"),
        ("kid", 1.2345e-05, "1.23e-05"),
        ("seconds", 1e7, "1.00e+07"),
    ],
)
def test_numbers_are_written_by_their_column(column, value, written):
    """PSNR with 2 decimals, SSIM with 4, all else with 3 digits."""
    assert number(column, value) == written


@pytest.mark.parametrize(
    ("value", "written"), [(0.123, "+0.12"), (-0.126, "-0.13"), (-0.001, "+0.00"), (math.inf, "+inf")]
)
def test_differences_have_a_sign(value, written):
    """Plus or minus; there is no minus zero."""
    assert number("psnr_rgb", value, sign=True) == written


@pytest.mark.parametrize(
    ("column", "written"),
    [
        ("psnr_rgb", "PSNR RGB (dB)"),
        ("psnr_b_y", "PSNR-B Y (dB)"),
        ("ms_ssim_y_crop4", "MS-SSIM Y crop4"),
        ("percep_efflite0", "Percep efflite0"),
        ("fid", "FID"),
        ("spread", "Spread (levels)"),
        ("seconds", "Seconds"),
    ],
)
def test_columns_have_titles(column, written):
    """As a reader knows them, with their unit."""
    assert title(column) == written


def parsed(text):
    """The cells of each table and the text of each list item, as GitHub would show them."""
    tokens = MarkdownIt("js-default").parse(text)
    found, items = [], []
    for k, token in enumerate(tokens):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type in ("th_open", "td_open"):
            found[-1][-1].append(shown(tokens[k + 1]))
        elif token.type == "list_item_open":
            items.append(shown(tokens[k + 2]))
    return found, items


def shown(token):
    """Inline text without its marks; a link, a picture or HTML in it would be missing."""
    return "".join(child.content for child in token.children if child.type in ("text", "text_special", "code_inline"))


def test_markdown_has_tables_notes_and_settings():
    """A row for each arm, means with intervals, differences with p, then the notes, and the settings to unfold."""
    text = markdown(results())
    (means, differences, settings), notes = parsed(text)
    assert means[0] == ["", "Seconds", "PSNR RGB (dB) ↑", "SSIM RGB ↑", "LPIPS ↓", "Spread (levels)", "FID ↓"]
    assert [row[0] for row in means[1:]] == [each.arm.label for each in results().arms]
    assert means[1][1:] == ["", "25.10 [24.50, 25.80]", "0.7300 [0.7100, 0.7500]", "0.400 [0.300, 0.500]", "", "88.3"]
    assert means[3][1:3] == ["0.300", "27.00 [26.50, 27.50]"]
    assert differences[1] == [
        "sde nfe 1",
        "+0.12 [+0.07, +0.17], p < 0.001",
        "-0.00200 [-0.00500, +0.00100], p = 0.250",
    ]
    assert [row[0] for row in settings[1:]] == ["Weights", "Data", "Seed"]
    assert notes == ["Few pictures."]
    assert re.search(r"(?s)Few pictures\.\n\n<details>\n<summary>Settings</summary>\n\n\|.*\|\n\n</details>\n\Z", text)


def test_the_best_of_a_column_is_marked():
    """In bold or with a star: the highest or the lowest, by what the column is; of a column that is neither, none."""
    bold = [line for line in markdown(results()).splitlines() if "**" in line]
    assert [line.split(" | ")[0] for line in bold] == ["| sde nfe 1", "| dbim nfe 1 eta 0.5", "| dbim nfe 100 eta 0.5"]
    assert re.findall(r"\*\*(.*?)\*\*", "".join(bold)) == ["0.8400", "28.20", "0.8400", "0.0800", "18.6"]
    _, _, rows = text_tables(results())[0]
    starred = [(row[0], k) for row in rows for k, cell in enumerate(row) if cell.endswith(" *")]
    assert starred == [
        ("sde nfe 1", 3), ("dbim nfe 1 eta 0.5", 2), ("dbim nfe 1 eta 0.5", 3), ("dbim nfe 100 eta 0.5", 4),
        ("dbim nfe 100 eta 0.5", 6),
    ]  # fmt: skip


def test_the_input_may_be_the_best():
    """Where every arm makes it worse, the mark stands at the input."""
    worse = ArmResult(Arm("sde", {"nfe": 1}), 0.1, {"psnr_rgb": around(20, 1)})
    found = results(arms=(INPUT, worse), higher_is_better={"psnr_rgb": True})
    assert "**25.10**" in markdown(found)
    assert best_of(found.arms, "psnr_rgb", True) == (INPUT, 25.1)


def test_not_a_number_is_never_the_best():
    """Nor does it hide what is."""
    arms = [
        ArmResult(Arm("sde", {"nfe": n}), 0.1, {"psnr_rgb": around(value, 1)})
        for n, value in enumerate((math.nan, 20.0, math.nan))
    ]
    assert best_of(arms, "psnr_rgb", True) == (arms[1], 20.0)
    assert best_of(arms[:1], "psnr_rgb", True) is None


def test_equal_pictures_are_inf():
    """An infinite mean is the best, and written as such."""
    perfect = ArmResult(Arm("sde", {"nfe": 1}), 0.1, {"psnr_rgb": Interval(math.inf, 30.0, math.inf)})
    text = markdown(results(arms=(INPUT, perfect), higher_is_better={"psnr_rgb": True}))
    assert "**inf** [30.00, inf]" in text


def test_one_picture_has_no_interval():
    """There is nothing to draw again from."""
    text = markdown(without_comparison(results(pictures=1)))
    assert "[" not in text
    assert text.startswith("Of 1 picture")


def test_without_another_run_there_are_no_differences():
    """One table; neither notes nor settings where there are none."""
    alone = without_comparison(results(notes=(), settings=()))
    assert len(tables(alone)) == len(text_tables(alone)) == 1
    assert "details" not in markdown(alone)


def test_text_tables_name_columns_as_json_does():
    """And have cells for all of them."""
    (caption, header, rows), (other, columns, differences) = text_tables(results())
    assert header == ["", "seconds", *COLUMNS]
    assert columns == ["", "psnr_rgb", "lpips"]
    assert {len(row) for row in rows} == {len(header)}
    assert {len(row) for row in differences} == {3}
    assert caption.startswith("Means of 50 pictures") and caption.endswith("; * best of its column")
    assert "Differences to old" in other


def test_hostile_names_stay_text():
    """Markup, pipes, quotes and control characters are shown as they are, and open neither cell, row nor HTML."""
    found = replace(hostile(), notes=(BAD, "- x | *y* <b> [a](b) `c` #1", "# h"))
    text = markdown(found)
    (means, _, settings), notes = parsed(text)
    spelled = one_line(BAD)
    assert [len(row) for row in means] == [8] * 4
    assert means[3][0] == f"{spelled} nfe 2 kind {spelled}"
    assert means[0][-1] == one_line(title(f"percep_{BAD}")) + " ↑"
    assert settings[1] == [spelled, spelled]
    assert notes == [spelled, "- x | *y* <b> [a](b) `c` #1", "# h"]
    assert f"Differences to {spelled} on" in "".join(map(shown, inlines(text)))
    assert all(line.isprintable() for line in text.splitlines())
    assert not re.search(r"<(?!details>|summary>|/)", text)


def inlines(text):
    return [token for token in MarkdownIt("js-default").parse(text) if token.type == "inline"]


def test_hostile_names_stay_on_their_line():
    """In a terminal nothing is a control character."""
    for caption, header, rows in text_tables(hostile()):
        assert all(cell.isprintable() for cell in (caption, *header, *(each for row in rows for each in row)))
