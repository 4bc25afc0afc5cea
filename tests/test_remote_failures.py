"""Servers that are busy, broken, hostile or not fit: what is tried again, and what is said; and no secret is told."""

import shutil
import socket

import fsspec
import pytest
from file_server import serving
from hypothesis import given
from hypothesis import strategies as st
from photographs import encoded, make_shards, make_tar, picture

from i2sbkit import Error
from i2sbkit.sources import attempts
from i2sbkit.sources.remote import Remote, check_url
from i2sbkit.sources.shards import open_index, read_pixels
from i2sbkit.sources.tars import write_index


@pytest.fixture(autouse=True)
def waits(monkeypatch):
    """Attempts without waiting; what was waited for."""
    waited = []
    monkeypatch.setattr("i2sbkit.sources.attempts.sleep", waited.append)
    return waited


@pytest.fixture
def server(tmp_path):
    """A server of a shard and its index."""
    (shard,) = make_shards(tmp_path / "served", (3,)).glob("*.tar")
    write_index(shard)
    with serving(shard.parent) as server:
        yield server


def opened(server):
    """The first sample; and the server as if nothing had been asked."""
    sample = open_index([f"{server.url}/s-000000.tar"]).samples[0]
    server.asked.clear()
    return sample


def told(action, *given):
    with pytest.raises(Error) as caught:
        action(*given)
    return str(caught.value)


@pytest.mark.parametrize("failures", [[503, 503], [429], [500, 502, 504, 408], ["cut"], ["cut", 503]])
def test_passing_failures_are_waited_out(server, waits, failures):
    """Busy servers and answers that end early: the picture comes in the end, and nobody hears of it."""
    sample = opened(server)
    expected = read_pixels(sample)
    server.failing["s-000000.tar"] = list(failures)
    assert read_pixels(sample).equal(expected)
    assert waits == list(attempts.WAITS[: len(failures)])


@pytest.mark.parametrize("failing", ["s-000000.tar", "s-000000.tar.index.json"])
def test_opening_waits_too(server, waits, failing):
    """For the size and for the index, which a busy server must not make seem absent."""
    server.failing[failing] = [503] * 4
    assert len(open_index([f"{server.url}/s-000000.tar"]).samples) == 3
    assert not any(server.gets("s-000000.tar"))
    assert len(waits) == (2 if failing.endswith("tar") else 4)  # where a HEAD fails, fsspec tries a GET


def test_a_server_that_stays_busy_is_an_error(server, waits):
    """After a bounded number of attempts, naming the URL, what it answered, and that the same command goes on."""
    sample = opened(server)
    server.failing["s-000000.tar"] = [503] * 99
    message = told(read_pixels, sample)
    assert message.startswith(f"{server.url}/s-000000.tar: failed 6 times, lastly HTTP 503; the same command goes on")
    assert len(server.asked) == 6
    assert sum(waits) < 16


def test_a_server_that_is_gone_is_an_error():
    """Nobody listens: the same."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    gone = Remote(f"http://127.0.0.1:{port}/a.tar", 20480)
    assert "a.tar: failed 6 times, lastly ClientConnectorError" in told(gone.read, 0, 9)


def test_answers_that_always_end_early_are_an_error(server):
    """A range that is never whole is not taken for a picture."""
    sample = opened(server)
    server.failing["s-000000.tar"] = ["cut"] * 99
    assert "failed 6 times, lastly ClientPayloadError" in told(read_pixels, sample)


@pytest.mark.parametrize(("status", "what"), [(404, "no such file"), (403, "may not be read"), (401, "docs/scale.md")])
def test_final_answers_are_believed_at_once(server, status, what):
    """To ask again would change nothing."""
    sample = opened(server)
    server.failing["s-000000.tar"] = [status]
    assert what in told(read_pixels, sample)
    assert len(server.asked) == 1


def test_a_shard_that_changed_is_an_error(server):
    """Another tar under the name that was opened: its bytes are not taken for what the index says."""
    sample = opened(server)
    make_tar(server.folder / "s-000000.tar", [(f"x{n}.png", encoded(picture(9 + n))) for n in range(3)])
    assert told(read_pixels, sample) == (
        f"{server.url}/s-000000.tar: has changed since it was opened; the same command opens it anew"
    )
    assert len(server.asked) == 1


def test_a_weak_etag_is_not_asked_for(server):
    """It never matches: pictures of servers that have no other are read without."""
    weak = Remote(f"{server.url}/s-000000.tar", 20480, 'W/"x"')
    assert weak.read(512, 8) == b"\x89PNG\r\n\x1a\n"


def test_a_server_without_ranges_is_an_error(server):
    """A whole shard for each picture is no way to train; it is found when the shard is opened, or at the first read."""
    server.ranges = False
    assert "does not send parts of files" in told(read_pixels, opened(server))
    (server.folder / "s-000000.tar.index.json").unlink()
    assert "does not send parts of files" in told(open_index, [f"{server.url}/s-000000.tar"])


@pytest.mark.parametrize(
    "secret",
    [
        "http://user:hunter2@127.0.0.1/a.tar",
        "http://hunter2@127.0.0.1/a-{0..2}.tar",
        "https://x.org/a.tar?X-Amz-Signature=hunter2",
        "https://x.org/{a,b}.tar?sig=hunter2",
        "https://x.org/a.tar#hunter2",
        "s3://key:hunter2@bucket/a.tar",
        "http://user:hunter2@127.0.0.1/s-{1",
        "http://user:hunter2@127.0.0.1/s.tar::pipe:ls",
    ],
)
def test_a_url_with_a_secret_is_refused_without_telling_it(secret):
    """Run folders and the headers of weights would tell it to everybody."""
    message = told(open_index, [secret])
    assert "hunter2" not in message
    assert message.startswith(secret.partition("//")[0])


@given(st.text(), st.text(), st.sampled_from(["http://u:{}@h/a.tar", "s3://k:{}@b/a.tar", "https://h/a.tar?{}"]))
def test_no_sign_lets_a_secret_through(before, after, form):
    """Whatever else is in it: slashes, question marks and further @ too."""
    assert "hunter2" not in told(check_url, form.format(f"{before}hunter2{after}"))


@pytest.mark.parametrize("url", ["abfs://container@account.dfs.core.windows.net/a.tar", "sftp://me@host/a.tar"])
def test_names_that_are_no_secret_are_let_through(url):
    """Where a protocol has them before the host."""
    check_url(url)


def test_where_a_server_redirects_to_is_not_told(server):
    """A store's signed URL is as good as a password; the redirection itself is followed."""
    shutil.copy(server.folder / "s-000000.tar", server.folder / "real.tar")
    server.moved["s-000000.tar"] = f"{server.url}/real.tar?sig=hunter2"
    sample = opened(server)
    assert read_pixels(sample).shape == (3, 30, 40)
    server.moved["s-000000.tar"] = "nonsense://user:hunter2@x?sig=hunter2"
    assert "hunter2" not in told(read_pixels, sample)


def test_a_redirection_to_this_machine_is_not_followed(server, tmp_path):
    """A server cannot make us read files."""
    sample = opened(server)
    server.moved["s-000000.tar"] = (server.folder / "s-000000.tar").as_uri()
    assert "NonHttpUrlRedirect" in told(read_pixels, sample)
    assert "NonHttpUrlRedirect" in told(open_index, [f"{server.url}/s-000000.tar"])


def test_credentials_come_from_fsspec(server, monkeypatch):
    """What a user has configured for the protocol goes along with each request, beside our own headers."""
    seen = []
    monkeypatch.setitem(fsspec.config.conf, "http", {"headers": {"Authorization": "Bearer hunter2"}})
    monkeypatch.setattr(server, "note", lambda headers: seen.append(headers.get("Authorization")), raising=False)
    read_pixels(opened(server))
    assert len(seen) == 3
    assert set(seen) == {"Bearer hunter2"}


def test_a_missing_package_is_named(monkeypatch):
    """With the command that installs it."""

    def lacking(url):
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("i2sbkit.sources.remote._filesystem", lacking)
    message = told(open_index, ["s3://b/a.tar"])
    assert "Install s3fs" in message
    assert 'pip install "i2sbkit[remote]"' in message


def test_an_unknown_protocol_is_named():
    """A slip of the pen, at once."""
    assert "Protocol not known: htps" in told(open_index, ["htps://x.org/a.tar"])


def test_names_of_a_server_cannot_drive_the_terminal(server):
    """What it lists is shown with escapes."""
    (server.folder / "\x1b[2J.tar").write_bytes(b"no tar")
    assert "\x1b" not in told(open_index, [f"{server.url}/*2J.tar"])
