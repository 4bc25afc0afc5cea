"""What comes from elsewhere: packages by their hash and licence; and nothing is asked of the network while it runs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from photographs import make_shards
from tiny_training import TINY

sys.path.insert(0, str(Path(__file__).parent.parent / "scripts"))
import licences

ROOT = Path(__file__).parent.parent
LOCKS = ("requirements-ci.lock", "requirements-ci-sources.lock")
BUILD = {"pkgconfig", "editables"}
"""What only building asks for, and constraints.txt does not pin."""


def locked():
    """Packages, their versions, and how many files of each may be installed."""
    text = "".join((ROOT / name).read_text("utf-8") for name in LOCKS)
    entries = re.findall(r"^(\S+)==(\S+) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", text, re.MULTILINE)
    assert len(entries) == len(re.findall(r"^[^\s#]", text, re.MULTILINE)), "each has a version and a hash"
    return {licences.normalise(name): (version, hashes.count("--hash")) for name, version, hashes in entries}


def test_the_lock_is_that_of_the_constraints():
    """What CI installs by its hash are the versions that are tested; else: python scripts/lock.py."""
    found = {name: version.partition("+")[0] for name, (version, _) in locked().items()}
    assert {name: version for name, version in found.items() if name not in BUILD} == dict(licences.pinned())
    assert found.keys() >= BUILD


def test_torch_is_locked_as_the_build_for_cpus():
    """One file: a CUDA build of several GB would not be installed."""
    assert locked()["torch"] == ("2.13.0+cpu", 1)


def test_ci_installs_by_the_lock():
    """Every file by its hash, before the README's command, which is then shown these files and no index."""
    script = (ROOT / ".ci/run").read_text("utf-8")
    fetched = [line for line in script.splitlines() if "$pip download" in line or "$pip wheel" in line]
    assert all("--require-hashes" in line and "--no-deps" in line for line in fetched)
    assert {name for line in fetched for name in re.findall(r"-r (\S+)", line)} == {*LOCKS}
    alone = script.index('export PIP_NO_INDEX=1 PIP_FIND_LINKS="$aside/files"')
    assert script.index(fetched[-1]) < alone < script.index('bash -c "$command"')


def test_every_licence_was_looked_at():
    """Of all that is installed; docs/licences.md lists them: python scripts/licences.py > docs/licences.md."""
    text, unknown = licences.table()
    assert unknown == []
    assert (ROOT / "docs/licences.md").read_text("utf-8") == text


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("MIT", "MIT"),
        ("Apache-2.0 OR BSD-2-Clause", "Apache-2.0 OR BSD-2-Clause"),
        ("BSD", "BSD-3-Clause"),
        ("GPL-3.0-only", None),
        ("MIT AND GPL-3.0-only", None),
        ("AGPL-3.0", None),
        ("Proprietary", None),
        ("UNKNOWN", None),
        (None, None),
    ],
)
def test_a_licence_that_was_not_looked_at_is_told(said, found, monkeypatch):
    """Nothing passes because it says nothing, or because one of two is permissive."""
    monkeypatch.setattr(licences.metadata, "metadata", lambda name: _About(said))
    if found:
        assert licences.licence("x") == found
    else:
        with pytest.raises(LookupError, match=said or "nothing"):
            licences.licence("x")


class _About(dict):
    """Metadata with this licence, in one of the fields where packages say it."""

    def __init__(self, said):
        super().__init__({"License-Expression": said})

    def get_all(self, name):
        return []


def test_security_names_tests_that_there_are():
    """Where to report, and for each promise a file of tests."""
    text = (ROOT / "SECURITY.md").read_text("utf-8")
    assert "Report a vulnerability" in text
    named = [name for cell in re.findall(r"\| (`[^|]*) \|\n", text) for name in re.findall(r"[\w/]+\.py", cell)]
    assert len(named) > 5
    for name in named:
        assert list((ROOT / "tests").glob(f"*{name.removeprefix('tests/')}")), name


def can_unshare():
    """Whether a process can be given a network of its own, without anything in it."""
    try:
        return subprocess.run(["unshare", "--map-root-user", "--net", "true"], capture_output=True).returncode == 0
    except OSError:
        return False


ALONE = ["unshare", "--map-root-user", "--net"] if can_unshare() else []


@pytest.fixture
def offline(tmp_path):
    """Runs Python where no socket reaches beyond this machine; in the end none has tried."""
    noted = tmp_path / "sockets"
    path = os.pathsep.join([str(ROOT / "tests/no_network"), os.environ.get("PYTHONPATH", "")]).strip(os.pathsep)
    environment = {**os.environ, "PYTHONPATH": path, "SOCKETS_NOTED": str(noted), "OMP_NUM_THREADS": "1"}

    def run(*words, alone=ALONE):
        command = [*alone, sys.executable, *map(str, words)]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=240)

    run.noted = noted
    return run


@pytest.mark.parametrize(
    "attempt",
    [
        "socket.create_connection(('192.0.2.1', 80), 1)",
        "socket.socket().connect(('192.0.2.1', 80))",
        "socket.socket().connect_ex(('192.0.2.1', 80))",
        "socket.getaddrinfo('example.org', 80)",
        "socket.gethostbyname('example.org')",
        "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('192.0.2.1', 53))",
        "__import__('urllib.request').request.urlopen('http://example.org/')",
    ],
)
def test_the_block_holds(attempt, offline):
    """Every way out of Python is noted and refused."""
    done = offline("-c", f"import socket; {attempt}", alone=[])
    assert done.returncode == 1
    assert "no network in this test" in done.stderr
    assert offline.noted.read_text().startswith("socket.")


def test_the_block_leaves_this_machine_alone(offline):
    """Loopback and sockets without an address work."""
    code = """
import socket
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname()).sendall(b"x")
assert server.accept()[0].recv(1) == b"x"
one, other = socket.socketpair()
one.sendall(b"y")
assert other.recv(1) == b"y"
"""
    done = offline("-c", code, alone=[])
    assert done.returncode == 0, done.stderr
    assert not offline.noted.exists()


def test_training_restoring_and_evaluating_ask_nothing_of_the_network(offline, tmp_path):
    """As processes of their own, with a worker for the data, in a network without a way out where the system can."""
    make_shards(tmp_path / "data")
    (tmp_path / "r.toml").write_text(TINY, "utf-8")
    (tmp_path / "in").symlink_to(ROOT / "examples/jpeg")
    short = [word for each in ("train.iterations=2", "data.workers=1") for word in ("--set", each)]
    weights = ["--weights", "run/weights.safetensors", "--device", "cpu"]
    for words in (
        ["train", "r.toml", *short, "--out", "run", "--device", "cpu"],
        ["restore", "in/lake-sherburne.jpg", "out.png", *weights, "--report", "out.html"],
        ["evaluate", *weights, "--data", "data", "--size", "24", "--count", "2", "--nfe", "1", "--report", "page.html",
         "--metrics", "psnr_rgb,ssim_rgb"],
        ["compare", "out.png", "in/lake-sherburne.jpg", "--json"],
    ):  # fmt: skip
        done = offline("-m", "i2sbkit", *words)
        assert done.returncode == 0, done.stderr
    assert not offline.noted.exists()
    assert all((tmp_path / name).stat().st_size for name in ("run/weights.safetensors", "out.png", "page.html"))
