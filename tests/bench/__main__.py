"""Run benchmarks and print one table: `python -m tests.bench --help`."""

import argparse
import importlib
import pkgutil
import sys
import tempfile
import time
from pathlib import Path

from tests.bench import cases, table
from tests.bench.bench import Bench, Case, Figure
from tests.bench.measuring import WorkError


def load_cases() -> dict[str, Case]:
    """Every benchmark of the folder `cases`, by name."""
    names = sorted(module.name for module in pkgutil.iter_modules(cases.__path__))
    return {name: importlib.import_module(f"{cases.__name__}.{name}").measure for name in names}


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit code, 1 where a benchmark could not be run."""
    known = load_cases()
    options = _parser(known).parse_args(arguments)
    if options.list:
        for name, case in known.items():
            about = sys.modules[case.__module__].__doc__ or ""
            print(f"{name:12} {about.splitlines()[0]}")
        return 0
    figures: list[Figure] = []
    facts = table.machine(options.scale, options.repeat)
    code = 0
    with tempfile.TemporaryDirectory(prefix="paperlake-bench-") as folder:
        work = Path(folder) / "work"
        cache = options.cache or Path(folder) / "cache"
        work.mkdir()
        cache.mkdir(parents=True, exist_ok=True)
        bench = Bench(options.scale, options.repeat, cache.absolute(), work, _say)
        for name in options.only or known:
            started = time.perf_counter()
            _say(f"{name} ...")
            try:
                for figure in known[name](bench):
                    figures.append(figure)
                    _say(table.markdown([figure]).splitlines()[-1])
            except WorkError as error:
                code = 1
                figures.append(Figure(f"{name} could not be run", "failed"))
                _say(str(error))
            _say(f"{name}: {time.perf_counter() - started:.0f} s")
    text = f"{facts}\n\n{table.markdown(figures)}"
    print(text)
    if options.write:
        table.write(options.write, text)
    return code


def _parser(known: dict[str, Case]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=known, help="a benchmark; repeatable")
    parser.add_argument("--list", action="store_true", help="what there is")
    parser.add_argument("--scale", type=float, default=1.0, help="size, 1 is what the bars are for")
    parser.add_argument("--repeat", type=int, default=3, help="repetitions of what is compared")
    parser.add_argument("--cache", type=Path, help="keep inputs and lakes that are slow to make")
    parser.add_argument("--write", type=Path, help="rewrite the table between a page's marks")
    return parser


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
