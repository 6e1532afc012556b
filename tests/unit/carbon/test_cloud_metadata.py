"""The three metadata services, played by a local HTTP server."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import AbstractContextManager
from threading import Thread

import pytest

from joulewise.carbon.cloud import CloudMetadata, http
from joulewise.testing.serving import QuietHandler, serving

Answers = Mapping[tuple[str, str], tuple[str, str, str]]
"""(method, path) to (header that must be there, its value, body)."""

AWS: Answers = {
    ("PUT", "/latest/api/token"): ("X-aws-ec2-metadata-token-ttl-seconds", "60", "secret"),
    ("GET", "/latest/meta-data/placement/region"): ("X-aws-ec2-metadata-token", "secret", "eu-north-1"),
}
GCP: Answers = {
    ("GET", "/computeMetadata/v1/instance/zone"): ("Metadata-Flavor", "Google", "projects/7/zones/europe-west4-a")
}
AZURE: Answers = {("GET", "/metadata/instance/compute/location"): ("Metadata", "true", "swedencentral")}
PORTAL: Answers = {
    ("PUT", "/latest/api/token"): ("Host", "", "<html>please log in</html>"),
    ("GET", "/latest/meta-data/placement/region"): ("Host", "", "<html>please log in</html>"),
    ("GET", "/computeMetadata/v1/instance/zone"): ("Host", "", "<html>please log in</html>"),
    ("GET", "/metadata/instance/compute/location"): ("Host", "", "<html>please log in</html>"),
}


def _serving(answers: Answers) -> AbstractContextManager[str]:
    class Handler(QuietHandler):
        def do_GET(self) -> None:
            header, value, body = answers.get((self.command, self.path.partition("?")[0]), ("", "", ""))
            fits = bool(body) and (not value or self.headers.get(header) == value)
            self.send_response(200 if fits else 404)
            self.end_headers()
            self.wfile.write(body.encode() if fits else b"")

        do_PUT = do_GET

    return serving(Handler)


@pytest.mark.parametrize(
    ("answers", "region"),
    [
        (AWS, "aws:eu-north-1"),
        (GCP, "gcp:europe-west4"),
        (AZURE, "azure:swedencentral"),
        (PORTAL, None),
        ({}, None),
    ],
)
def test_the_region_of_each_cloud(answers: Answers, region: str | None) -> None:
    with _serving(answers) as address:
        assert CloudMetadata(address, timeout_s=5.0).region() == region


def test_nobody_there_is_no_region_and_one_attempt() -> None:
    asked = []

    def silent(method: str, url: str, headers: Mapping[str, str], timeout_s: float) -> str | None:
        asked.append((url, timeout_s))
        raise TimeoutError

    assert CloudMetadata(transport=silent).region() is None
    assert asked == [("http://169.254.169.254/latest/api/token", 0.3)]


def test_a_closed_port_and_a_server_that_speaks_something_else_are_no_region() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    assert CloudMetadata(f"http://127.0.0.1:{port}", timeout_s=5.0).region() is None

    def babel() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1_000)
            connection.sendall(b"220 mail ready\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = Thread(target=babel)
        thread.start()
        with pytest.raises(OSError, match="does not speak HTTP"):
            http("GET", f"http://127.0.0.1:{listener.getsockname()[1]}/", {}, 5.0)
        thread.join()
