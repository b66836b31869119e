from __future__ import annotations

import copy
import hashlib
import io
import json
import struct
from pathlib import Path

import fsspec
import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image as Example

from builder.engine.run import RunSettings
from builder.engine.store import Store
from builder.errors import UserError
from builder.inspect.trace import trace
from builder.package.verify import verify
from builder.recipe import Recipe
from builder.release.convert import convert
from builder.stages.context import BuildContext
from tests.release.made_defects import IN_PROCESS, Made
from tests.release.made_release import CLASSES, example, rows_of, write_images, write_table

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(tmp_path_factory.mktemp("convert"))


def test_every_usable_example_once(made: Made) -> None:
    names = [row["filename"] for row in made.examples()]
    assert sorted(names) == sorted(made.by_name.keys() - made.gone())
    assert made.manifest["images"] == 160 - 6


def test_labels_windows_and_names_are_the_release_s(made: Made) -> None:
    for row in made.examples():
        old = made.by_name[row["filename"]]
        for name in ("label", "category", "database", "name", "dir_name", "idx", "microscopy", "organism"):
            assert row[name] == old[name], name
        assert row["config"] == old["category"]
        assert row["path"] == old["path"].strip("/")
        assert row["compound"] == old.get("compound")
        assert row["crop"] == (old["crop"] == "True")
        assert row["scaling"] == float(old["scaling"])
        for name in ("x_min", "x_max", "y_min", "y_max"):
            assert row[name] == (int(float(old[name])) if old["crop"] == "True" else None)


def test_examples_are_the_release_s_byte_for_byte(made: Made) -> None:
    changed = {made.deep, made.colour}
    for row in made.examples():
        if row["filename"] not in changed:
            assert row["image"]["bytes"] == made.file(row["filename"]).read_bytes()


def test_examples_of_another_kind_become_8_bit_grey(made: Made) -> None:
    """They are standardised as the method's section 3 has it.

    Clipped to the 0.1th and 99.9th percentile, scaled to 0 ... 255.
    """
    by_name = {row["filename"]: row["image"]["bytes"] for row in made.examples()}
    for name in (made.deep, made.colour):
        with Example.open(io.BytesIO(by_name[name])) as image:
            assert image.mode == "L"
            found = np.asarray(image).astype(float)
        stored = example(name).astype(float)
        low, high = np.percentile(stored, (0.1, 99.9))
        wanted = 255 * np.clip((stored - low) / (high - low), 0, 1)
        assert np.abs(found - wanted).max() <= 0.5 + 1e-6


def test_statistics_are_of_the_examples(made: Made) -> None:
    table = {row["filename"]: row for row in pq.read_table(made.package / "metadata.parquet").to_pylist()}
    for name in ("human-000000.png", made.by_name["nucleus-100110.png"]["filename"]):
        pixels = example(name)
        row = table[name]
        header = struct.pack("<II", *pixels.shape)
        assert row["pixels_sha256"] == hashlib.sha256(header + pixels.tobytes()).digest()
        assert (row["height"], row["width"], row["distinct"]) == (*pixels.shape, len(np.unique(pixels)))
        assert row["mean"] == pytest.approx(pixels.mean())
        assert row["p75"] == np.percentile(pixels, 75)


def test_no_source_image_on_both_sides(made: Made) -> None:
    """Source images that share an example count as one.

    Whichever of copy and original stayed.
    """
    sides: dict[str, set[str]] = {}
    shares: dict[str, list[bool]] = {}
    for row in made.examples():
        sides.setdefault(row["idx"], set()).add(row["split"])
        shares.setdefault(row["label"], []).append(row["split"] == "validation")
    assert all(len(split) == 1 for split in sides.values())
    for one, other in (
        (made.copy, "nucleus-000000.png"),
        (made.conflict, "serine-threonine_kinase_inhibitor-000100.png"),
    ):
        assert sides[made.by_name[one]["idx"]] == sides[made.by_name[other]["idx"]]
    for held_out in shares.values():
        assert 0 < np.mean(held_out) < 0.2


def test_groups_are_source_images(made: Made) -> None:
    joined = {made.by_name[made.copy]["idx"], made.by_name["nucleus-000000.png"]["idx"]}
    crossing = {made.by_name[made.conflict]["idx"], made.by_name["serine-threonine_kinase_inhibitor-000100.png"]["idx"]}
    for row in made.examples():
        wanted = next((min(group) for group in (joined, crossing) if row["idx"] in group), row["idx"])
        assert row["group"] == wanted


def test_what_was_left_out_and_why(made: Made) -> None:
    rejects = {
        row["key"].rpartition("/")[2]: row for row in pq.read_table(made.package / "rejects.parquet").to_pylist()
    }
    assert rejects.keys() == made.gone()
    assert {rejects[name]["reason"] for name in made.unreadable | made.missing} == {"unreadable"}
    assert {rejects[name]["reason"] for name in made.duplicates} == {"duplicate"}
    detail = rejects[made.conflict]["detail"]
    assert "serine-threonine_kinase_inhibitor-000100.png" in detail
    assert detail.endswith("conflicting label: serine/threonine kinase inhibitor")
    assert "conflicting" not in rejects[made.copy]["detail"]
    assert rejects["nucleus-011111.png"]["detail"] == "the table names it; the file is not there"
    assert "0 bytes" in rejects["human-010000.png"]["detail"]


def test_report(made: Made) -> None:
    found = copy.deepcopy(made.manifest["report"]["release"])
    by_idx: dict[str, set[str]] = {}
    for row in made.rows:
        if row["filename"] not in made.missing:
            by_idx.setdefault(row["idx"], set()).add(row["dset"])
    conflict = found["duplicates"].pop("conflicts")
    assert found == {
        "examples": 159,
        "missing_files": 1,
        "extra_files": 1,
        "gaps": 0,
        "unreadable": 2,
        "labels_without_token": 1,
        "duplicates": {"sets": 3, "same_label": 2, "other_label": 1},
        "original_split": {"images": len(by_idx), "both_sides": sum(len(split) > 1 for split in by_idx.values())},
        "notes": {"files without a row": 1, "rows without a file": 1},
    }
    assert conflict == [
        {
            "file": "cytoimagenet/human/human-000110.png",
            "label": "human",
            "stays": "cytoimagenet/serine-threonine_kinase_inhibitor/serine-threonine_kinase_inhibitor-000100.png",
            "stays_label": "serine/threonine kinase inhibitor",
        }
    ]
    assert found["original_split"]["both_sides"] > 0, "a release without a leak tests nothing"


def test_the_package_is_as_it_should_be(made: Made) -> None:
    assert [str(problem) for problem in verify(str(made.package), deep=True, workers=1)] == []
    assert {source["dir_name"] for source in made.manifest["sources"]} == {
        "bbbc022",
        "kag_hpa",
        "rec_rxrx1",
        "rec_rxrx19a",
    }


def test_a_second_run_does_nothing(made: Made) -> None:
    before = {path: path.stat().st_mtime_ns for path in made.package.rglob("*")}
    assert convert(made.job, Store(str(made.package))) == made.manifest
    assert {path: path.stat().st_mtime_ns for path in made.package.rglob("*")} == before


def test_goes_on_where_it_was_killed(tmp_path: Path) -> None:
    made = Made(tmp_path, recipe=Recipe(part_images=50))
    content = (made.package / "manifest.json").read_bytes()
    parts = sorted((made.work / "standardized" / "release").glob("*.parquet"))
    assert len(parts) == 4
    parts[1].unlink()
    (made.package / "manifest.json").unlink()
    kept = {path: path.stat().st_mtime_ns for path in parts if path.exists()}
    convert(made.job, Store(str(made.package)))
    assert (made.package / "manifest.json").read_bytes() == content
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert len(list((made.work / "standardized" / "release").glob("*.parquet"))) == 4


@pytest.mark.parametrize("settings", [RunSettings(workers=2)])
def test_workers_do_not_change_a_byte(made: Made, tmp_path: Path, settings: RunSettings) -> None:
    job = BuildContext(str(made.root), Store(str(tmp_path / "work")), Recipe(part_images=80), settings)
    manifest = convert(job, Store(str(tmp_path / "cytoimagenet")))
    shards = {path: facts["sha256"] for path, facts in manifest["files"].items() if path.startswith("data/")}
    assert shards
    assert shards == {p: f["sha256"] for p, f in made.manifest["files"].items() if p.startswith("data/")}


def test_the_seed_changes_the_split_and_the_order_only(made: Made, tmp_path: Path) -> None:
    job = BuildContext(str(made.root), Store(str(tmp_path / "work")), Recipe(seed=1), IN_PROCESS, file_format="parquet")
    convert(job, Store(str(tmp_path / "cytoimagenet")))
    tables = [pq.read_table(folder / "metadata.parquet") for folder in (made.package, tmp_path / "cytoimagenet")]
    one, two = ({row["filename"]: row for row in table.to_pylist()} for table in tables)
    placed = ("split", "shard", "position")
    assert {n: [v for k, v in r.items() if k not in placed] for n, r in one.items()} == {
        n: [v for k, v in r.items() if k not in placed] for n, r in two.items()
    }
    assert any(one[name]["split"] != two[name]["split"] for name in one)
    assert not verify(str(tmp_path / "cytoimagenet"), deep=True, workers=1)


def test_bad_instructions(tmp_path: Path, made: Made) -> None:
    job = BuildContext(str(tmp_path / "empty"), Store(str(tmp_path / "work")), settings=IN_PROCESS)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"looked for metadata\.csv; found 0 files: nothing; name the folder"):
        convert(job, Store(str(tmp_path / "cytoimagenet")))
    strange = tmp_path / "strange"
    strange.mkdir()
    (strange / "thesis.txt").write_text("do not touch")
    job = BuildContext(str(made.root), Store(str(tmp_path / "work")), settings=IN_PROCESS)
    with pytest.raises(UserError, match=r"thesis\.txt"):
        convert(job, Store(str(strange)))


def test_no_release_at_all(tmp_path: Path) -> None:
    job = BuildContext(str(tmp_path / "nowhere"), Store(str(tmp_path / "work")), settings=IN_PROCESS)
    with pytest.raises(UserError, match=r"nowhere is not a folder"):
        convert(job, Store(str(tmp_path / "cytoimagenet")))


def test_nothing_can_be_read(tmp_path: Path) -> None:
    rows = rows_of("human", 8)
    write_table(tmp_path / "release" / "metadata.csv", rows)
    for row in rows:
        path = tmp_path / "release" / "human" / row["filename"]
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"<html>not found</html>")
    job = BuildContext(str(tmp_path / "release"), Store(str(tmp_path / "work")), settings=IN_PROCESS)
    with pytest.raises(UserError, match="none of the 8 examples that its table names can be read"):
        convert(job, Store(str(tmp_path / "cytoimagenet")))


def test_from_any_file_system(made: Made, tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    memory.put(f"{made.root}/", "/published/", recursive=True)
    try:
        job = BuildContext("memory://published", Store(str(tmp_path / "work")), settings=IN_PROCESS)
        manifest = convert(job, Store(str(tmp_path / "cytoimagenet")))
    finally:
        memory.rm("/published", recursive=True)
    for path, facts in manifest["files"].items():
        if path.startswith("data/"):
            assert facts == made.manifest["files"][path]


def test_loads(made: Made) -> None:
    """Each config has its own integers.

    An example is what was released.
    """
    import cytoimagenet

    train = cytoimagenet.open(str(made.package), "compound", "train")
    assert train.features["label"].names == ["cis-9,trans-11-acid (+)"]
    assert np.array_equal(np.asarray(train[0]["image"]), example(train[0]["filename"]))
    full = cytoimagenet.open(str(made.package), "full", "validation")
    assert full.features["label"].names == sorted(label for label, *_ in CLASSES.values())


def test_manifest_is_plain_json(made: Made) -> None:
    assert json.loads((made.package / "manifest.json").read_bytes()) == made.manifest


def test_sources_that_forbid_changed_images_are_left_out_unless_asked_for(tmp_path: Path) -> None:
    rows = [row for name in CLASSES for row in rows_of(name)]
    for row in rows[::3]:
        row["dir_name"], row["idx"] = "idr0017", f"idr0017-{row['idx'].rpartition('-')[2]}"
    write_images(tmp_path / "release", rows)
    write_table(tmp_path / "release" / "metadata.csv", rows)
    held = {}
    for include in (False, True):
        work, package = Store(str(tmp_path / f"work{include}")), Store(str(tmp_path / f"package{include}"))
        job = BuildContext(str(tmp_path / "release"), work, settings=IN_PROCESS, include_restricted=include)
        manifest = convert(job, package)
        held[include] = {source["dir_name"]: source["images"] for source in manifest["sources"]}
        assert verify(package) == []
    assert "idr0017" not in held[False]
    assert held[True]["idr0017"] > 0
    assert {name: held[True][name] for name in held[False]} == held[False]


def test_the_card_says_that_it_was_converted_and_trace_that_it_cannot(made: Made) -> None:
    card = (made.package / "README.md").read_text("utf-8")
    assert "Converted from the published release" in card
    assert "cytoimagenet convert" in card
    assert "cytoimagenet build" not in card
    with pytest.raises(UserError, match="converted"):
        trace(Store(str(made.package)), "rec_rxrx1-1", str(made.root))
