"""HTTP: where bytes are asked for, and what answers mean.

Redirects, addresses that expire, secrets, proxies.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from cytoimagenet_reader.errors import ShardError
from cytoimagenet_reader.remote import retrying
from cytoimagenet_reader.remote.files import read_content
from cytoimagenet_reader.remote.places import Location
from cytoimagenet_reader.remote.ranges import Ranges
from cytoimagenet_reader.retry import Limits

Answer = tuple[int, dict[str, str], bytes]
Asked = list[tuple[str, dict[str, str]]]
CONTENT = bytes(range(256))


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "LIMITS", Limits(attempts=3, first_wait=0.01))


@contextlib.contextmanager
def answering(answer: Callable[[str, dict[str, str]], Answer]) -> Iterator[tuple[str, Asked]]:
    """Serve what a function answers to a path and headers.

    The headers are lower-case. Yields the address and the requests received.
    """
    asked: Asked = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked.append((self.path, headers))
            status, more, body = answer(self.path, headers)
            self.send_response(status)
            for name, value in {**more, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


def part(headers: dict[str, str]) -> Answer:
    low, _, high = headers["range"].removeprefix("bytes=").partition("-")
    return 206, {}, CONTENT[int(low) : int(high) + 1]


def test_a_redirect_is_followed_once_and_asked_for_again_when_it_expires() -> None:
    valid = {"/signed/1"}

    def store(path: str, headers: dict[str, str]) -> Answer:
        return part(headers) if path in valid else (403, {}, b"expired")

    with answering(store) as (there, asked_there):
        links = iter("123")

        def hub(path: str, headers: dict[str, str]) -> Answer:
            return 302, {"Location": f"{there}/signed/{next(links)}"}, b""

        with answering(hub) as (here, asked_here):
            file = Ranges(f"{here}/file", {"headers": {"Authorization": "Bearer secret"}})
            assert file.read(0, 10) + file.read(10, 30) == CONTENT[:30]
            assert len(asked_here) == 1
            valid.clear()
            valid.add("/signed/2")
            assert file.read(30, 40) == CONTENT[30:40]
            assert len(asked_here) == 2
            valid.clear()
            with pytest.raises(PermissionError, match="status 403"):
                file.read(0, 1)
    assert all(headers.get("authorization") == "Bearer secret" for _, headers in asked_here)
    assert not any("authorization" in headers for _, headers in asked_there)  # it is another host's


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_addresses_that_lead_in_a_circle(status: int) -> None:
    with (
        answering(lambda path, headers: (status, {"Location": path}, b"")) as (url, asked),
        pytest.raises(ShardError, match="too many redirects"),
    ):
        Ranges(f"{url}/file", {}).read(0, 1)
    assert len(asked) == 3 * 5


def test_a_relative_redirect_keeps_the_headers_of_its_host() -> None:
    def answer(path: str, headers: dict[str, str]) -> Answer:
        return (302, {"Location": "../b"}, b"") if path == "/a/file" else part(headers)

    with answering(answer) as (url, asked):
        assert Ranges(f"{url}/a/file", {"headers": {"X-Key": "k"}}).read(5, 8) == CONTENT[5:8]
    assert [(path, headers["x-key"]) for path, headers in asked] == [("/a/file", "k"), ("/b", "k")]


def test_what_an_answer_means() -> None:
    answers = {"/404": 404, "/401": 401, "/500": 500, "/416": 416}
    with answering(lambda path, headers: (answers.get(path, 200), {}, CONTENT)) as (url, asked):
        with pytest.raises(FileNotFoundError):
            read_content(f"{url}/404", {})
        with pytest.raises(PermissionError):
            read_content(f"{url}/401", {})
        with pytest.raises(ShardError, match="status 416"):
            read_content(f"{url}/416", {})
        assert len(asked) == 3  # none was tried again
        with pytest.raises(ShardError, match=r"status 500.*tried 3 times"):
            read_content(f"{url}/500", {})
        with pytest.raises(ShardError, match="ignores byte ranges"):
            Ranges(f"{url}/file", {}).read(0, 5)
        assert read_content(f"{url}/any", {}).data == CONTENT


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(lambda path, headers: part(headers)) as (url, asked):
        monkeypatch.setenv("http_proxy", url.replace("//", "//us%40er:pass@"))
        monkeypatch.setenv("no_proxy", "")
        assert Ranges("http://nowhere.invalid/file", {}).read(0, 9) == CONTENT[:9]
    assert asked[0][0] == "http://nowhere.invalid/file"
    assert asked[0][1]["proxy-authorization"] == "Basic dXNAZXI6cGFzcw=="


def test_a_path_is_quoted_and_one_that_is_stays() -> None:
    with answering(lambda path, headers: part(headers)) as (url, asked):
        Ranges(f"{url}/a b/ü%20c?x=1&y=ä".replace("ä", "%C3%A4"), {}).read(0, 1)
    assert asked[0][0] == "/a%20b/%C3%BC%20c?x=1&y=%C3%A4"


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("hf://datasets/o/n/data/a.arrow", "https://hub.invalid/datasets/o/n/resolve/main/data/a.arrow"),
        ("hf://datasets/o/n@v1/a.arrow", "https://hub.invalid/datasets/o/n/resolve/v1/a.arrow"),
        ("hf://datasets/o/n@refs/pr/3/a", "https://hub.invalid/datasets/o/n/resolve/refs%2Fpr%2F3/a"),
        ("hf://datasets/o/n@refs%2Fpr%2F3/a", "https://hub.invalid/datasets/o/n/resolve/refs%2Fpr%2F3/a"),
    ],
)
def test_an_address_of_the_hub(url: str, address: str) -> None:
    place = Location(url, {"endpoint": "https://hub.invalid", "token": "t", "block_size": 5}).place()
    assert place.url == address
    assert place.headers["authorization"] == "Bearer t"


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("hf://o/a-model/file", {}),
        ("hf://datasets/o/n/a", {"expand_info": True}),
        ("https://host/a", {"client_kwargs": {"auth": 1}}),
        ("https://host/a", {"encoded": True}),
        ("s3://bucket/a", {}),
        ("memory://a", {}),
    ],
)
def test_what_fsspec_has_to_read(url: str, options: dict[str, object]) -> None:
    assert not Location(url, options).direct
