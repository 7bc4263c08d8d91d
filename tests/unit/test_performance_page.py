import json

from benchmarks import report
from benchmarks.__main__ import found


def test_every_benchmark_has_its_place_on_the_page() -> None:
    page = report.PAGE.read_text(encoding="utf-8")
    keys = [module.KEY for module in found()]
    assert keys == list("abcdefghijklmnopqrst")
    for key in keys:
        assert f"<!-- bench {key} -->" in page and f"<!-- /bench {key} -->" in page


def test_the_page_says_what_was_measured() -> None:
    page = report.PAGE.read_text(encoding="utf-8")
    results = json.loads(report.RESULTS.read_text(encoding="utf-8"))
    for key in {module.KEY for module in found()} ^ results.keys():
        # One that was never run says so in its place.
        assert f"<!-- bench {key} -->\nNot measured yet.\n<!-- /bench {key} -->" in page
    assert report.filled(page, results) == page


def test_every_curve_is_drawn() -> None:
    results = json.loads(report.RESULTS.read_text(encoding="utf-8"))
    drawn = {key for key, result in results.items() if result["curves"]}
    assert drawn >= {"c", "g"}
    assert {path.stem for path in report.FOLDER.glob("*.svg")} == drawn
