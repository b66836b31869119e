"""Fuzzes all that reads a package.

    python -m tests.fuzz.run [COUNT] [SEED]

Each case is a small package, in Arrow or Parquet, or a small release, with one thing changed (``mutations``); its uses
(``uses``) share a forked process, and where that comes to harm each has one of its own. Fails where one is ended by a
signal, raises an error that is not ours, opens a file outside, or takes a gigabyte or a minute.
"""

from __future__ import annotations

import collections
import contextlib
import gc
import os
import shutil
import sys
import tempfile
import traceback
from pathlib import Path

import numpy as np

from builder.errors import UserError
from tests.fuzz.mutations import MUTATIONS, reseal
from tests.fuzz.uses import USES, Use, use_convert, use_in_child, use_trace
from tests.fuzz.wholes import Wholes, make_wholes


def run(count: int, seed: int, say: bool = False) -> tuple[collections.Counter[str], list[str]]:
    """Return counts of uses by kind, and what went wrong."""
    uses: collections.Counter[str] = collections.Counter()
    faults: list[str] = []
    slowest, largest = 0.0, 0
    with tempfile.TemporaryDirectory() as folder:
        wholes = make_wholes(Path(folder))
        for use in USES.values():  # what is imported and compiled here, no child has to
            with contextlib.suppress(UserError):
                use(wholes.arrow)
        gc.freeze()  # what is here by now is not copied by a child's collector
        os.mkfifo(Path(folder, "secret.arrow"))
        os.mkfifo(Path(folder, "secret"))
        copy = Path(folder, "cytoimagenet")
        for case in range(count):
            kind = list(MUTATIONS)[case % len(MUTATIONS)]
            for whole, names in _uses(kind, wholes):
                shutil.copytree(whole, copy)
                _change(copy, kind, (seed, case))
                uses.update(f"{kind} {name}" for name in names)
                together = use_in_child(list(names.values()), copy)
                slowest, largest = max(slowest, together.seconds), max(largest, together.memory)
                if together.fault:  # which was it?
                    found = {name: use_in_child([use], copy).fault for name, use in names.items()}
                    if not any(found.values()) and not together.fault.startswith("took "):  # memory may add up
                        found["together"] = together.fault
                    new = [f"case {case} ({kind}), {name}: {fault}" for name, fault in found.items() if fault]
                    faults += new
                    if say and new:
                        print(*new, sep="\n", flush=True)
                for made in (copy, Path(f"{copy}.out"), Path(f"{copy}.out.work")):
                    shutil.rmtree(made, ignore_errors=True)
            if say and case % 100 == 99:
                print(f"{case + 1} packages, {uses.total()} uses, {len(faults)} faults", flush=True)
    if say:
        print(f"{count} packages, {uses.total()} uses, {len(faults)} faults; slowest {slowest:.1f} s, "
              f"largest {largest >> 20} MB")  # fmt: skip
    return uses, faults


def _change(copy: Path, kind: str, seed: tuple[int, int]) -> None:
    """Change the copy in a process of its own.

    A large table is then no memory of the processes that are forked from here.
    """
    child = os.fork()
    if not child:
        try:
            MUTATIONS[kind](copy, np.random.default_rng(seed))
            reseal(copy)
        except BaseException:  # noqa: BLE001 -- whatever it is, its process ends here
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
        raise AssertionError(f"the change {kind} of {seed} failed")


def _uses(kind: str, wholes: Wholes) -> list[tuple[Path, dict[str, Use]]]:
    """Return what is changed and how it is then used."""
    if kind == "release":
        return [(wholes.release, {"convert": use_convert})]
    if kind == "parquet":
        return [(wholes.parquet, {name: use for name, use in USES.items() if name != "open"})]
    return [(wholes.arrow, USES), (wholes.built, {"trace": use_trace(wholes.image, wholes.sources)})]


if __name__ == "__main__":
    given = [int(argument) for argument in sys.argv[1:]]
    sys.exit(bool(run(*(given + [2000, 0][len(given) :])[:2], say=True)[1]))
