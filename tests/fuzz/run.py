"""Runs the coverage-guided fuzzer over one target: what it finds becomes a case.

    .venv/bin/python tests/fuzz/run.py policy --seconds 600

Starts from the target's valid documents and from `build/fuzz/<target>`, where what
reaches new code is kept for the next time. An input that breaks a target, takes ten
seconds or two gigabytes is written to `tests/fuzz/cases/<target>/`, and every
later `make test` tries it again.
"""

import argparse
import hashlib
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from random import Random

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CASES = HERE / "cases"
CORPUS = ROOT / "build" / "fuzz"
PACKAGES = ["ledger", "storage", "api", "cli", "fuzz.targets"]
LIMITS = ["-timeout=10", "-rss_limit_mb=2048", "-max_len=65536", "-use_value_profile=1"]
START_S = 120  # to import and instrument, on a machine that does other things


def available() -> bool:
    return find_spec("atheris") is not None


def hunt(
    target: str, seconds: int, *, cases: Path = CASES, corpus: Path = CORPUS, seed: int = 0
) -> list[Path]:
    """The new cases: none, if `seconds` were not enough to break it."""
    known = corpus / target
    known.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="tiezheng-fuzz-") as found:
        options = [f"-max_total_time={seconds}", f"-artifact_prefix={found}/", *LIMITS]
        options += [f"-seed={seed}"] if seed else []
        child = subprocess.run(
            [sys.executable, __file__, target, "--child", str(known), *options],
            capture_output=True,
            text=True,
            timeout=seconds + START_S,
        )
        inputs = [path.read_bytes() for path in sorted(Path(found).iterdir())]
    if child.returncode and not inputs:
        raise RuntimeError(f"the fuzzer itself failed:\n{child.stderr[-4000:]}")
    return [keep(cases / target, data) for data in inputs]


def keep(folder: Path, data: bytes) -> Path:
    path = folder / f"{hashlib.sha256(data).hexdigest()[:16]}.bin"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def child(name: str, corpus: str, options: list[str]) -> None:
    """Never returns: libFuzzer ends the process."""
    import atheris

    sys.path[:0] = [str(ROOT), str(HERE.parent)]
    with atheris.instrument_imports(include=PACKAGES):
        from fuzz.mutate import mutate
        from fuzz.targets import BY_NAME
    target = BY_NAME[name]
    seeds = target.seeds()

    def mutator(data: bytes, max_size: int, seed: int) -> bytes:
        random = Random(seed)
        # In turns: the one keeps documents in form, the other follows comparisons.
        if random.random() < 0.5:
            return bytes(atheris.Mutate(data, max_size))
        return mutate(bytes(data), random, seeds)[:max_size]

    with tempfile.TemporaryDirectory(prefix="tiezheng-fuzz-") as valid:
        for number, data in enumerate(seeds):
            Path(valid, str(number)).write_bytes(data)
        atheris.Setup([sys.argv[0], *options, corpus, valid], target.run, custom_mutator=mutator)
        atheris.Fuzz()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("target", help="a name of the table in tests/fuzz/targets.py")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--child", metavar="FOLDER", help=argparse.SUPPRESS)
    given, options = parser.parse_known_args()
    if given.child:
        child(given.target, given.child, options)
    found = hunt(given.target, given.seconds)
    for case in found:
        print(f"a case: {case.relative_to(ROOT)}")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
