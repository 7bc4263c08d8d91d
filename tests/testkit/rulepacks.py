"""The rule packs that are shipped, by name, and a small one that tests change."""

from pathlib import Path

FOLDER = Path(__file__).parents[2] / "ledger" / "process" / "packs"
PACKS = {path.stem: path.read_text("utf-8") for path in sorted(FOLDER.glob("*.toml"))}

SMALL = """
pack = "small"
title = "小程序"
title_en = "A small procedure"
version = "1"
kind = "penalty"
opening = ["filing"]

[[source]]
id = "某法"
name = "某某法"
working_days = [5]
working_days_up_to = 3

[[act]]
id = "filing"
name = "立案"
name_en = "Filing"
stage = "start"

[[act]]
id = "review"
name = "审核"
name_en = "Review"
stage = "review"
officers = 1
verb = "review"

[[act]]
id = "small_decision"
name = "决定"
name_en = "Decision"
stage = "decide"

[[record]]
id = "review"
acts = ["review"]
name = "审核意见"
name_en = "Opinion"
before = ["small_decision"]
when = [{ act = "filing", fact = "major", is = "yes" }]
facts = ["result"]
level = "serious"
class = "procedure"
source = "某法"
article = "7"
cure = "补充审核"
cure_en = "Have it reviewed"

[[check]]
id = "review_passed"
check = "fact_is"
act = "review"
fact = "result"
is = "pass"
before = ["small_decision"]
name = "审核通过"
name_en = "Review passed"
level = "serious"
class = "procedure"
source = "某法"
article = "8"
cure = "重新审核"
cure_en = "Review anew"

[[clock]]
id = "decision"
name = "期限"
name_en = "Time"
from = ["filing"]
until = ["small_decision"]
days = 5
source = "某法"
article = "9"

[[gate]]
conclusion = "decide"
acts = ["small_decision"]
"""
