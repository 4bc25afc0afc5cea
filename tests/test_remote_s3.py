"""`s3:` through s3fs, against the few requests of S3's that we make, answered on loopback."""

import fsspec
import pytest
from file_server import serving
from photographs import make_shards

from i2sbkit import Error
from i2sbkit.sources.shards import open_index, read_pixels
from i2sbkit.sources.tars import write_index


def listed(folder, prefix):
    """What S3 says of the files in a bucket."""
    files = [path for path in sorted(folder.iterdir()) if path.name.startswith(prefix)]
    found = "".join(f"<Contents><Key>{p.name}</Key><Size>{p.stat().st_size}</Size></Contents>" for p in files)
    return f'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{found}</ListBucketResult>'.encode()


@pytest.fixture
def bucket(tmp_path, monkeypatch):
    """A server of a bucket of three shards, for which s3fs is configured as a user would."""
    folder = make_shards(tmp_path / "bucket")
    with serving(tmp_path) as server:
        options = {"anon": True, "client_kwargs": {"endpoint_url": server.url, "region_name": "us-east-1"}}
        monkeypatch.setitem(fsspec.config.conf, "s3", options)
        server.listings["bucket"] = lambda query: listed(folder, query.get("prefix", ""))
        yield server


def test_shards_in_s3_hold_what_they_hold_in_a_folder(bucket):
    """By name, by a list of the bucket, with an index beside one of them."""
    local = open_index([bucket.folder / "bucket"])
    write_index(bucket.folder / "bucket" / "s-000001.tar")
    for way in ("s3://bucket/s-{000000..000002}.tar", "s3://bucket/*.tar"):
        remote = open_index([way])
        assert remote.fingerprint == local.fingerprint
        assert all(read_pixels(a).equal(read_pixels(b)) for a, b in zip(remote.samples, local.samples, strict=True))


def test_a_picture_in_s3_is_one_request(bucket):
    """For its bytes."""
    part = open_index(["s3://bucket/s-000001.tar"]).samples[2].picture
    bucket.asked.clear()
    part.read()
    assert bucket.asked == [("GET", part.path.url[5:], f"bytes={part.offset}-{part.offset + part.size - 1}", 206)]


def test_what_is_not_in_s3_is_named(bucket):
    """As behind any URL."""
    with pytest.raises(Error, match=r"s3://bucket/none\.tar: no such file"):
        open_index(["s3://bucket/none.tar"])
