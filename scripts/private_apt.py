"""An apt of one's own: Debian packages of any suite, in a folder, without root.

The system's sources, lists, cache and hooks are left alone; of its settings only those of the network are taken over.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from i2sbkit.kernel.errors import Error

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
MIRROR = "http://deb.debian.org/debian"
TOOLS = ("apt-get", "apt-cache", "apt-config", "dpkg-deb")
CONFIGURATION = """\
Dir "{root}";
Dir::State "state";
Dir::State::status "{root}/status";
Dir::Cache "cache";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Dir::Etc "etc";
Acquire::Languages "none";
Acquire::PDiffs "false";
Acquire::GzipIndexes "true";
Acquire::Retries "3";
// A snapshot of a mirror serves as well: its packages are signed, and the versions wanted are old.
Acquire::Check-Valid-Until "false";
APT::Update::Error-Mode "any";
"""


@dataclass(frozen=True)
class Package:
    """One version of a package: how many bytes it has, and how many unpacked, and its hash in hexadecimal digits."""

    name: str
    version: str
    size: int
    unpacked: int
    sha256: str


@dataclass(frozen=True)
class PrivateApt:
    """Apt with all it writes below `root`.

    Attributes:
        mirror: URL of a Debian archive, the part before /dists.
        suites: such as "bookworm".
        keyring: who must have signed the archive; None trusts a mirror that nobody signed.
    """

    root: Path
    mirror: str
    suites: Sequence[str]
    keyring: Path | None = KEYRING

    def update(self) -> None:
        """Write the configuration and fetch what the suites hold.

        Raises:
            Error: no apt here, no keyring, or the mirror cannot be reached or lacks a suite.
        """
        if lacking := [tool for tool in TOOLS if not shutil.which(tool)]:
            raise Error(f"no {lacking[0]} here: run this on Debian or Ubuntu, or in a container of debian:stable")
        if self.keyring and not self.keyring.is_file():
            raise Error(f"{self.keyring}: not there; apt-get install debian-archive-keyring, or give --keyring FILE")
        for folder in ("state/lists/partial", "cache/archives/partial", "etc/apt.conf.d", "etc/preferences.d"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        signed = f"signed-by={self.keyring}" if self.keyring else "trusted=yes"
        lines = [f"deb [{signed}] {self.mirror} {suite} main\n" for suite in self.suites]
        (self.root / "etc/sources.list").write_text("".join(lines), "utf-8")
        (self.root / "status").touch()
        configuration = CONFIGURATION.format(root=self.root) + network_settings()
        (self.root / "apt.conf").write_text(configuration, "utf-8")
        self._run("apt-get", "update", hint="is the network there? --mirror URL takes another archive")

    def versions(self, package: str) -> list[tuple[str, str]]:
        """The versions of a package and their suites, newest first: (version, suite)."""
        found = []
        for line in self._run("apt-cache", "madison", package).splitlines():
            # "package | version | URL suite/component architecture Packages"
            _, version, source = (part.strip() for part in line.split("|"))
            found.append((version, source.split()[-3].partition("/")[0]))
        return found

    def package(self, name: str, version: str) -> Package:
        """What the archive says of a version that it has."""
        text = self._run("apt-cache", "show", f"{name}={version}")
        facts = dict(re.findall(r"^(\S+): (.*)$", text, re.MULTILINE))
        return Package(name, version, int(facts["Size"]), int(facts["Installed-Size"]) * 1024, facts["SHA256"])

    def download(self, package: Package, folder: Path) -> Path:
        """A package in a folder; what lies there already, or a part of it, is not downloaded again.

        Raises:
            Error: it cannot be downloaded, or what lies there is not what it must be.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._run("apt-get", "download", f"{package.name}={package.version}", cwd=folder, hint="run it again to go on")
        # In file names the colon of an epoch is escaped.
        path = next(folder.glob(f"{package.name}_{package.version.replace(':', '%3a')}_*.deb"))
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != package.sha256:  # apt sees to that of what it downloads, not of what was there
            path.unlink()
            raise Error(f"{path}: was damaged and is deleted; run it again")
        return path

    def _run(self, *command: str, cwd: Path | None = None, hint: str = "") -> str:
        environment = {**os.environ, "APT_CONFIG": str(self.root / "apt.conf"), "LC_ALL": "C"}
        done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            errors = [line for line in done.stderr.splitlines() if line.startswith("E:")] or ["no reason given"]
            raise Error(f"{' '.join(command[:2])}: {errors[0].removeprefix('E: ')}{hint and f'; {hint}'}")
        return done.stdout


def network_settings() -> str:
    """The system's settings for http and https, such as its proxy, as lines of an apt.conf."""
    dumped = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True).stdout
    return "".join(f"{line}\n" for line in dumped.splitlines() if re.match(r"Acquire::https?::", line))


def system_mirror(etc: Path = Path("/etc/apt")) -> str:
    """The Debian archive that this machine's apt uses, or deb.debian.org where it uses none."""
    for path in [etc / "sources.list", *sorted(etc.glob("sources.list.d/*"))]:
        text = path.read_text("utf-8", "replace") if path.is_file() else ""
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        # One source is a line in .list files and a paragraph in .sources files.
        entries = "\n".join(lines).split("\n\n") if path.suffix == ".sources" else lines
        for entry in entries:
            found = re.search(r"(?:^|\s)(\w+://[^/\s]*/debian)/?(?:\s|$)", entry)
            if found and "main" in entry.split():
                return found[1]
    return MIRROR


def unpack(package: Path, folder: Path) -> None:
    """What a package would install, below a folder.

    Raises:
        Error: it is damaged, or the disk is full.
    """
    done = subprocess.run(["dpkg-deb", "-x", package, folder], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Error(f"{package}: dpkg-deb: {done.stderr.strip().splitlines()[-1]}; delete the file and run it again")
