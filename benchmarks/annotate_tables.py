"""Sources of full size made from real, trimmed tables.

The rows of the tables repeat on made-up plates. Each function writes the table below ``root`` and yields the names of
the files, for a share ``scale`` of the plates.
"""

from __future__ import annotations

import csv
import itertools
import random
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.annotate_shared import WELLS, made_bbbc022, uuid

Row = dict[str, str]


class Screen(NamedTuple):
    """A screen of ``plates`` plates with ``wells`` wells each.

    The first ``shown`` wells of a plate have files; all of them where it is None.
    """

    table: str  # the real one, in the folder of the source
    plates: int
    wells: int
    fields: int
    place: Callable[[int], Row]  # number of a plate -> what its rows say in the columns that name it
    files: tuple[str, ...]  # templates, one a channel
    shown: int | None = None


def stress(plate: int) -> Row:
    name, said = (("DTT", "dithiothreitol"), ("H2O2", "hydrogen peroxide"), ("starvation", "starvation"))[plate % 3]
    return {"Plate": f"{name} p{plate // 3 + 1}", "Experiment Condition": said, "folder": f"{name}/p{plate // 3 + 1}"}


RUN, NAME, TIMES = "Plate Location", "Comment [Operetta Plate Name]", "Comment [Operetta Measurement]"
VSVG, YEAST = "VSVG/{Plate}/data/--{n}--P00001--Z00000--T00000--", "Images/{folder}/--{n}--P0000{f}--Z00000--T00000--"
OPERETTA = "/Images/{rc}f{f:02d}p01-ch%dsk1fk1fl1.tiff"
STAINS = {"Hoechst": 1, "ERSyto": 2, "ERSytoBleed": 3, "Ph_golgi": 4, "Mito": 5}
YOKOGAWA = "raw/{run}/{Plate}/{Plate}_{well}_T0001F{f:03d}L01A%02dZ01C%02d.tif"

SCREENS = {
    "idr0016": Screen(
        "bbbc022-2016-02/idr0016-screenA-annotation.csv",
        *(406, 384, 6),
        lambda n: {"Plate": f"{24277 + n}"},
        tuple(f"{{Plate}}-{stain}/cdp2bioactives_{{low}}_s{{f}}_w{w}{{u}}.tif" for stain, w in STAINS.items()),
    ),
    "idr0009": Screen(
        "idr0009-screenB-annotation.csv",
        *(1034, 384, 1),
        lambda n: {"Plate": f"{n:04d}-01--2007-04-03"},
        tuple(f"{VSVG}{stain}.tif" for stain in ("nucleus-dapi", "pm-647", "vsvg-cfp")),
    ),
    "idr0003": Screen(
        "JCBYeastProteomePlasticity.BULK_ANNOTATION_DTT_p1_p2_p9_only.csv",
        *(85, 384, 3),
        stress,
        tuple(f"{YEAST}{stain}.tif" for stain in ("GFP", "Cherry", "Transmitted")),
    ),
    "idr0080": Screen(
        "idr0080-screenA-annotation.csv",
        *(9, 384, 9),
        lambda n: {"Plate": f"SQ{14610 + n:08d}"},
        tuple("images/{Plate}__2016-06-16T00_38_35-Measurement2" + OPERETTA % c for c in range(1, 6)),
    ),
    "idr0088": Screen(
        "idr0088-screenA-annotation.csv",
        *(1199, 264, 2),
        lambda n: {
            "Plate": f"{1013608000 + n}",
            RUN: f"p1712PPS139/PpsL05_{n:06d}",
            "run": f"p1712PPS139/PpsL05_{n:06d}",
        },
        tuple(YOKOGAWA % (c, c) for c in (1, 2, 3)),
        190,
    ),
    "idr0037": Screen(
        "idr0037-screenA-annotation.csv",
        *(31, 57, 9),
        lambda n: {NAME: f"20140424_HipSci {n}", TIMES: "Measurement1", "plate": f"20140424_HipSci {n}"},
        tuple("images/{plate}__2014-04-24T17_01_22-Measurement1" + OPERETTA % c for c in range(1, 5)),
    ),
    "idr0081": Screen(
        "idr0081-screenD-annotation.csv",
        *(38, 384, 1),
        lambda n: {"Plate": f"BSF{18292 + n:06d}-1A"},
        tuple(f"Data_UZH/Screen/{{Plate}}/HAdV_{{well}}_w{c}.TIF" for c in (1, 2)),
    ),
}


def write(path: Path, header: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(itertools.chain([header], rows))


def read(path: Path) -> list[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def screen(name: str, real: Path, root: Path, scale: float) -> Iterator[str]:
    facts, rng = SCREENS[name], random.Random(0)
    header, *rows = read(real / name / facts.table)
    places = [facts.place(plate) for plate in range(max(1, round(facts.plates * scale)))]

    def copies() -> Iterator[list[str]]:
        samples = itertools.cycle(rows)
        for place, well in itertools.product(places, WELLS[: facts.wells]):
            said = {**place, "Well": f"{well[0]}{int(well[1:])}"}
            yield [said.get(column, value) for column, value in zip(header, next(samples), strict=True)]

    copy = facts.table.rpartition("/")[2]
    write(root / (copy if copy.startswith(name) else f"{name}-screenA-annotation.csv"), header, copies())
    shown = places[: max(1, round((facts.shown or facts.plates) * scale))]
    numbers = range(1, facts.fields + 1)
    for place, (n, well), f in itertools.product(shown, enumerate(WELLS[: facts.wells], 1), numbers):
        rc = f"r{ord(well[0]) - 64:02d}c{well[1:]}"
        for template in facts.files:
            u = uuid(rng) if "{u}" in template else ""
            yield template.format(**place, well=well, low=well.lower(), n=f"W{n:05d}", rc=rc, f=f, u=u)


RECURSION = {  # sites, sites a well, channels, experiments of 25 plates, of which cells
    "rec_rxrx1": (125_510, 2, 6, "HEPG2"),
    "rec_rxrx2": (131_953, 4, 6, "HUVEC"),
    "rec_rxrx19a": (305_520, 4, 5, "HRCE"),
    "rec_rxrx19b": (70_384, 1, 6, "HUVEC"),
}
LIKE_19A = ["site_id", "well_id", "cell_type", "experiment", "plate", "well", "site"]
CONDITIONS = ("Mock", "Active SARS-CoV-2", "UV Inactivated SARS-CoV-2", "")


def recursion(name: str, real: Path, root: Path, scale: float) -> Iterator[str]:
    """Write a Recursion table; yield the names of its files.

    Its columns are those of the real table, or those of the readme; treatments are drawn by their real counts.
    """
    rng, set_name = random.Random(0), name.removeprefix("rec_")
    sites, each, channels, cells = RECURSION[name]
    names, counts = zip(*read(real / name / "treatment_counts.csv")[1:], strict=True)
    weights = list(itertools.accumulate(map(int, counts)))
    table = real / name / set_name / "metadata.csv"
    header = read(table)[0] if table.exists() else [*LIKE_19A, "disease_condition", "treatment", "SMILES"]
    letters = [*"BCDEFGHIJKLMNOPQRSTUVWXYZ", "AA", "AB"]
    wells = [f"{row}{column:02d}" for row, column in itertools.product(letters, range(2, 48))]
    every = ((plate, *place) for plate in itertools.count() for place in itertools.product(wells, range(1, each + 1)))
    rows = []
    for number, well, site in itertools.islice(every, max(1, round(sites * scale))):
        experiment, plate = f"{cells}-{number // 25 + 1}", number % 25 + 1
        (drug,) = rng.choices(names, cum_weights=weights)
        said = {"cell_type": cells, "experiment": experiment, "plate": plate, "well": well, "site": site, "sirna": drug}
        said |= {"treatment": drug, "disease_condition": rng.choice(CONDITIONS), "SMILES": "CC(C)O"}
        rows.append([said.get(column, f"{experiment}_{plate}_{well}_{site}") for column in header])
        for channel in range(1, channels + 1):
            yield f"{set_name}/images/{experiment}/Plate{plate}/{well}_s{site}_w{channel}.png"
    write(root / "metadata.csv", header, rows)


def hpa(name: str, real: Path, root: Path, scale: float) -> Iterator[str]:
    """Write the HPA table; yield four files a field.

    Fields have real labels in turn; those of the test set have none.
    """
    rng = random.Random(0)
    trained, tested = {"kag_hpa": (31_072, 11_702), "kag_hpa_single": (21_806, 559)}[name]
    header, *rows = read(real / name / "train.csv")
    names = [uuid(rng).lower() for _ in range(max(1, round(trained * scale)))]
    write(
        root / "train.csv", header, ((field, row[1]) for field, row in zip(names, itertools.cycle(rows), strict=False))
    )
    tests = (uuid(rng).lower() for _ in range(round(tested * scale)))
    for field in itertools.chain((f"train/{name}" for name in names), (f"test/{name}" for name in tests)):
        yield from (f"{field}_{colour}.png" for colour in ("red", "green", "blue", "yellow"))


def bbbc022(name: str, real: Path, root: Path, scale: float) -> Iterator[str]:
    yield from made_bbbc022(root, scale)[0]


MAKERS: dict[str, Callable[[str, Path, Path, float], Iterator[str]]] = {
    **dict.fromkeys(SCREENS, screen),
    **dict.fromkeys(RECURSION, recursion),
    **dict.fromkeys(("kag_hpa", "kag_hpa_single"), hpa),
    "bbbc022": bbbc022,
}
