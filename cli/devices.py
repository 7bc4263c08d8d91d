"""Kinds of devices that rules ask for, as the register says them."""

from collections.abc import Mapping

from ledger.report import Bilingual

DEVICES: Mapping[str, Bilingual] = {
    "fixed_monitor": {"en": "fixed monitor", "zh": "固定监控设备"},
    "recorder": {"en": "body-worn recorder", "zh": "执法记录仪"},
}
