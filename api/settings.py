"""Settings of the server: `tiezheng.toml` in the data folder, then `TIEZHENG_…` in the environment.

    host = "127.0.0.1"
    port = 8417
    tls_certificate = "/etc/tiezheng/tls.pem"
    tls_key = "/etc/tiezheng/tls.key"

A misspelt name, in either, is an error that names it.
"""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from api.clients.address import is_address, without_password
from ledger.errors import Malformed

FILE = "tiezheng.toml"
PREFIX = "TIEZHENG_"
# Names with our prefix that are no settings of the server: clients, debugging and tests read them.
OTHERS = frozenset({"CA_FILE", "DEBUG", "SERVER", "TOKEN_FILE", "VECTORS"})
GIB = 1 << 30
MAX_DAYS = 36_500
DEFAULT_STORE = "directory:items"


class Settings(BaseSettings):
    """Every setting with its default; sizes in bytes."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(8417, ge=0, le=65535)
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    # Bytes that one key may have uploaded without a statement that speaks of them.
    quota: int = Field(200 * GIB, gt=0)
    # After this, unclaimed bytes are removed.
    unclaimed_hours: int = Field(24, ge=1)
    # Days from its arrival for which nobody deletes an item that a statement speaks of: one of a
    # provisional case, and one of a case. 0 for none: what is locked cannot be unlocked.
    retain_days_recording: int = Field(0, ge=0, le=MAX_DAYS)
    retain_days_case: int = Field(0, ge=0, le=MAX_DAYS)
    # Whether large bodies over plain HTTP are read in threads, past the event loop.
    lane: bool = True
    # Where the first copy of every item is kept, and, if that was another place, where.
    store: str = DEFAULT_STORE
    store_was: str | None = None
    # Where a second copy is kept: best in other hands, on another machine.
    second_store: str | None = None
    # Files that say who the ledger is in a bucket.
    store_credentials: Path | None = None
    second_store_credentials: Path | None = None
    # Whether a bucket may be reached without TLS, on another machine than this.
    store_http: bool = False
    # How fast `tiezheng scrub` reads, in megabytes a second, and how often it begins anew.
    scrub_rate: int = Field(50, gt=0)
    scrub_days: int = Field(30, ge=1)
    # How often it lists the names in the stores, to see what others have done there.
    list_minutes: int = Field(60, ge=1, le=1440)
    # Addresses of mirrors, with commas: at a start they are asked for what they keep.
    mirrors: str | None = None
    # Wrapping keys in a PKCS #11 token: their labels, with commas, the newest first.
    pkcs11_module: Path | None = None
    pkcs11_token: str | None = None
    pkcs11_keys: str | None = None
    pkcs11_pin_file: Path | None = None

    # Whether a packet for a foreign body wants its approval in the log (数据安全法 36).
    foreign_approval: bool = True

    # Timestamp authorities, by the name of their files in trust/tsa: where they are asked; and
    # the shortest time between two tokens of one.
    authorities: dict[str, str] = {}
    stamp_seconds: int = Field(600, ge=1, le=86_400)

    # Where the feed for the province's platform is sent; without it, it can be pulled. The
    # shortest time between two pages while nothing waits. And a table in the place of the
    # shipped one: what leaves, and under which names.
    feed_url: str | None = None
    feed_seconds: int = Field(60, ge=1, le=86_400)
    feed_table: Path | None = None

    @model_validator(mode="after")
    def _feed_goes_to_an_address(self) -> Self:
        if self.feed_url is not None and not is_address(self.feed_url):
            raise ValueError(
                f"want an address over http in feed_url, got {without_password(self.feed_url)!r}"
            )
        return self

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("want tls_certificate and tls_key together")
        return self

    @model_validator(mode="after")
    def _mirrors_are_addresses(self) -> Self:
        for address in [] if self.mirrors is None else self.mirrors.split(","):
            if not address.strip().startswith(("http://", "https://")):
                shown = without_password(address)
                raise ValueError(f"want addresses with commas in mirrors, got {shown!r}")
        return self

    @model_validator(mode="after")
    def _pkcs11_is_whole(self) -> Self:
        given = (self.pkcs11_module, self.pkcs11_token, self.pkcs11_keys, self.pkcs11_pin_file)
        if any(given) != all(given):
            raise ValueError("want pkcs11_module, _token, _keys and _pin_file together")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (env_settings, init_settings)


def load(folder: Path) -> Settings:
    """The environment wins over the file. Raises `Malformed` naming the bad setting."""
    _check_names(os.environ)
    try:
        source = TomlConfigSettingsSource(Settings, folder / FILE)
        return Settings(**source())
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        path = f"setting {name!r}" if name else "settings"
        raise Malformed(first["msg"].removeprefix("Value error, "), path=path) from None
    except ValueError as error:
        raise Malformed(str(error), path=str(folder / FILE)) from None


def _check_names(names: Iterable[str]) -> None:
    known = {field.upper() for field in Settings.model_fields} | OTHERS
    for name in sorted(names):
        if name.startswith(PREFIX) and name.removeprefix(PREFIX) not in known:
            raise Malformed("no such setting", path=name)
