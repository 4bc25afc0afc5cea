"""Parts in one word, as the command line takes them."""

import pytest

from i2sbkit import Error
from i2sbkit.part_text import part_of


@pytest.mark.parametrize(
    ("text", "table"),
    [
        ("jpeg:quality=10", {"name": "jpeg", "quality": 10}),
        ("blur:kernel=uniform,size=9", {"name": "blur", "kernel": "uniform", "size": 9}),
        ("jpeg:quality=[5, 40],subsampling=4:4:4", {"name": "jpeg", "quality": [5, 40], "subsampling": "4:4:4"}),
        ('jpeg:quality=10,subsampling="4:2:0"', {"name": "jpeg", "quality": 10, "subsampling": "4:2:0"}),
        ("i2sbkit:jpeg:quality=10", {"name": "i2sbkit:jpeg", "quality": 10}),
        ("inpaint:shape=center", {"name": "inpaint", "shape": "center"}),
        (
            'mixture:of=[{name="jpeg",quality=10},{name="jpeg",quality=20}]',
            {"name": "mixture", "of": [{"name": "jpeg", "quality": 10}, {"name": "jpeg", "quality": 20}]},
        ),
    ],
)
def test_a_part_is_written_as_its_name_and_options(text, table):
    part, found = part_of("corruption", text)
    assert found == table
    assert type(part).__module__.startswith("i2sbkit_plugins")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("jpg:quality=10", "jpeg"),
        ("jpeg:quality", "write it as|no corruption"),
        ("jpeg:quality=10,", "write it as"),
        ("jpeg:quality=ten", "quality"),
        ("jpeg:quality=10,sharpness=1", "sharpness"),
        ("", "corruption"),
        ("=1", "write it as|corruption"),
    ],
)
def test_what_is_no_part_is_told_in_a_line(text, says):
    with pytest.raises(Error, match=says) as caught:
        part_of("corruption", text)
    assert repr(text) in str(caught.value)
