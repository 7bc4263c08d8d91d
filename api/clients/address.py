"""An address as messages, journals and documents may show it: without what may be secret."""

from urllib.parse import urlsplit

UNREADABLE = "an address that cannot be read"


def without_password(address: str) -> str:
    """Neither user nor password, query nor fragment."""
    try:
        url = urlsplit(address)
        _ = url.port  # of `http://name:pass#word@host` it would be `pass`
    except ValueError:
        return UNREADABLE
    if not url.netloc:
        return address.rpartition("@")[2]
    return url._replace(netloc=url.netloc.rpartition("@")[2], query="", fragment="").geturl()


def is_address(text: str) -> bool:
    """Of a host over http or https, with nothing in it that a request could not bear."""
    try:
        url = urlsplit(text)
        _ = url.port
    except ValueError:
        return False
    plain = text.isascii() and text.isprintable() and " " not in text
    return plain and url.scheme in ("http", "https") and bool(url.hostname)
