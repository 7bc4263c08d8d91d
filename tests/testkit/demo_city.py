"""`make demo-city`: a year of enforcement in a city, and every number of it counted again.

From nothing: three agencies, forty officers, two hundred cases and fifteen hundred recordings, all
made by a script from one seed and filed over HTTP, each on its day. The script knows what it did
wrong, so what the ledger says of gaps, gates, clocks and numbers is compared with that.

    demo/city/ledger/                          the ledger, with its registers and rule packs
    demo/city/*.{csv,xlsx,pdf}                 gaps, clocks, the case register; numbers and scores
    demo/city/{feed,feed-later}/               pages of the feed for the province's platform
    demo/city/handover/                        a package for the archive, with its printed page
    demo/city/handover.report.txt              and how the archive finds its four properties
    demo/city/closing.json                     what was found; exit code 1 if anything does not hold
"""

import sys
from contextlib import ExitStack
from pathlib import Path

from cli import output
from cli.demo import _fresh
from testkit.city import City
from testkit.city_afterwards import complain, dispose
from testkit.city_handover import hand_over, tell_of_the_destroyed, tell_the_province
from testkit.city_judges import judge_clocks, judge_gaps, judge_gates, recount
from testkit.city_ledger import CityLedger
from testkit.city_numbers import draw, judge_register, judge_statistics
from testkit.city_year import Year
from testkit.demo_court import InProcess
from testkit.demo_main import main


def run(root: Path) -> int:
    with ExitStack() as stack:
        stage = InProcess(_fresh(root), [])
        year = Year(CityLedger.opened(root, City.founded(), stack, stage))
        year.found()
        year.live()
        judge_gates(year)
        recount(year)
        judge_gaps(year)
        judge_clocks(year)
        judge_statistics(year)
        judge_register(year)
        draw(year)
        complain(year)
        tell_the_province(year)
        dispose(year)
        tell_of_the_destroyed(year)
        hand_over(year)
        year.close()
    return output.Exit.DONE if not year.broken else output.Exit.FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], Path("demo/city"), run, {"av": "media", "typst": "notary"}))
