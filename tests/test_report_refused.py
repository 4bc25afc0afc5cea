"""Reports that cannot be: refused before any work, and never half-written."""

from pathlib import Path

import pytest
from report_pages import text_of, write_report


def test_the_page_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    """Where the disk is full an older page stays as it was, and nothing half-written is left."""
    path = write_report(tmp_path / "r.html", "a.png")
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space"):
        write_report(path, "b.png")
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--report", "r.txt"), "r.txt: a report is an HTML page; give it a name that ends in .html"),
        (("--report", "old.html"), "old.html: exists already; --overwrite replaces it"),
        (("--report", "folder.html"), "folder.html: a folder"),
        (("--report", "in/a.png/r.html"), "in/a.png: a file, so there can be no folder"),
        (("--in-place", "--report", "r.html", "--references", "clean"), "give a folder or a file as OUT"),
        (("--references", "clean"), "add --report FILE.html"),
        (("--report", "r.html", "--references", "nowhere"), "nowhere: no such file or folder"),
        (("--report", "r.html", "--references", "in/sub"), "in/sub: no reference for in/a.png (2 of 2 are missing)"),
        (("--report", "r.html", "--references", "in/a.png"), "in/a.png: one reference for 2 pictures"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(pairs_here, restore, options, message):
    """A page of another name, or in the way of something, and references that do not fit: exit 2, nothing written."""
    Path("old.html").write_text("old")
    Path("folder.html").mkdir()
    code, _, err = restore("in", *(["out"] if "--in-place" not in options else []), *options)
    assert code == 2
    assert message in err
    assert not Path("out").exists() and not Path("r.html").exists()
    assert Path("old.html").read_text() == "old"


def test_overwrite_replaces_the_page(pairs_here, restore):
    """As it does the pictures."""
    Path("r.html").write_text("old")
    assert restore("in", "out", "--report", "r.html", "--overwrite")[0] == 0
    assert "2 pictures restored" in text_of()
