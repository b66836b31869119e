"""A process that runs commands of the project as told.

Commands come as lines of JSON; libraries are loaded once.

    python -m tests.faults.told

It reads a list of arguments, and writes [exit code, standard output, standard error].
"""

from __future__ import annotations

import json
import sys

from tests.building import in_this_process


def serve() -> None:
    for line in sys.stdin:
        done = in_this_process(*json.loads(line), check=False)
        print(json.dumps([done.returncode, done.stdout, done.stderr]), flush=True)


if __name__ == "__main__":  # not in the workers that it starts
    serve()
