"""When something is due: days off, periods, clocks."""
