"""Packing ImageNet: labels from folders or from the authors' LMDB, and subsets by a list of names."""

import json
import sys

import lmdb
import pytest
from photographs import encoded, make_folder, picture

from i2sbkit import Error
from i2sbkit.cli import execute
from i2sbkit.sources.pack_sources import Source
from i2sbkit.sources.packing import pack
from i2sbkit.sources.shards import open_index, read_pixels

NAMES = [f"n{number:08d}/ILSVRC2012_val_{number:08d}.JPEG" for number in (3, 1, 2)]


def tree(folder, names=NAMES):
    """A small ImageNet."""
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(encoded(picture(number), "JPEG"))
    return folder


def database(folder, names=NAMES, prefix="/fast2/data/imagenet/val/"):
    """The same as the authors' LMDB, with the pickle beside it, which would break whoever reads it."""
    with lmdb.open(str(folder)) as base, base.begin(write=True) as transaction:
        for number, name in enumerate(names):
            transaction.put((prefix + name).encode("ascii"), encoded(picture(number), "JPEG"))
    folder.with_name(folder.name + ".pt").write_bytes(b"cos\nabort\n(tR.")
    return folder


def labels(*paths):
    """key -> (.cls, class in the .json)."""
    return {
        sample.key: (sample.parts["cls"].read(), json.loads(sample.parts["json"].read())["class"])
        for sample in open_index(paths).samples
    }


def keys(packed):
    return [sample.key for sample in open_index(packed.shards).samples]


def listed(tmp_path, *lines):
    path = tmp_path / "names.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_labels_are_numbers_of_class_folders(tmp_path):
    """KEY.cls is the place of the folder among their names, as torchvision counts; the name is in KEY.json."""
    packed = pack(tree(tmp_path / "val"), tmp_path / "out", source=Source(labels=True))
    assert labels(*packed.shards) == {
        f"n{number:08d}/ILSVRC2012_val_{number:08d}": (str(number - 1).encode(), f"n{number:08d}")
        for number in (1, 2, 3)
    }


def test_an_lmdb_gives_the_shards_of_its_folder(tmp_path):
    """To the byte, with labels and without; the pickle beside it is not read."""
    folder, base = tree(tmp_path / "val"), database(tmp_path / "val_faster_imagefolder.lmdb")
    for wanted in (True, False):
        one, two = tmp_path / f"{wanted}/one/s", tmp_path / f"{wanted}/two/s"
        pack(folder, one, source=Source(labels=wanted))
        pack(base, two, source=Source(labels=wanted))
        assert (one / "s-000000.tar").read_bytes() == (two / "s-000000.tar").read_bytes()
    assert read_pixels(open_index([two]).samples[0]).shape == (3, 30, 40)


def test_an_lmdb_is_packed_by_the_list_of_the_authors(tmp_path):
    """The list's paths are those of the keys, or those of another machine; labels count all classes."""
    base = database(tmp_path / "b.lmdb", prefix="here/")
    names = listed(tmp_path, *(f"/fast2/data/imagenet/val/{name}" for name in NAMES[:2]))
    packed = pack(base, tmp_path / "out", source=Source(labels=True, names=names))
    assert list(labels(*packed.shards).values()) == [(b"2", "n00000003"), (b"0", "n00000001")]


def test_without_the_package_an_lmdb_says_what_to_install(tmp_path, monkeypatch):
    """The extra is named."""
    base = database(tmp_path / "b.lmdb")
    monkeypatch.setitem(sys.modules, "lmdb", None)
    with pytest.raises(Error, match=r'pip install "i2sbkit\[lmdb\]"'):
        pack(base, tmp_path / "out")


def test_an_lmdb_that_is_none_is_named(tmp_path, capsys):
    """Broken, empty, or asked for pairs: an error; keys that are no pictures are left out."""
    broken = tmp_path / "broken.lmdb"
    broken.mkdir()
    (broken / "data.mdb").write_bytes(b"no database" * 1000)
    with pytest.raises(Error, match=r"broken\.lmdb: not a readable LMDB"):
        pack(broken, tmp_path / "out")
    with pytest.raises(Error, match="no pictures in it; its keys should be the paths of files"):
        pack(database(tmp_path / "empty.lmdb", ["n1/words.txt"]), tmp_path / "out")
    with pytest.raises(Error, match="an LMDB holds no pairs"):
        pack(broken, tmp_path / "out", source=Source(paired=True))
    some = database(tmp_path / "some.lmdb", ["n1/words.txt", "n1/a.JPEG"])
    assert execute(["shards", "pack", str(some), str(tmp_path / "out")]) == 1
    assert "n1/words.txt: no picture by its name" in capsys.readouterr().err


def test_labels_need_class_folders(tmp_path):
    """A picture that lies in none is an error, not a class of its own."""
    folder = make_folder(tmp_path / "p", ("a.png", "n1/b.png"))
    with pytest.raises(Error, match=r"p/a\.png: in no class folder; --labels takes FOLDER/CLASS/PICTURE"):
        pack(folder, tmp_path / "out", source=Source(labels=True))


@pytest.mark.parametrize(
    "line",
    [
        "n1/x.png",
        "n1/x",
        "./n1/x.png",
        "/raid/imagenet/val/n1/x.png",
        "/raid/imagenet/val/n1/x",
        "C:\\val\\n1\\x.png",
        "other/x.png",
        "x.png",
        "x",
        "n1/x.png 17",
        "n1/x\t17",
    ],
)
def test_names_are_paths_or_tails_of_them(tmp_path, line):
    """With folders or without, with the suffix or without, a label behind it or none."""
    folder = make_folder(tmp_path / "p", ("n0/a.png", "n1/x.png", "n2/b.png"))
    assert keys(pack(folder, tmp_path / "out", source=Source(names=listed(tmp_path, line)))) == ["n1/x"]


def test_the_longest_tail_counts(tmp_path):
    """Of pictures that share a name, the folder tells; a name with spaces is no label; the list's order is kept."""
    folder = make_folder(tmp_path / "p", ("n1/x.png", "n2/x.png", "n2/my dog 2.png", "a/n2/x.png"))
    names = listed(tmp_path, "# mine", "", "n2/my dog 2.png", "/else/a/n2/x.png", "n1/x.png")
    assert keys(pack(folder, tmp_path / "out", source=Source(names=names))) == ["n2/my dog 2", "a/n2/x", "n1/x"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["n1/x.png", "n3/none.png", "no"], "n3/none.png and 1 more of 3 names: no such picture .* such as n1/x.png"),
        (["none.png"], "none.png: no such picture"),
        (["x.png"], "x.png: several pictures are called so; write the folder too"),
        (["n1/x.png", "n1/x"], "n1/x: names the same picture as n1/x.png"),
        (["n1/x.png", "n1/x.png"], "n1/x.png: names the same picture"),
        (["# nothing"], "no names in it; write one a line"),
    ],
)
def test_names_that_mean_no_picture_are_an_error(tmp_path, lines, message):
    """Not found, of several, twice, or none at all: the list and the name are told, and nothing is packed."""
    folder = make_folder(tmp_path / "p", ("n1/x.png", "n2/x.png"))
    with pytest.raises(Error, match=rf"names\.txt: {message}"):
        pack(folder, tmp_path / "out", source=Source(names=listed(tmp_path, *lines)))
    assert not (tmp_path / "out").exists()


def test_a_list_that_cannot_be_read_is_an_error(tmp_path):
    """No file of that name."""
    with pytest.raises(Error, match=r"none\.txt: cannot be read as a list of names"):
        pack(make_folder(tmp_path / "p"), tmp_path / "out", source=Source(names=tmp_path / "none.txt"))
