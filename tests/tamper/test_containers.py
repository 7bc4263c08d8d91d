"""The outer form of a packet: what a zip program or a file system could be made to believe."""

import io
import os
import socket
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.errors import LedgerError, Malformed, Rejected, Unavailable
from ledger.evidence.archive import Member, central_header, directory, end_records, local_header
from ledger.report import Outcome
from ledger.verify import verify_packet
from storage.packets import Bytes, open_packet, zip_pieces
from testkit.case import STRICT, Built, make_case, write_folder

Files = dict[str, bytes]


@pytest.fixture(scope="module")
def built() -> Built:
    return make_case().build()


@pytest.fixture(scope="module")
def files(built: Built) -> Files:
    return built.sealed()


@pytest.fixture(scope="module")
def data(built: Built) -> bytes:
    return built.zip_bytes()


def opened(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "packet.zip"
    path.write_bytes(data)
    open_packet(path)


class Utf8Info(zipfile.ZipInfo):
    def _encodeFilenameFlags(self) -> tuple[bytes, int]:
        # Python leaves the flag out where a name is ASCII.
        return self.filename.encode(), self.flag_bits | 0x800


def pack(
    files: Files,
    *,
    prefix: str = "packet/",
    order: Callable[[list[str]], list[str]] = sorted,
    **info: object,
) -> bytes:
    """The one form as Python's own zip program writes it, but for what is asked."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path in order(list(files)):
            entry = Utf8Info(prefix + path, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o100644 << 16
            for name, value in info.items():
                setattr(entry, name, value)
            archive.writestr(entry, files[path])
    return out.getvalue()


# --- folders -----------------------------------------------------------------------------------


def test_the_folder_and_the_zip_pass_alike(built: Built, data: bytes, tmp_path: Path) -> None:
    folder = built.write_folder(tmp_path / "packet")
    path = tmp_path / "packet.zip"
    path.write_bytes(data)
    reports = [
        verify_packet(open_packet(p), built.trust, log=built.log, require=STRICT)
        for p in (folder, path)
    ]
    assert reports[0].outcome is Outcome.PASSED
    assert reports[0].to_json() == reports[1].to_json()


def test_a_link_in_a_folder_is_refused(files: Files, tmp_path: Path) -> None:
    folder = write_folder(files, tmp_path / "packet")
    target = folder / "data/items/01.bin"
    target.rename(tmp_path / "outside.bin")
    target.symlink_to(tmp_path / "outside.bin")
    with pytest.raises(Rejected, match=r"data/items/01\.bin.*link"):
        open_packet(folder)


def test_a_linked_subfolder_is_refused(files: Files, tmp_path: Path) -> None:
    folder = write_folder(files, tmp_path / "packet")
    (folder / "data/items").rename(tmp_path / "items")
    (folder / "data/items").symlink_to(tmp_path / "items")
    with pytest.raises(Rejected, match=r"data/items.*link"):
        open_packet(folder)


def test_a_pipe_in_a_folder_is_refused_and_not_opened(files: Files, tmp_path: Path) -> None:
    folder = write_folder(files, tmp_path / "packet")
    (folder / "data/items/01.bin").unlink()
    os.mkfifo(folder / "data/items/01.bin")
    with pytest.raises(Rejected, match="not a file"):
        open_packet(folder)


def test_a_pipe_put_in_a_files_place_after_the_opening_is_refused_at_once(
    files: Files, tmp_path: Path
) -> None:
    folder = write_folder(files, tmp_path / "packet")
    packet = open_packet(folder)
    (folder / "data/items/01.bin").unlink()
    os.mkfifo(folder / "data/items/01.bin")
    with pytest.raises(Unavailable, match="it is no regular file"):
        list(packet.stream("data/items/01.bin"))
    with pytest.raises(Unavailable, match="it is no regular file"):
        packet.read("data/items/01.bin", 0, 1)


def test_a_socket_in_a_folder_is_refused(files: Files, tmp_path: Path) -> None:
    folder = write_folder(files, tmp_path / "packet")
    with socket.socket(socket.AF_UNIX) as s:
        here = Path.cwd()
        os.chdir(folder)  # the names of sockets are short
        try:
            s.bind("data/x")
        finally:
            os.chdir(here)
        with pytest.raises(Rejected, match="not a file"):
            open_packet(folder)


@pytest.mark.parametrize("name", ["README", "Data", ".DS_Store ", "a b", "e\u0301", "长"])
def test_a_name_outside_the_alphabet_is_refused(files: Files, tmp_path: Path, name: str) -> None:
    folder = write_folder({**files, name: b"x"}, tmp_path / "packet")
    with pytest.raises(Malformed, match="want a path"):
        open_packet(folder)


def test_a_name_that_is_not_utf8_is_refused(files: Files, tmp_path: Path) -> None:
    folder = write_folder(files, tmp_path / "packet")
    Path(os.fsdecode(os.fsencode(folder) + b"/\xb4\xfe.txt")).write_bytes(b"x")
    with pytest.raises(Malformed):
        open_packet(folder)


def test_an_empty_folder_in_a_packet_is_refused(files: Files, tmp_path: Path) -> None:
    folder = write_folder(files, tmp_path / "packet")
    (folder / "data/extra").mkdir()
    with pytest.raises(Malformed, match="data/extra"):
        open_packet(folder)


@pytest.mark.parametrize("kind", ["missing", "empty", "pipe", "text", "long name", "nul"])
def test_what_is_no_packet_at_all_is_said_to_be_none(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "it"
    match kind:
        case "empty":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "text":
            path.write_text("hello")
        case "long name":
            path = tmp_path / ("x" * 300)
        case "nul":
            path = Path("a\0b")
    with pytest.raises(Unavailable):
        open_packet(path)


@pytest.mark.usefixtures("alone")
def test_a_file_that_changes_while_it_is_read_is_refused(
    built: Built, files: Files, tmp_path: Path
) -> None:
    folder = write_folder(files, tmp_path / "packet")
    packet = open_packet(folder)
    item = folder / "data/items/01.bin"
    for changed in (files["data/items/01.bin"] + b"x", files["data/items/01.bin"][:-1]):
        item.write_bytes(changed)
        with pytest.raises(Rejected, match="has changed"):
            list(packet.stream("data/items/01.bin"))
    report = verify_packet(packet, built.trust)
    assert report.outcome is Outcome.FAILED
    assert any(f.about == "data/items/01.bin" for f in report.findings)


# --- zips --------------------------------------------------------------------------------------


def test_pythons_own_zip_program_can_write_the_one_form(files: Files, data: bytes) -> None:
    """So each test below changes one thing."""
    assert pack(files) == data


def test_a_file_left_out_of_the_zip_fails(built: Built, files: Files, tmp_path: Path) -> None:
    path = tmp_path / "packet.zip"
    path.write_bytes(pack({p: d for p, d in files.items() if p != "data/items/01.bin"}))
    assert verify_packet(open_packet(path), built.trust).outcome is Outcome.FAILED


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "/etc/passwd",
        "packet/../../evil",
        "packet/./bagit.txt",
        "packet//bagit.txt",
        "packet\\bagit.txt",
        "packet/C:evil",
        "packet/BAGIT.TXT",
        "packet/data/",
        "packet/",
        "evil/bagit.txt",
        "packet/data/items/01.bin\x00.txt",
        "packet/data/items/\u202e01.bin",
        "packet/" + "a" * 200,
    ],
)
def test_a_hostile_name_in_a_zip_is_refused(files: Files, tmp_path: Path, name: str) -> None:
    members = sorted([*((f"packet/{path}", d) for path, d in files.items()), (name, b"")])
    with pytest.raises(Malformed):
        opened(tmp_path, raw_zip([(n.encode(), d) for n, d in members]))


def test_a_name_that_is_not_utf8_in_a_zip_is_refused(files: Files, tmp_path: Path) -> None:
    members = [(f"packet/{path}".encode(), d) for path, d in sorted(files.items())]
    with pytest.raises(Malformed):
        opened(tmp_path, raw_zip([*members, (b"packet/\xb4\xfe", b"")]))


def test_a_name_twice_in_a_zip_is_refused(files: Files, tmp_path: Path) -> None:
    members = [(f"packet/{path}".encode(), d) for path, d in sorted(files.items())]
    with pytest.raises(Malformed, match="each once"):
        opened(tmp_path, raw_zip([members[0], *members]))


def raw_zip(members: list[tuple[bytes, bytes]]) -> bytes:
    """The one form, but for whatever stands in the names."""

    class Named(Member):
        raw = b""

        @property
        def name(self) -> bytes:
            return self.raw

    kept, parts = [], []
    for name, data in members:
        member = Named("", len(data), zlib.crc32(data))
        object.__setattr__(member, "raw", name)
        kept.append(member)
        parts += [local_header(member), data]
    return b"".join(parts) + directory(kept)


OTHER_FORMS: dict[str, Callable[[Files], bytes]] = {
    "deflated": lambda f: pack(f, compress_type=zipfile.ZIP_DEFLATED),
    "unsorted": lambda f: pack(f, order=lambda paths: sorted(paths, reverse=True)),
    "dated": lambda f: pack(f, date_time=(2026, 11, 30, 10, 0, 0)),
    "a comment on a file": lambda f: pack(f, comment=b"hm"),
    "an extra field": lambda f: pack(f, extra=b"\x99\x99\x02\x00hi"),
    "executable": lambda f: pack(f, external_attr=0o100755 << 16),
    "a link": lambda f: pack(f, external_attr=0o120777 << 16),
    "made on Windows": lambda f: pack(f, create_system=0),
    "another prefix": lambda f: pack(f, prefix="paket/"),
    "no prefix": lambda f: pack(f, prefix=""),
    "a zip within the prefix": lambda f: pack({"packet.zip": pack(f)}),
    "nothing": lambda f: pack({}),
    "nothing but an end": lambda f: end_records(0, 0, 0),
    "a directory entry": lambda f: pack({**f, "data/": b""}),
}


@pytest.mark.parametrize("form", OTHER_FORMS)
def test_a_zip_in_another_form_is_refused(
    built: Built, files: Files, tmp_path: Path, form: str
) -> None:
    path = tmp_path / "packet.zip"
    path.write_bytes(OTHER_FORMS[form](files))
    try:
        report = verify_packet(open_packet(path), built.trust, log=built.log)
    except (Malformed, Rejected):
        return
    assert report.outcome is Outcome.FAILED


def with_end(data: bytes, at: int, value: bytes) -> bytes:
    """Overwrites bytes of the end record, counted from its start."""
    start = len(data) - 22 + at
    return data[:start] + value + data[start + len(value) :]


def patch(data: bytes, signature: bytes, at: int, value: bytes) -> bytes:
    """Overwrites bytes of the first header of that kind."""
    start = data.index(signature) + at
    return data[:start] + value + data[start + len(value) :]


LOCAL, CENTRAL = b"PK\x03\x04", b"PK\x01\x02"

LIES: dict[str, Callable[[bytes], bytes]] = {
    "a comment at the end": lambda z: with_end(z, 20, b"\x02\x00") + b"hm",
    "a comment that is not declared": lambda z: z + b"hm",
    "bytes before": lambda z: b"MZ" + z,
    "bytes before, offsets too": lambda z: b"PK" * 10 + z,
    "bytes before the directory": lambda z: z.replace(CENTRAL, b"hidden" + CENTRAL, 1),
    "encrypted": lambda z: patch(patch(z, LOCAL, 6, b"\x01\x08"), CENTRAL, 8, b"\x01\x08"),
    "encrypted in one header": lambda z: patch(z, CENTRAL, 8, b"\x01\x08"),
    "sizes follow": lambda z: patch(patch(z, LOCAL, 6, b"\x08\x08"), CENTRAL, 8, b"\x08\x08"),
    "no UTF-8 flag": lambda z: patch(patch(z, LOCAL, 6, b"\0\0"), CENTRAL, 8, b"\0\0"),
    "another crc in the local header": lambda z: patch(z, LOCAL, 14, b"\0\0\0\0"),
    "another crc in the directory": lambda z: patch(z, CENTRAL, 16, b"\0\0\0\0"),
    "another name in the local header": lambda z: patch(z, LOCAL, 30, b"packet/bag-info.txu"),
    "a smaller size in the directory": lambda z: patch(z, CENTRAL, 20, struct.pack("<II", 1, 1)),
    "a huge size in the directory": lambda z: patch(z, CENTRAL, 24, b"\xfe\xff\xff\xff"),
    "the size that means ZIP64": lambda z: patch(z, CENTRAL, 24, b"\xff\xff\xff\xff"),
    "an offset elsewhere": lambda z: patch(z, CENTRAL, 42, b"\x01\0\0\0"),
    "another disk": lambda z: patch(z, CENTRAL, 34, b"\x01\0"),
    "a file comment declared": lambda z: patch(z, CENTRAL, 32, b"\x05\0"),
    "a long name declared": lambda z: patch(z, CENTRAL, 28, b"\xff\xff"),
    "a long extra declared": lambda z: patch(z, CENTRAL, 30, b"\xff\xff"),
    "fewer files": lambda z: with_end(z, 8, b"\x01\0\x01\0"),
    "more files": lambda z: with_end(z, 8, b"\xff\xff\xff\xff"),
    "a directory of no size": lambda z: with_end(z, 12, b"\0\0\0\0"),
    "a directory beyond the file": lambda z: with_end(z, 12, b"\xff\xff\xff\xff"),
    "a directory that starts beyond the file": lambda z: with_end(z, 16, b"\xff\xff\xff\xff"),
    "a directory that starts and ends at the end": (
        lambda z: with_end(z, 12, struct.pack("<II", 0, len(z) - 22))
    ),
    "a second end": lambda z: z + z[-22:],
}


@pytest.mark.parametrize("lie", LIES)
def test_a_zip_that_lies_is_refused(built: Built, data: bytes, tmp_path: Path, lie: str) -> None:
    forged = LIES[lie](data)
    assert forged != data
    path = tmp_path / "packet.zip"
    path.write_bytes(forged)
    with pytest.raises(LedgerError) as caught:
        verify = verify_packet(open_packet(path), built.trust)
        assert verify.outcome is Outcome.FAILED
        raise Rejected("failed")
    assert isinstance(caught.value, Malformed | Rejected) or lie == "bytes before"


def zip64(count: int, size: int, offset: int) -> bytes:
    """End records of the ZIP64 form with any numbers in them."""
    end = struct.pack(
        "<4sQHHIIQQQQ4sIQI", b"PK\x06\x06", 44, 3 << 8 | 45, 45, 0, 0, count, count, size, offset,
        b"PK\x06\x07", 0, offset + size & (1 << 64) - 1, 1,
    )  # fmt: skip
    return end + struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, *[0xFFFF] * 2, *[2**32 - 1] * 2, 0)


@pytest.mark.parametrize("count", [0, 1, 60, 2**16, 2**63, 2**64 - 1])
@pytest.mark.parametrize("true", [True, False])
def test_a_small_zip_has_no_zip64_records(
    data: bytes, tmp_path: Path, count: int, true: bool
) -> None:
    size, start = struct.unpack_from("<II", data, len(data) - 10)
    if not true:
        size, start = 2**64 - 1, 2**63
    with pytest.raises(Malformed):
        opened(tmp_path, data[:-22] + zip64(count, size, start))


@pytest.mark.parametrize("size", [2**32 - 1, 2**40, 2**63, 2**64 - 1])
def test_a_declared_size_is_checked_before_anything_is_read(tmp_path: Path, size: int) -> None:
    member = Member("bagit.txt", size, 0)
    central = central_header(member, 0)
    start = len(local_header(member))
    with pytest.raises(Malformed):
        opened(tmp_path, local_header(member) + central + end_records(1, len(central), start))


@pytest.mark.usefixtures("alone")
def test_a_directory_of_too_many_files_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.packets.MAX_FILES", 3)
    members = [Member(f"data/items/0{i}.x", 0, 0) for i in range(4)]
    data = b"".join(map(local_header, members)) + directory(members)
    with pytest.raises(Malformed, match="at most 3 files"):
        opened(tmp_path, data)


@pytest.mark.usefixtures("alone")
def test_a_folder_of_too_many_files_is_refused(
    files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.packets.MAX_FILES", 10)
    with pytest.raises(Malformed, match="at most 10 files"):
        open_packet(write_folder(files, tmp_path / "packet"))


def test_a_zip_with_a_wrong_checksum_throughout_is_refused_when_it_is_read(
    files: Files, tmp_path: Path
) -> None:
    path = tmp_path / "packet.zip"
    contents = {p: Bytes(d) for p, d in files.items()}
    crcs = {p: zlib.crc32(d) for p, d in files.items()}
    crcs["data/items/01.bin"] ^= 1
    path.write_bytes(b"".join(zip_pieces(contents, crcs)))
    packet = open_packet(path)
    assert b"".join(packet.stream("data/items/02.bin")) == files["data/items/02.bin"]
    with pytest.raises(Rejected, match="does not match its checksum"):
        list(packet.stream("data/items/01.bin"))


@pytest.mark.parametrize("length", [4, 45])
def test_a_directory_that_ends_within_a_header_is_refused(tmp_path: Path, length: int) -> None:
    member = Member("bagit.txt", 0, 0)
    local, central = local_header(member), central_header(member, 0)
    cut = central + central[:length]
    with pytest.raises(Malformed, match="directory is damaged"):
        opened(tmp_path, local + cut + end_records(1, len(cut), len(local)))


def test_a_file_beside_the_folder_in_the_zip_is_named(files: Files, tmp_path: Path) -> None:
    with pytest.raises(Malformed, match="below 'packet/'"):
        opened(tmp_path, pack(files, prefix="paket/"))


def test_hidden_bytes_before_the_directory_are_named(data: bytes, tmp_path: Path) -> None:
    start = len(data) - 22 - struct.unpack_from("<I", data, len(data) - 10)[0]
    moved = data[:start] + b"hidden" + data[start:-6] + struct.pack("<IH", start + 6, 0)
    with pytest.raises(Malformed, match="belong to no file"):
        opened(tmp_path, moved)


def test_a_zip_cut_at_any_boundary_is_refused(data: bytes, tmp_path: Path) -> None:
    ends = {0, 1, 3, len(data) - 1, len(data) - 22, len(data) - 23}
    for signature in (LOCAL, CENTRAL, b"PK\x05\x06"):
        at = data.find(signature)
        while at >= 0:
            ends |= {at, at + 4, at + 30, at + 46}
            at = data.find(signature, at + 1)
    for end in sorted(ends):
        if end < len(data):
            with pytest.raises((Malformed, Unavailable)):
                opened(tmp_path, data[:end])


@pytest.mark.usefixtures("alone")
def test_a_zip_that_is_cut_while_it_is_read_is_refused(
    built: Built, data: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "packet.zip"
    path.write_bytes(data)
    packet = open_packet(path)
    path.write_bytes(data[: len(data) // 2])
    assert verify_packet(packet, built.trust).outcome is Outcome.FAILED
