"""Files that one core annotates per second, once listed.

The same join by pandas is timed for comparison.

The trees are made up in memory, in the layout and size of the real sources (file names and tables, no examples):
rec_rxrx19a 1.4 million files, idr0016 a million of its files, bbbc022 345,600, bbbc017 193,536, and bbbc041's 86,000
boxes. Timed, in CPU seconds of one process, are the adapter alone (``images``), the whole stage (adapter, vocabulary,
keys, Arrow, Parquet), and pandas doing no more than the join: names taken apart by ``str.extract``, merged with the
table, grouped by site. Runs alternate; medians are printed.

    python -m benchmarks.annotate [--scale 1.0] [--rounds 3] [--only rec_rxrx19a]
"""

from __future__ import annotations

import argparse
import itertools
import json
import platform
import random
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pyarrow as pa

from benchmarks.annotate_shared import WELLS, listed, made_bbbc022, uuid, whole_stage
from builder.sources import get_source
from builder.sources.common.folder import Folder
from builder.vocabulary import lookalikes


class Tree(NamedTuple):
    """A source's file names, and how pandas would join them.

    ``root`` holds the tables alone; ``join`` is None where pandas is not compared.
    """

    root: Path
    files: list[str]
    join: Callable[[], int] | None


def rec_rxrx19a(root: Path, scale: float) -> Tree:
    """Return the tree of RxRx19a: plates HRCE-1 and on.

    1,380 wells a plate, 4 sites, 5 channels, 1,660 treatments.
    """
    rng = random.Random(0)
    plates = max(1, round(305_520 * scale / (1380 * 4)))
    wells = [f"{row}{column:02d}" for row in [*"BCDEFGHIJKLMNOPQRSTUVWXYZ", "AA", "AB"] for column in range(2, 48)][
        :1380
    ]
    files, rows = [], ["site_id,well_id,cell_type,experiment,plate,well,site,disease_condition,treatment,SMILES"]
    for number, well, site in itertools.product(range(plates), wells, range(1, 5)):
        experiment, plate = f"HRCE-{number // 25 + 1}", number % 25 + 1
        stem = f"images/{experiment}/Plate{plate}/{well}_s{site}"
        files.extend(f"rxrx19a/{stem}_w{channel}.png" for channel in range(1, 6))
        name = f"{experiment}_{plate}_{well}"
        condition = rng.choice(("Mock", "Active SARS-CoV-2", "UV Inactivated SARS-CoV-2", ""))
        drug = f"Drug-{rng.randrange(1660)}"
        rows.append(f"{name}_{site},{name},HRCE,{experiment},{plate},{well},{site},{condition},{drug},CC(C)O")
    table = root / "rxrx19a/metadata.csv"
    table.parent.mkdir(parents=True)
    table.write_text("\n".join(rows) + "\n")
    pattern = (
        r"/(?P<experiment>[A-Z]+-\d+)/Plate(?P<plate>\d+)/(?P<well>[A-Z]+\d\d)_s(?P<site>\d)_w(?P<channel>\d)\.png$"
    )
    place = ["experiment", "plate", "well", "site"]
    return Tree(root, files, lambda: pandas_join(files, pattern, table, place, place))


def bbbc022(root: Path, scale: float) -> Tree:
    """Return the tree of BBBC022: 20 plates of 384 wells.

    9 sites, 5 channels, a UUID in each file name, and a table of 23 columns.
    """
    files, table = made_bbbc022(root, scale)
    pattern = r"_(?P<plate>\d{5})w\d/IXMtest_(?P<well>[A-P]\d\d)_s(?P<site>\d)_w(?P<channel>\d)[0-9A-F-]+\.tif$"
    columns = [f"Image_Metadata_{name}" for name in ("PlateID", "CPD_WELL_POSITION", "Site")]
    return Tree(root, files, lambda: pandas_join(files, pattern, table, ["plate", "well", "site"], columns))


def idr0016(root: Path, scale: float) -> Tree:
    """Return the tree of idr0016: a million of its files.

    87 plates of 384 wells, 6 sites, 5 channels, a UUID in each file name; 384 rows a plate.
    """
    rng = random.Random(0)
    stains = {"Hoechst": 1, "ERSyto": 2, "ERSytoBleed": 3, "Ph_golgi": 4, "Mito": 5}
    files, rows = [], ["Plate,Well,Characteristics [Organism],Compound Name,Compound Broad Identifier Short"]
    for plate in range(24277, 24277 + max(1, round(87 * scale))):
        rows.extend(
            f"{plate},{well[0]}{int(well[1:])},Homo sapiens,Compound {rng.randrange(30_000)}," for well in WELLS
        )
        for well, site, (stain, w) in itertools.product(WELLS, range(1, 7), stains.items()):
            files.append(f"images/{plate}-{stain}/cdp2bioactives_{well.lower()}_s{site}_w{w}{uuid(rng)}.tif")
    table = root / "idr0016-screenA-annotation.csv"
    table.write_text("\n".join(rows) + "\n")
    return Tree(root, files, None)


def bbbc017(root: Path, scale: float) -> Tree:
    """Return the tree of BBBC017: 28 plates of 384 wells.

    6 fields, 3 channels; without the table of genes, which is an Excel file.
    """
    files = [
        f"NIRHTa{sign}{plate:03d}/AS_09125_0501{sign == '+':d}7{plate:07d}_{well}f{field:02d}d{channel}.DIB"
        for sign in "-+"
        for plate in range(1, max(1, round(14 * scale)) + 1)
        for well in WELLS
        for field in range(6)
        for channel in range(3)
    ]
    return Tree(root, files, None)


def bbbc041(root: Path, scale: float) -> Tree:
    """Return BBBC041's tree: 1,328 files; the rates count their boxes."""
    rng = random.Random(0)
    files, entries = [], []
    for _ in range(max(1, round(1328 * scale))):
        name = f"{uuid(rng).lower()}.png"
        corners = [(rng.randrange(1000), rng.randrange(1400)) for _ in range(65)]
        objects = [
            {
                "bounding_box": {"minimum": {"r": r, "c": c}, "maximum": {"r": r + 130, "c": c + 130}},
                "category": "red blood cell",
            }
            for r, c in corners
        ]
        files.append(f"malaria/images/{name}")
        shape = {"r": 1200, "c": 1600, "channels": 3}
        entries.append({"image": {"pathname": f"/images/{name}", "shape": shape}, "objects": objects})
    (root / "malaria").mkdir()
    (root / "malaria/training.json").write_text(json.dumps(entries))
    return Tree(root, files, None)


def pandas_join(files: list[str], pattern: str, table: Path, parts: list[str], columns: list[str]) -> int:
    names = pd.DataFrame({"path": files})
    taken = names["path"].str.extract(pattern)
    rows = pd.read_csv(table, dtype=str)
    joined = taken.assign(path=names["path"]).merge(rows, left_on=parts, right_on=columns, how="left")
    return len(
        joined.sort_values("channel").groupby(parts, sort=False).agg({"path": tuple, joined.columns[-1]: "first"})
    )


TREES = {"rec_rxrx19a": rec_rxrx19a, "idr0016": idr0016, "bbbc022": bbbc022, "bbbc017": bbbc017, "bbbc041": bbbc041}


def timed(work: Callable[[], int]) -> tuple[float, int]:
    start = time.process_time()
    count = work()
    return time.process_time() - start, count


def ways(dir_name: str, tree: Tree, scratch: Path) -> Iterator[tuple[str, Callable[[], int]]]:
    source = get_source(dir_name)
    signatures = dict.fromkeys(tree.files, 1)

    def folder() -> Folder:
        return listed(tree.root, signatures)

    yield "adapter alone", lambda: sum(1 for _ in source.images(folder()))
    yield "whole stage", lambda: whole_stage(dir_name, folder(), scratch)
    if tree.join:
        yield "pandas, join alone", tree.join


def measure(dir_name: str, scale: float, rounds: int) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "tables"
        root.mkdir()
        tree = TREES[dir_name](root, scale)
        todo = dict(ways(dir_name, tree, Path(scratch) / "work"))
        seconds: dict[str, list[float]] = {way: [] for way in todo}
        counts = {}
        for _ in range(rounds):
            for way, work in todo.items():
                took, counts[way] = timed(work)
                seconds[way].append(took)
    assert len(set(counts.values())) == 1, counts
    images = counts["whole stage"]
    files = max(len(tree.files), images)
    print(f"\n{dir_name}: {len(tree.files):,} files, {images:,} images")
    stage = statistics.median(seconds["whole stage"])
    for way, taken in seconds.items():
        median = statistics.median(taken)
        print(f"  {way:20s} {median:7.2f} s  {files / median:10,.0f} files/s  {stage / median:5.2f} x the stage")


def measure_lookalikes(rounds: int) -> None:
    """Time the search for lookalikes among 5,000 tokens.

    They have 5 to 40 letters. The plain comparison of all pairs is timed on 500 of them and scaled by the square.
    """
    rng = random.Random(0)
    letters = "abcdefghijklmnopqrstuvwxyz -"
    tokens = ["".join(rng.choices(letters, k=rng.randint(5, 40))) for _ in range(5000)]

    def variants(token: str) -> frozenset[str]:
        return frozenset((token, *(token[:i] + token[i + 1 :] for i in range(len(token)))))

    def all_pairs(part: list[str]) -> int:
        return sum(bool(variants(one) & variants(two)) for one, two in itertools.combinations(part, 2))

    quick = statistics.median(
        timed(lambda: len(lookalikes({"compound": dict.fromkeys(tokens, 1)})))[0] for _ in range(rounds)
    )
    slow = timed(lambda: all_pairs(tokens[:500]))[0] * (len(tokens) / 500) ** 2
    ratio = slow / quick
    print(f"\nlookalikes of {len(tokens):,} tokens: {quick:.2f} s; all pairs {slow:,.0f} s (scaled up), {ratio:,.0f} x")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--scale", type=float, default=1.0, help="share of a source's real size")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=TREES)
    options = parser.parse_args()
    print(
        f"Python {platform.python_version()}, pyarrow {pa.__version__}, pandas {pd.__version__}, {platform.machine()}"
    )
    for dir_name in [options.only] if options.only else TREES:
        measure(dir_name, options.scale, options.rounds)
    if not options.only:
        measure_lookalikes(options.rounds)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\nmost memory, trees and pandas included: {most:,.0f} MiB")


if __name__ == "__main__":
    main()
