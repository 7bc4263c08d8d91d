"""Speed, as ratios against a limit or a peer measured in the same run.

    make bench                     everything; minutes
    make bench ONLY="a c"          some of it
    make bench QUICK=yes           small sizes, to see that it runs

Each module measures one thing and gives a `Table`. `docs/performance.md` holds the
last full run between its markers, and the curves beside it.
"""
