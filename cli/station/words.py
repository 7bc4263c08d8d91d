"""Gaps, causes and reasons of a station in the words of its screen."""

from cli.language import pick, say
from ledger.evidence.delivery import Absent
from ledger.evidence.session import Cause, GapKind, Kept
from ledger.report import Bilingual

GAPS: dict[str, Bilingual] = {
    GapKind.UNPAIRED: {"en": "nobody checked it out", "zh": "未领用设备"},
    GapKind.CARD_CHANGED: {"en": "another storage card", "zh": "存储卡已更换"},
    GapKind.COUNTER_SKIPPED: {"en": "numbers are missing", "zh": "文件编号缺号"},
    GapKind.COUNTER_RESET: {"en": "numbers begin anew", "zh": "文件编号重新开始"},
    GapKind.FILE_GONE: {"en": "a file is gone", "zh": "文件不见了"},
    GapKind.FILE_CHANGED: {"en": "a file has changed", "zh": "文件已变化"},
    GapKind.FILE_MISSING: {"en": "the recorder's journal names more", "zh": "设备日志所载文件缺失"},
    GapKind.BYTES_MISSING: {"en": "bytes are missing", "zh": "字节数不符"},
    GapKind.BEFORE_CHECK_OUT: {"en": "recorded before check-out", "zh": "早于领用"},
    GapKind.TIME_BACKWARDS: {"en": "times run backwards", "zh": "时间倒退"},
    GapKind.CLOCK_OFFSET: {"en": "the recorder's clock is off", "zh": "设备时钟偏差"},
    GapKind.CLOCK_BACK: {"en": "the station's clock was moved back", "zh": "采集站时钟被调回"},
    GapKind.UNREADABLE: {"en": "cannot be read", "zh": "无法读取"},
}

CAUSES: dict[str, Bilingual] = {
    Cause.BATTERY: {"en": "battery", "zh": "电池"},
    Cause.CARD_FULL: {"en": "card full", "zh": "存储卡已满"},
    Cause.DEVICE_FAULT: {"en": "device fault", "zh": "设备故障"},
    Cause.CARD_REPLACED: {"en": "card replaced", "zh": "更换存储卡"},
    Cause.FORMATTED: {"en": "formatted", "zh": "已格式化"},
    Cause.TEST_RECORDING: {"en": "test recording", "zh": "试录"},
    Cause.CLOCK_RESET: {"en": "clock reset", "zh": "时钟复位"},
    Cause.LENT: {"en": "lent", "zh": "外借"},
    Cause.OTHER: {"en": "other", "zh": "其他"},
}

KEPT: dict[str, Bilingual] = {
    Kept.NOT_LISTED: {"en": "in no signed manifest", "zh": "未列入已签清单"},
    Kept.NOT_READ: {"en": "not read yet", "zh": "尚未读取"},
    Kept.NOT_SENT: {"en": "not sent yet", "zh": "尚未上传"},
    Kept.NO_RECEIPT: {"en": "no receipt yet", "zh": "尚无回执"},
    Kept.NOT_COSIGNED: {"en": "not cosigned yet", "zh": "尚无联合签名"},
    Kept.NOT_READ_BACK: {"en": "not read a second time", "zh": "尚未复读"},
    Kept.READ_BACK_DIFFERS: {"en": "changed between two readings", "zh": "两次读取不一致"},
    Kept.NOT_STORED: {
        "en": "the ledger has not shown that it holds the bytes",
        "zh": "账本尚未证明其持有原文",
    },
    Kept.NO_COPY: {"en": "no second copy of its statement", "zh": "陈述没有第二份副本"},
    Kept.SESSION_NOT_LOGGED: {"en": "the session is not logged yet", "zh": "本次归还尚未入日志"},
}

ABSENT: dict[str, Bilingual] = {
    Absent.STATEMENT: {"en": "a statement is lost, its entry is there", "zh": "陈述已失，条目尚在"},
    Absent.MANIFEST: {
        "en": "the manifest of what was docked cannot be shown",
        "zh": "归还时的文件清单无法出示",
    },
    Absent.DOCK: {"en": "no docking of it is logged", "zh": "日志中没有这次归还"},
    Absent.RETURN: {"en": "handed out and not docked since", "zh": "领用后未归还"},
    Absent.BETWEEN: {
        "en": "its numbers do not go on from the station's last logged session",
        "zh": "编号与该采集站上一次入日志的会话不衔接",
    },
}

STATES: dict[str, Bilingual] = {
    "out": {"en": "handed out", "zh": "已领用"},
    "away": {"en": "not in the dock", "zh": "不在站内"},
    "settling": {"en": "looking", "zh": "查看中"},
    "reading": {"en": "reading: do NOT unplug", "zh": "读取中：请勿拔出"},
    "comparing": {"en": "reading again: do NOT unplug", "zh": "复读中：请勿拔出"},
    "waiting": {"en": "waiting for room: do NOT unplug", "zh": "等待空间：请勿拔出"},
    "stopped": {"en": "stopped: do NOT unplug", "zh": "已停止：请勿拔出"},
    "unplug": {"en": "SAFE TO UNPLUG", "zh": "可以拔出"},
    "wipe": {"en": "SAFE TO UNPLUG · SAFE TO WIPE", "zh": "可以拔出 · 可以清除"},
    "wiped": {"en": "SAFE TO UNPLUG · WIPED", "zh": "可以拔出 · 已清除"},
    "empty": {"en": "SAFE TO UNPLUG · NO FILES", "zh": "可以拔出 · 无文件"},
}

# What the last look found, where no engine of this process watches: no word of what is safe now.
STORED: dict[str, Bilingual] = STATES | {
    "reading": {"en": "was being read", "zh": "当时读取中"},
    "comparing": {"en": "was being read again", "zh": "当时复读中"},
    "unplug": {"en": "had been read twice", "zh": "当时已读取两遍"},
    "wipe": {"en": "had been read twice and proven", "zh": "当时已读取两遍并已证实"},
    "wiped": {"en": "had been emptied", "zh": "当时已清空"},
    "empty": {"en": "had no files", "zh": "当时无文件"},
}


def gap_words(kind: str, note: str) -> str:
    words = pick(GAPS[kind])
    return say(en=f"{words}: {note}", zh=f"{words}：{note}")


def duration(seconds: int) -> str:
    hours, rest = divmod(max(seconds, 0), 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}"


def size(count: int) -> str:
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"
