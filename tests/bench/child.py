"""What a measured process runs: `python -m tests.bench.child module:function '{"argument": ...}'`."""

import importlib
import json
import os
import sys


def main() -> None:
    """Call the function and print what it returns as the last line."""
    module, _, name = sys.argv[1].partition(":")
    function = getattr(importlib.import_module(f"tests.bench.work.{module}"), name)
    # What the function prints itself goes to stderr: dlt and Prefect talk a lot.
    told = os.dup(1)
    os.dup2(2, 1)
    result = function(**json.loads(sys.argv[2]))
    sys.stdout.flush()
    os.write(told, json.dumps(result).encode() + b"\n")


if __name__ == "__main__":
    main()
