"""Ask a cloud's metadata service for the region. Only with the user's consent: it is a network request.

Shapes: AWS IMDSv2 (token, then placement/region), Google Compute Engine (zone), Azure IMDS (location).
All three live at one link-local address, so a machine outside any cloud costs one timeout.
Source: the three providers' documentation of their instance metadata services.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

_log = logging.getLogger(__name__)

ADDRESS = "http://169.254.169.254"
TIMEOUT_S = 0.3

Transport = Callable[[str, str, Mapping[str, str], float], str | None]
"""(method, url, headers, timeout_s) to the body of a 200 answer, None for another; raises OSError if nobody answers."""


def http(method: str, url: str, headers: Mapping[str, str], timeout_s: float) -> str | None:
    """Plain HTTP without proxies and redirects: metadata never leaves the machine."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=timeout_s)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    try:
        connection.request(method, path, headers=dict(headers))
        answer = connection.getresponse()
        body = answer.read(4_096)
    except HTTPException as error:
        raise OSError(f"{url} does not speak HTTP: {error}") from error
    finally:
        connection.close()
    return body.decode("utf-8", "replace").strip() if answer.status == 200 else None


class CloudMetadata:
    """The metadata service of whichever cloud this machine is in."""

    def __init__(self, address: str = ADDRESS, transport: Transport = http, timeout_s: float = TIMEOUT_S) -> None:
        self._address = address
        self._transport = transport
        self._timeout_s = timeout_s

    def region(self) -> str | None:
        """Region as "aws:eu-north-1", or None if no cloud answers within the timeout."""
        try:
            for ask in (self._aws, self._gcp, self._azure):
                region = ask()
                if region:
                    return region
        except OSError as error:
            _log.info("no cloud metadata at %s: %s", self._address, error)
        return None

    def _get(self, path: str, headers: Mapping[str, str], method: str = "GET") -> str | None:
        return self._transport(method, self._address + path, headers, self._timeout_s)

    def _aws(self) -> str | None:
        token = self._get("/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "60"}, method="PUT")
        if not token:
            return None
        return _named("aws", self._get("/latest/meta-data/placement/region", {"X-aws-ec2-metadata-token": token}))

    def _gcp(self) -> str | None:
        zone = self._get("/computeMetadata/v1/instance/zone", {"Metadata-Flavor": "Google"})
        if not zone or "/zones/" not in zone:
            return None
        return _named("gcp", zone.rpartition("/")[2].rpartition("-")[0])  # europe-west4-a is a zone of europe-west4

    def _azure(self) -> str | None:
        query = "/metadata/instance/compute/location?api-version=2021-02-01&format=text"
        return _named("azure", self._get(query, {"Metadata": "true"}))


def _named(provider: str, region: str | None) -> str | None:
    """The region with its provider, None unless it looks like one (a captive portal answers with a page)."""
    if not region or len(region) > 40 or not region.replace("-", "").isalnum():
        return None
    return f"{provider}:{region.lower()}"
