"""Fuzzes all that reads a package: ``python -m tests.fuzz.run [COUNT] [SEED]``.

Each case is a small package with one thing changed (``mutations``), each use of it (``uses``) a process of its own.
Fails where one is ended by a signal, raises what is no error of ours, opens a file outside, takes a gigabyte or a
minute.
"""

from __future__ import annotations

import collections
import contextlib
import os
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np

from builder.errors import UserError
from tests.fuzz.mutations import MUTATIONS, reseal
from tests.fuzz.uses import USES, use_in_child
from tests.package.made import make_package


def run(count: int, seed: int, say: bool = False) -> tuple[collections.Counter[str], list[str]]:
    """Return how many uses of each kind there were, and what went wrong."""
    uses: collections.Counter[str] = collections.Counter()
    faults: list[str] = []
    slowest, largest = 0.0, 0
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder, "whole")
        make_package(whole, shards=1, per_class=6)
        for use in USES.values():  # what is imported and compiled here, no child has to
            with contextlib.suppress(UserError):
                use(whole)
        os.mkfifo(Path(folder, "secret.arrow"))
        os.mkfifo(Path(folder, "secret"))
        for case in range(count):
            kind = list(MUTATIONS)[case % len(MUTATIONS)]
            package = Path(folder, "cytoimagenet")
            shutil.copytree(whole, package)
            MUTATIONS[kind](package, np.random.default_rng((seed, case)))
            reseal(package)
            for name, use in USES.items():
                if name == "convert" and kind not in ("png", "manifest"):
                    continue
                outcome = use_in_child(use, package)
                uses[f"{kind} {name}"] += 1
                slowest, largest = max(slowest, outcome.seconds), max(largest, outcome.memory)
                if outcome.fault:
                    faults.append(f"case {case} ({kind}), {name}: {outcome.fault}")
                    if say:
                        print(faults[-1], flush=True)
            shutil.rmtree(package)
            shutil.rmtree(f"{package}.out.work", ignore_errors=True)
    if say:
        print(f"{count} packages, {uses.total()} uses, {len(faults)} faults; slowest {slowest:.1f} s, "
              f"largest {largest >> 20} MB")  # fmt: skip
    return uses, faults


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    sys.exit(bool(run(*(given + [2000, 0][len(given) :])[:2], say=True)[1]))
