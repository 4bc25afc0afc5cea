"""Distributions of plugins as folders, installed for tests without pip."""

import importlib
import tomllib


def put_on(site, project):
    """Install a distribution as pip would: its modules in `site`, and its metadata beside them."""
    told = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["project"]
    info = site / f"{told['name'].replace('-', '_')}-{told['version']}.dist-info"
    info.mkdir(parents=True)
    info.joinpath("METADATA").write_text(f"Metadata-Version: 2.1\nName: {told['name']}\nVersion: {told['version']}\n")
    entries = "".join(f"{name} = {module}\n" for name, module in told["entry-points"]["i2sbkit"].items())
    info.joinpath("entry_points.txt").write_text(f"[i2sbkit]\n{entries}")
    for module in project.glob("*.py"):
        site.joinpath(module.name).write_bytes(module.read_bytes())
    importlib.invalidate_caches()
