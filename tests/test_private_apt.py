"""scripts/private_apt.py: packages from any archive, the system's apt left alone."""

import pytest
from debian_archive import Archive, on_debian, private_apt

from i2sbkit.kernel.errors import Error

PHOTOGRAPH = {"usr/share/pictures/a.jpg": bytes(50_000)}


@pytest.fixture
def apt(tmp_path):
    """An apt that knows `hills` 1.0 in the suite `old`."""
    archive = Archive(tmp_path / "archive")
    archive.add("old", "hills", "1.0", PHOTOGRAPH)
    made = private_apt.PrivateApt(tmp_path / "with space" / "apt", archive.url, ["old"], None)
    made.update()
    return made


@on_debian
def test_a_package_is_downloaded_and_unpacked(apt, tmp_path):
    """Found by name and suite, with its sizes; its files are below the folder."""
    assert apt.versions("hills") == [("1.0", "old")]
    assert apt.versions("dales") == []
    package = apt.package("hills", "1.0")
    path = apt.download(package, tmp_path / "packages")
    assert (package.size, package.unpacked) == (path.stat().st_size, 10 * 1024)
    private_apt.unpack(path, tmp_path / "unpacked")
    ((name, data),) = PHOTOGRAPH.items()
    assert (tmp_path / "unpacked" / name).read_bytes() == data


@on_debian
def test_a_download_that_was_cut_short_is_completed(apt, tmp_path):
    """The same command again makes the file whole."""
    package = apt.package("hills", "1.0")
    path = apt.download(package, tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-2000])
    assert apt.download(package, tmp_path).read_bytes() == whole


@on_debian
def test_a_package_of_wrong_bytes_is_not_unpacked(apt, tmp_path):
    """It is deleted, so that the next run is well; one that dpkg-deb cannot read is an error too."""
    package = apt.package("hills", "1.0")
    path = apt.download(package, tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-9] + b"123456789")
    with pytest.raises(Error, match="was damaged and is deleted; run it again"):
        apt.download(package, tmp_path)
    assert apt.download(package, tmp_path).read_bytes() == whole
    path.write_bytes(whole[:2000])
    with pytest.raises(Error, match=r"hills_1.0_all.deb: dpkg-deb: .*; delete the file"):
        private_apt.unpack(path, tmp_path / "unpacked")


@on_debian
def test_apt_writes_below_its_folder_alone(apt):
    """Lists, cache, state, logs and settings lie there, and no hook of the system's is run."""
    asked = " ".join(f"{name} Dir::{name}/f" for name in ("State", "State::lists", "Cache", "Etc", "Etc::parts", "Log"))
    lines = apt._run("apt-config", "shell", *asked.split()).splitlines()
    assert len(lines) == 6
    for line in lines:
        assert line.partition("=")[2].strip("'").startswith(str(apt.root))
    assert "Invoke" not in apt._run("apt-config", "dump")


@on_debian
def test_the_systems_proxy_is_taken_over(tmp_path, monkeypatch):
    """Settings of http and https go into the private configuration; others, such as hooks, do not."""
    (tmp_path / "apt.conf").write_text('Acquire::http::Proxy "http://proxy:3128";\nAPT::Update::Pre-Invoke "false";\n')
    monkeypatch.setenv("APT_CONFIG", str(tmp_path / "apt.conf"))
    settings = private_apt.network_settings()
    assert 'Acquire::http::Proxy "http://proxy:3128";\n' in settings
    assert "Invoke" not in settings


@pytest.mark.parametrize(
    ("name", "text", "mirror"),
    [
        ("sources.list", "deb [arch=amd64] http://a.example/debian/ trixie main\n", "http://a.example/debian"),
        ("sources.list", "# deb http://a.example/debian trixie main\n", private_apt.MIRROR),
        ("sources.list.d/x.list", "deb https://a.example/debian stable pool\n", private_apt.MIRROR),
        ("sources.list.d/x.sources", "URIs: http://a.example/debian\nComponents: main\n", "http://a.example/debian"),
        ("sources.list.d/x.sources", "URIs: http://a.example/linux/debian\nComponents: main\n", private_apt.MIRROR),
    ],
)
def test_the_machines_own_mirror_is_asked(name, text, mirror, tmp_path):
    """What looks like Debian's archive in the system's sources; else deb.debian.org."""
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(text)
    assert private_apt.system_mirror(tmp_path) == mirror
