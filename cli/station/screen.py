"""The operator's screen: one glance tells which device may be unplugged, and why another not.

On a terminal it takes the whole of it and stays still; elsewhere each change is a line.
"""

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cli import output
from cli.language import pick, say
from cli.station.problems import problem_words
from cli.station.view import DeviceView, StationView
from cli.station.words import CAUSES, KEPT, STATES, STORED, duration, gap_words, size

WINDOW_S = 10.0


class Speeds:
    """Bytes a second of each device over the last seconds, both readings together."""

    def __init__(self) -> None:
        self._seen: dict[str, deque[tuple[float, int]]] = {}

    def of(self, device: DeviceView) -> float:
        seen = self._seen.setdefault(device.name, deque())
        now = time.monotonic()
        seen.append((now, device.bytes_moved))
        while seen[0][0] < now - WINDOW_S:
            seen.popleft()
        spent = now - seen[0][0]
        return (device.bytes_moved - seen[0][1]) / spent if spent > 0 else 0.0


class Lines:
    """A line for each change, on stdout."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def show(self, view: StationView) -> None:
        lines = [*head_lines(view)]
        lines += [device_line(device, live=view.live) for device in view.devices]
        lines += gap_lines(view)
        for line in lines:
            if line not in self._said:
                output.result(line)
        self._said = set(lines)


class JsonLines:
    """The whole view as one line of JSON, whenever more than its time has changed."""

    def __init__(self) -> None:
        self._last: dict[str, Any] = {}

    def show(self, view: StationView) -> None:
        value = view.to_json()
        steady = {k: v for k, v in value.items() if k not in ("at", "looked", "waiting_s")}
        if steady != self._last:
            output.result_json(value)
        self._last = steady


class Screen:
    """The whole terminal."""

    def __init__(self, live: Any) -> None:
        self._live = live
        self._speeds = Speeds()

    def show(self, view: StationView) -> None:
        self._live.update(self._render(view), refresh=True)

    def _render(self, view: StationView) -> Any:
        from rich.console import Group
        from rich.text import Text

        height = self._live.console.size.height
        parts: list[Any] = [Text(line, style="dim") for line in head_lines(view)]
        parts.append(Text())
        room = height - len(parts) - min(len(view.gaps), 8) - 2
        shown = sorted(view.devices, key=_urgency)[: max(room // 3, 1)]
        for device in shown:
            parts += self._device(device)
        if len(shown) < len(view.devices):
            more = len(view.devices) - len(shown)
            parts.append(Text(say(en=f"and {more} more", zh=f"另有 {more} 台"), style="dim"))
        parts += [Text(line, style="yellow") for line in gap_lines(view)[:8]]
        return Group(*parts)

    def _device(self, device: DeviceView) -> list[Any]:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        style = "bold reverse green" if device.unplug else "bold"
        if device.state in ("stopped", "waiting"):
            style = "bold yellow"
        speed = self._speeds.of(device)
        left = 2 * device.bytes - device.bytes_read
        row = Table.grid(padding=(0, 2))
        for width in (16, 34, 24):
            row.add_column(width=width, no_wrap=True)
        row.add_column(no_wrap=True)
        busy = device.state in ("reading", "comparing")
        pace = f"{size(round(speed))}/s  {duration(round(left / speed))}" if busy and speed else ""
        bar: Any = ProgressBar(
            total=max(2 * device.bytes, 1), completed=device.bytes_read, width=24
        )
        if device.state in ("out", "away"):
            bar = Text()
        row.add_row(
            Text(device.name, style="bold"),
            Text(f" {pick(STATES[device.state])} ", style=style),
            bar,
            Text(pace),
        )
        about = Text(f"  {detail(device)}", style="dim", no_wrap=True, overflow="ellipsis")
        return [row, about, Text()]


@contextmanager
def opened(as_json: bool) -> Iterator[Lines | JsonLines | Screen]:
    import sys

    if as_json:
        yield JsonLines()
    elif not sys.stderr.isatty():
        yield Lines()
    else:
        from rich.console import Console
        from rich.live import Live

        with Live(console=Console(stderr=True), screen=True, auto_refresh=False) as live:
            yield Screen(live)


def head_lines(view: StationView) -> list[str]:
    """Without a time of day: a line that changes each second is no line."""
    parts = []
    if view.online is not None:
        online, offline = say(en="connected", zh="已连接账本"), say(en="offline", zh="离线")
        parts.append(online if view.online else offline)
    if view.waiting:
        count = view.waiting
        parts.append(say(en=f"{count} statements wait for the log", zh=f"{count} 份陈述待入日志"))
    room = f"{size(view.spool_used)} / {size(view.spool_limit)}"
    parts.append(say(en=f"spool {room}", zh=f"暂存 {room}"))
    lines = [" · ".join(parts)]
    if not view.live:
        lines.insert(0, stored_line(view))
    if view.why:
        lines.append(problem_words(view.why))
    if view.clock_back_ms:
        seconds = view.clock_back_ms // 1000
        lines.append(
            say(
                en=f"THE STATION'S CLOCK WAS MOVED BACK by {seconds} s",
                zh=f"采集站时钟被调回 {seconds} 秒",
            )
        )
    for row in view.refused[:4]:
        id_, _, why = row.partition(": ")
        words = problem_words(why)
        lines.append(say(en=f"refused: {id_}: {words}", zh=f"被拒：{id_}：{words}"))
    return lines


def device_line(device: DeviceView, *, live: bool = True) -> str:
    words = STATES if live else STORED
    return f"{device.name}: {pick(words[device.state])} · {detail(device)}"


def stored_line(view: StationView) -> str:
    """Whose word the rest is: stored at the last look, and not of this moment."""
    if not view.looked:
        return say(en="NOT RUNNING: nobody has looked at the docks", zh="未运行：尚未查看过停靠位")
    if view.running:
        return say(
            en=f"as of {view.looked}: only the screen of `run` tells what is safe now",
            zh=f"截至 {view.looked}：此刻能否拔出、清除，以 run 的屏幕为准",
        )
    return say(
        en=f"NOT RUNNING: nobody watches the docks. As of {view.looked}:",
        zh=f"未运行：无人看守停靠位。以下截至 {view.looked}：",
    )


def detail(device: DeviceView) -> str:
    parts = [
        say(
            en=f"{device.read}/{device.files} read, {device.logged} logged",
            zh=f"已读 {device.read}/{device.files}，已入日志 {device.logged}",
        )
    ]
    if device.delay_s > 60:
        delay = duration(device.delay_s)
        parts.append(
            say(en=f"anchored {delay} after docking", zh=f"归还后 {delay} 才入日志（锚定延迟）")
        )
    if device.problem:
        parts.append(problem_words(device.problem))
    if not device.wipe and device.state not in ("out", "away") and device.kept:
        # The first step that is missing; the others only follow from it. All are in the JSON.
        first = next(reason for reason in KEPT if reason in device.kept)
        why = f"{pick(KEPT[first])} ({device.kept[first]})"
        parts.append(say(en=f"not to be wiped: {why}", zh=f"不可清除：{why}"))
    return " · ".join(parts)


def gap_lines(view: StationView) -> list[str]:
    lines = []
    for gap in view.gaps:
        if gap.state == "explained":
            continue
        state = {
            "open": say(en="open", zh="待说明"),
            "waiting": say(en="explained, not logged yet", zh="已说明，待入日志"),
            "refused": say(en="explanation refused", zh="说明被拒"),
        }[gap.state]
        late = say(en=" OVERDUE", zh=" 逾期") if gap.overdue else ""
        cause = f" ({pick(CAUSES[gap.cause])})" if gap.cause else ""
        words = gap_words(gap.kind, gap.note)
        lines.append(f"#{gap.number} {gap.device}: {words} · {state}{cause}{late}")
    return lines


def _urgency(device: DeviceView) -> tuple[int, str]:
    order = (
        "stopped",
        "waiting",
        "reading",
        "comparing",
        "settling",
        "empty",
        "wiped",
        "wipe",
        "unplug",
    )
    place = order.index(device.state) if device.state in order else len(order)
    return place, device.name
