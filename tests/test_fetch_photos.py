"""scripts/fetch_photos.py: photographs out of Debian's packages, from an archive that the tests make."""

import io
import json
import shutil
import tarfile
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from debian_archive import Archive, fetch_photos, on_debian, photo_sources, private_apt
from photographs import encoded, picture
from PIL import Image

from i2sbkit.kernel.errors import Error
from i2sbkit.sources.shards import decode

ROOT = Path(__file__).parent.parent
FOLDER = "usr/share/pictures"


def source(name, package="hills", suite="old", version="1.0"):
    return photo_sources.Source(f"{package}__{name}.png", package, suite, version, f"{FOLDER}/{name}.jpg", "CC0", "A")


HILLS, DUNES = [source("h1"), source("h2.wide")], [source("d1", "dunes", "new", "2.0")]
SOURCES = {each.key: each for each in [HILLS[0], DUNES[0], HILLS[1]]}


def files(sources, shift=0):
    """The files of a package that holds these photographs."""
    return {each.original: encoded(picture(i + shift, 60, 45), "JPEG") for i, each in enumerate(sources)}


@pytest.fixture
def archive(tmp_path):
    """`hills` 1.0 in the suite `old`, `dunes` 2.0 in `new`."""
    made = Archive(tmp_path / "archive")
    made.add("old", "hills", "1.0", files(HILLS))
    made.add("new", "dunes", "2.0", files(DUNES, 5))
    return made


def fetch(archive, out, sources=SOURCES, **options):
    return fetch_photos.fetch(out, sources, archive.url, None, **options)


def contents(out):
    """name -> bytes of a shard or of all in a folder, in their order."""
    found = {}
    for shard in sorted(out.glob("*.tar")) if out.is_dir() else [out]:
        with tarfile.open(shard) as tar:
            found |= {member.name: tar.extractfile(member).read() for member in tar}
    return found


@on_debian
def test_shards_hold_the_photographs_in_the_order_of_the_list(archive, tmp_path):
    """Each as JPEG with its facts beside it, as in the shards the bundled models are made with; and their credits."""
    out = tmp_path / "out"
    assert fetch(archive, out) == 0
    found = contents(out)
    assert list(found) == [f"{key}.{kind}" for key in SOURCES for kind in ("jpg", "json")]
    assert list(SOURCES) == ["hills__h1", "dunes__d1", "hills__h2_wide"]
    with Image.open(io.BytesIO(found["dunes__d1.jpg"])) as image:
        assert (image.format, image.size) == ("JPEG", (768, 576))
        assert image.layer[0][1:3] == image.layer[1][1:3], "the chroma is subsampled"
    facts = json.loads(found["dunes__d1.json"])
    assert {"file": "dunes__d1.png", **facts} == asdict(DUNES[0])
    assert photo_sources.read_sources(out / "SOURCES.csv") == SOURCES


@on_debian
def test_a_version_that_is_gone_is_replaced_by_the_current_one(archive, tmp_path, capsys):
    """That of the suite; it is said, and the credits name what was taken."""
    wanted = {key: replace(each, version="0.9") for key, each in SOURCES.items() if each.package == "hills"}
    archive.add("new", "hills", "3.0", files(HILLS, 7))
    assert fetch(archive, tmp_path / "out", {**wanted, DUNES[0].key: DUNES[0]}) == 0
    assert "hills 0.9 is gone: 1.0 taken" in capsys.readouterr().out
    taken = photo_sources.read_sources(tmp_path / "out/SOURCES.csv")
    assert {each.version for each in taken.values() if each.package == "hills"} == {"1.0"}


def test_the_pinned_version_is_taken_from_wherever_it_is():
    """Else the newest of the suite, else the newest there is, else none."""
    versions = [("3", "sid"), ("2.1", "old"), ("2", "old"), ("1", "older")]
    for suite, pinned, taken in [("old", "1", "1"), ("old", "2", "2"), ("old", "9", "2.1"), ("gone", "9", "3")]:
        assert fetch_photos.current(versions, suite, pinned) == taken
    assert fetch_photos.current([], "old", "1") is None


@on_debian
def test_what_is_converted_is_not_fetched_again(archive, tmp_path, capsys):
    """With a package gone the others' shards are written; when it is back only that one is downloaded."""
    out = tmp_path / "out"
    archive.drop("new")
    assert fetch(archive, out) == 1
    assert "dunes is gone from new, old: 1 photographs are missing" in capsys.readouterr().out
    assert list(contents(out)) == ["hills__h1.jpg", "hills__h1.json", "hills__h2_wide.jpg", "hills__h2_wide.json"]
    archive.drop("old")
    archive.add("new", "dunes", "2.0", files(DUNES))
    assert fetch(archive, out) == 0
    assert len(contents(out)) == 6
    shutil.rmtree(archive.folder)
    assert fetch(archive, out) == 0
    assert "has all 3 photographs already" in capsys.readouterr().out


@on_debian
@pytest.mark.parametrize("keep", [False, True])
def test_packages_are_deleted_unless_they_are_kept(keep, archive, tmp_path):
    """Beside the shards and credits nothing is left; --keep leaves the packages, not what they unpack to."""
    out = tmp_path / "out"
    fetch(archive, out, keep=keep)
    assert {path.name for path in out.rglob("*.deb")} == ({"hills_1.0_all.deb", "dunes_2.0_all.deb"} if keep else set())
    assert (out / ".fetching").exists() == keep
    assert not list(out.rglob(FOLDER))


@on_debian
def test_a_photograph_that_is_not_there_or_damaged_is_said(archive, tmp_path, capsys):
    """The others are written, and the number of the missing is returned."""
    wanted = {**SOURCES, "hills__lost": source("lost")}
    archive.drop("old")
    archive.add("old", "hills", "1.0", {**files(HILLS), HILLS[1].original: b"\xff\xd8 nothing"})
    assert fetch(archive, tmp_path / "out", wanted) == 2
    said = capsys.readouterr().out
    assert "hills__lost: not in hills 1.0: missing" in said
    assert "hills__h2_wide: not a readable picture" in said
    assert list(photo_sources.read_sources(tmp_path / "out/SOURCES.csv")) == ["hills__h1", "dunes__d1"]


def test_the_list_names_every_photograph_the_bundled_models_are_made_with():
    """Those that they are trained on and those that are held out, no other; each once, with a licence and an author."""
    listed = photo_sources.read_sources()
    credited = []
    for path in (ROOT / "i2sbkit/weights/CREDITS.csv", ROOT / "benchmarks/heldout/CREDITS.csv"):
        credited += photo_sources.read_sources(path)
    assert sorted(listed) == sorted(credited)
    assert all(each.licence and each.author for each in listed.values())


@pytest.mark.slow
@on_debian
def test_held_out_photographs_are_rebuilt_from_debian(tmp_path):
    """Six photographs of 8 MB of trixie, as they are there today, have the pixels that the repository holds."""
    theme = "wordpress-theme-twentytwentyfive"
    wanted = {key: each for key, each in photo_sources.read_sources().items() if each.package == theme}
    assert len(wanted) == 6
    try:
        assert fetch_photos.fetch(tmp_path, wanted, private_apt.system_mirror(), private_apt.KEYRING) == 0
    except Error as error:
        if "apt-get update" in str(error):
            pytest.skip(str(error))
        raise
    for name, data in contents(tmp_path).items():
        if name.endswith(".jpg"):
            whole = decode(data, name)
            down, right = ((side - 256) // 2 for side in whole.shape[1:])
            crop = decode((ROOT / "benchmarks/heldout" / name.replace(".jpg", ".webp")).read_bytes(), name)
            difference = whole[:, down : down + 256, right : right + 256].int() - crop.int()
            assert difference.abs().max() <= 2, name  # decoders of JPEG may round otherwise


@on_debian
def test_what_goes_wrong_is_said_in_one_line(archive, tmp_path, monkeypatch):
    """No keyring, no such archive, nobody signed it, none of the packages, no room, not Debian: what to do is said."""
    out = tmp_path / "out"
    with pytest.raises(Error, match="apt-get install debian-archive-keyring"):
        fetch_photos.fetch(out, SOURCES, archive.url, tmp_path / "none.gpg")
    with pytest.raises(Error, match=r"apt-get update: .*--mirror URL"):
        fetch_photos.fetch(out, SOURCES, f"file://{tmp_path}/nowhere", None)
    (tmp_path / "empty.gpg").touch()
    with pytest.raises(Error, match="is not signed"):
        fetch_photos.fetch(out, SOURCES, archive.url, tmp_path / "empty.gpg")
    with pytest.raises(Error, match="none of the packages"):
        fetch(archive, out, {"a__b": source("b", "a")})
    with monkeypatch.context() as patch, pytest.raises(Error, match=r"MB are needed and 0 MB free"):
        patch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(100, 99, 1))
        fetch(archive, out)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Error, match="no apt-get here: run this on Debian"):
        fetch(archive, out)
    assert not list(out.glob("*.tar"))


def test_photographs_are_shrunk_in_two_steps(tmp_path):
    """To 4/5 and at most 1024 pixels, then to 576, by Lanczos; alpha and comments do not go into the file."""
    image = picture(1).resize((1500, 1400))
    plain = image.resize((1097, 1024), Image.Resampling.LANCZOS).resize((617, 576), Image.Resampling.LANCZOS)
    image.putalpha(7)
    image.save(tmp_path / "a.png", compress_level=1)
    wanted = encoded(plain, "JPEG", quality=95, subsampling=0, optimize=True)
    assert fetch_photos.prepared(tmp_path / "a.png") == wanted
    picture(1).save(tmp_path / "b.jpg", comment=b"taken by nobody")
    assert b"nobody" not in fetch_photos.prepared(tmp_path / "b.jpg")


@pytest.mark.parametrize("count", [1, 10, 23])
def test_every_photograph_is_in_one_shard(count, tmp_path):
    """Ten shards, none longer by two than another; photographs in their order."""
    work = fetch_photos.Work(tmp_path / "work")
    found = [source(f"p{number}") for number in range(count)]
    for each in found:
        work.finish(each, each.key.encode())
    fetch_photos.write_shards(tmp_path / "out", found, work)
    shards = sorted((tmp_path / "out").glob("*.tar"))
    assert len(shards) == fetch_photos.SHARDS
    lengths = [len(contents(path)) for path in shards]
    assert max(lengths) - min(lengths) <= 2  # a photograph is two files
    names = [name for name in contents(tmp_path / "out") if name.endswith(".jpg")]
    assert names == [f"{each.key}.jpg" for each in found]
