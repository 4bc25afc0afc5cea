"""The scripts that fetch photographs, and an archive for them: packages made by dpkg-deb, indices by hand."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "scripts"))

import fetch_photos
import photo_sources
import private_apt

__all__ = ["Archive", "fetch_photos", "on_debian", "photo_sources", "private_apt"]

on_debian = pytest.mark.skipif(
    not (shutil.which("apt-get") and shutil.which("dpkg-deb")), reason="needs apt-get and dpkg-deb"
)


class Archive:
    """Packages by suite; `url` is what apt is given."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.url = f"file://{folder}"
        self.entries: dict[str, str] = {}

    def suite(self, name: str) -> None:
        """Have a suite, without packages."""
        self.entries[name] = ""
        self._index(name)

    def add(self, suite: str, package: str, version: str, files: dict[str, bytes]) -> Path:
        """Build a package of these files and list it in a suite; returns the .deb."""
        tree = self.folder / "tree"
        for path, data in files.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_bytes(data)
        fields = f"Package: {package}\nVersion: {version}\nArchitecture: all\nMaintainer: A <a@example.org>\n"
        fields += "Installed-Size: 10\nDescription: photographs\n"
        (tree / "DEBIAN").mkdir(parents=True)
        (tree / "DEBIAN/control").write_text(fields)
        pool = self.folder / "pool"
        pool.mkdir(exist_ok=True)
        path = pool / f"{package}_{version}_all.deb"
        build = ["dpkg-deb", "--root-owner-group", "-Znone", "--build", tree, path]
        subprocess.run(build, check=True, capture_output=True)
        shutil.rmtree(tree)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        fields += f"Filename: pool/{path.name}\nSize: {path.stat().st_size}\nSHA256: {digest}\n"
        self.entries[suite] = self.entries.get(suite, "") + fields + "\n"
        self._index(suite)
        return path

    def drop(self, suite: str) -> None:
        """Take all packages out of a suite."""
        self.entries[suite] = ""
        self._index(suite)

    def _index(self, suite: str) -> None:
        place = self.folder / "dists" / suite
        architecture = subprocess.run(["dpkg", "--print-architecture"], check=True, capture_output=True, text=True)
        name = f"main/binary-{architecture.stdout.strip()}/Packages"
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(self.entries[suite])
        data = (place / name).read_bytes()
        release = f"Suite: {suite}\nCodename: {suite}\nDate: Thu, 01 Jan 2026 00:00:00 UTC\nSHA256:\n"
        (place / "Release").write_text(release + f" {hashlib.sha256(data).hexdigest()} {len(data)} {name}\n")
