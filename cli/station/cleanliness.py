"""`tiezheng station clean`: what state the station's machine is in, for a notary who asks."""

from pathlib import Path

from cli import output
from cli.language import say
from cli.notary.machine import Look, state
from cli.notary.machine_report import NONCE_SIZE, MachineReport, sign_report
from cli.station.station import open_station
from ledger.encoding import parse_hex
from ledger.errors import Malformed
from storage.durable import write_file


def write_report(folder: str, nonce: str, source: str, file: str, as_json: bool) -> None:
    try:
        drawn = parse_hex(nonce, NONCE_SIZE)
    except Malformed as error:
        raise error.under("--nonce") from None
    with open_station(Path(folder)) as station:
        found = state(station.folder.root, source, Look())
        report = sign_report(station.key, drawn, station.clock.now_ms(), found)
    data = report.to_bytes()
    MachineReport.from_bytes(data)  # or the notary could not read it
    write_file(Path(file), data)
    if as_json:
        counts = {name: str(len(found[name])) for name in ("programs", "unread")}
        output.result_json({"file": file, "station": report.station, **counts})
        return
    output.result(
        say(
            en=f"{file}: {len(found['programs'])} programs run, "
            f"{len(found['unread'])} things could not be read",
            zh=f"{file}：运行中的程序 {len(found['programs'])} 个，"
            f"未能读取 {len(found['unread'])} 项",
        )
    )
    output.note(
        say(
            en="this is the machine's own word; the notary judges it: tiezheng notary attach",
            zh="此为本机自述，由公证员判断：tiezheng notary attach",
        )
    )
