"""What the tests of `i2sbkit restore` share: a folder of pictures, weights of each kind, and running the command."""

from pathlib import Path

from pictures import photo
from working_weights import OT_ODE, SDE, working_weights

from i2sbkit.cli import execute
from i2sbkit.jobs.manifest import NAME

PICTURES = (("a.png", (40, 32)), ("sub/b c.JPG", (33, 17)), ("sub/ü/d.webp", (8, 50)), ("one.bmp", (1, 1)))


def folder_of_pictures(root: Path) -> Path:
    """A nested folder of four pictures of odd sizes."""
    for name, size in PICTURES:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        photo(*size).save(path)
    return root


def weights_of_each_kind(folder: Path) -> Path:
    """x1 (sees x1), plain (SDE, does not) and otode."""
    for name, kind in (("x1", ()), ("plain", SDE), ("otode", OT_ODE)):
        working_weights(folder / f"{name}.safetensors", *kind)
    return folder


def everything(folder: str | Path) -> list[str]:
    """All files below a folder but the manifest, relative and sorted."""
    files = [path for path in Path(folder).rglob("*") if not path.is_dir() and path.name != NAME]
    return sorted(path.relative_to(folder).as_posix() for path in files)


def run_restore(weights: Path, capsys, line, kind="x1") -> tuple[int, str, str]:
    """Run the command with one of the weights; its exit code, stdout and stderr."""
    model = ["--weights", str(weights / f"{kind}.safetensors"), "--device", "cpu"]
    code = execute(["restore", *map(str, line), *model])
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return code, out, err
