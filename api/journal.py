"""The server's journal: one JSON object a line on standard error, through `structlog`.

    {"event":"accepted","level":"info","at":"2026-11-23T06:00:00Z","count":3,"size":17}

No bodies, tokens, salts or keys go in; what is logged is named field by field.
"""

import logging
import sys

import structlog
from structlog.tracebacks import ExceptionDictTransformer

journal: structlog.stdlib.BoundLogger = structlog.get_logger("tiezheng")


def start(level: str) -> None:
    """`level` is debug, info, warning or error."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
            # Not `dict_tracebacks`, which writes local variables: keys, tokens, bodies.
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(ensure_ascii=False, sort_keys=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
