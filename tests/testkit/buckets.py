"""Buckets of a real S3 store, as a keeper makes them for a ledger."""

import json
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.commonconfig import ENABLED
from minio.versioningconfig import VersioningConfig

from storage.s3 import Bucket, Credentials
from testkit.ceph import KEEPER, LEDGER, Shared

PAGE = Path(__file__).parents[2] / "docs" / "object-storage.md"


@dataclass(frozen=True, slots=True)
class Made:
    """`keeper` may do all that an owner of the bucket may."""

    name: str
    endpoint: str
    keeper: Minio
    credentials: Credentials

    def bucket(self, endpoint: str | None = None) -> Bucket:
        """As the ledger's own user sees it."""
        return Bucket(endpoint or self.endpoint, self.name, self.credentials)


def make_bucket(ceph: Shared, *, lock: bool = True, versions: bool = True) -> Made:
    name = f"b{secrets.token_hex(8)}"
    keeper, ledger = ceph.users[KEEPER], ceph.users[LEDGER]
    client = Minio(
        urlsplit(ceph.endpoint).netloc,
        keeper.access_key,
        keeper.secret_key,
        secure=False,
        http_client=urllib3.PoolManager(timeout=60, retries=False),
    )
    client.make_bucket(name, object_lock=lock)
    if versions and not lock:
        client.set_bucket_versioning(name, VersioningConfig(ENABLED))
    rules = policy(name, f"arn:aws:iam:::user/{LEDGER}")
    # A keeper could give himself all this at any time: an object is its writer's otherwise.
    everything = {
        "Effect": "Allow",
        "Principal": {"AWS": [f"arn:aws:iam:::user/{KEEPER}"]},
        "Action": ["s3:*"],
        "Resource": [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"],
    }
    rules["Statement"].append(everything)
    client.set_bucket_policy(name, json.dumps(rules))
    return Made(name, ceph.endpoint, client, Credentials(ledger.access_key, ledger.secret_key))


def policy(bucket: str, user: str) -> Any:
    """The one that the page tells a keeper to set."""
    block = re.search(r"```json\n(\{.*?\n\})\n```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    text = block[1].replace("BUCKET", bucket).replace("USER", user)
    return json.loads(text)


def in_bucket(made: Made, folder: Path, endpoint: str = "") -> dict[str, Any]:
    """The settings of a first copy there, and the file that says who the ledger is."""
    path = folder / "store.credentials"
    path.write_text(f"{made.credentials.access_key}\n{made.credentials.secret_key}\n")
    path.chmod(0o600)
    return {"store": f"s3:{endpoint or made.endpoint}/{made.name}", "store_credentials": path}
