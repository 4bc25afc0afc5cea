"""A server of the files in a folder on loopback: ranges, ETags, and failures as they are ordered."""

import re
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from urllib.parse import parse_qsl, unquote


class FileServer(ThreadingHTTPServer):
    """Serves `folder`, each answer `delay` seconds late; `asked` holds (method, name, range or None, status) of each.

    `failing` has the answers to the next requests for a file: a status, or "cut" for half of the bytes that were
    announced. `moved` has other URLs for some names, `listings` functions from a query (name -> value) to what
    is said of a folder; others are listed as links.
    """

    daemon_threads = True

    def __init__(self, folder, ranges=True):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder, self.ranges = Path(folder), ranges
        self.asked, self.failing, self.moved, self.listings, self.lock = [], {}, {}, {}, Lock()
        self.sent, self.delay = 0, 0.0
        self.url = f"http://127.0.0.1:{self.server_port}"

    def note(self, headers):
        """The headers of each request; for tests to replace."""

    def handle_error(self, request, client_address):
        """A client that hangs up is none of the tests' business."""

    def gets(self, name):
        """The ranges asked of a file."""
        return [where for method, asked, where, _ in self.asked if (method, asked) == ("GET", name)]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer waits 40 ms for an acknowledgement of its headers

    def log_message(self, *args):
        """Nothing."""

    def do_HEAD(self):
        self.answer(with_body=False)

    def do_GET(self):
        self.answer(with_body=True)

    def answer(self, with_body):
        (name, _, query), server = unquote(self.path.lstrip("/")).partition("?"), self.server
        server.note(self.headers)
        time.sleep(server.delay)
        asked = self.headers.get("Range")
        with server.lock:
            orders = server.failing.get(name)
            order = orders.pop(0) if orders else None
        status, body, etag = self.find(name, dict(parse_qsl(query)), asked, order)
        with server.lock:
            server.asked.append((self.command, name, asked, status))
            server.sent += len(body) * with_body
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if status in (301, 302):
            self.send_header("Location", server.moved[name])
        if etag:
            self.send_header("ETag", etag)
        self.end_headers()
        if with_body:
            self.wfile.write(body[: len(body) // 2] if order == "cut" else body)
            self.close_connection |= order == "cut"

    def find(self, name, query, asked, order):
        """Status, body and ETag."""
        server, path = self.server, self.server.folder / name
        if isinstance(order, int):
            return order, b"", None
        if name in server.moved:
            return 302, b"", None
        if name in server.listings:
            return 200, server.listings[name](query), None
        if path.is_dir():
            links = "".join(f'<a href="{each.name}">{each.name}</a>\n' for each in sorted(path.iterdir()))
            return 200, links.encode(), None
        if not path.is_file():
            return 404, b"", None
        stat = path.stat()
        etag = f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"'
        if self.headers.get("If-Match", etag) != etag:
            return 412, b"", None
        if asked and server.ranges:
            first, last = (int(number) for number in re.fullmatch(r"bytes=(\d+)-(\d+)", asked).groups())
            with path.open("rb") as file:
                file.seek(first)
                return 206, file.read(last + 1 - first), etag
        return 200, path.read_bytes(), etag


@contextmanager
def serving(folder, **options):
    """A server while the block runs."""
    server = FileServer(folder, **options)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
