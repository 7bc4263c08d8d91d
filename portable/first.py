"""`__main__.py` of the one file, in words that older Pythons can read."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036
    sys.stderr.write(
        "tiezheng: error: want Python 3.11 or later, got %d.%d\n" % sys.version_info[:2]  # noqa: UP031
        + "tiezheng: 错误：需要 Python 3.11 或更高版本\n"
    )
    sys.exit(4)

from portable.start import main

sys.exit(main())
