"""Sources that give nothing, or nothing with a label.

They are left out, that is said, and the exit status tells.
"""

from __future__ import annotations

import gzip
import importlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from builder.cli import main
from builder.engine.store import Store
from builder.engine.task import Task
from builder.errors import UserError
from builder.sources import _plugins, load_sources
from builder.stages.annotate.annotate_source import annotate_source
from builder.stages.annotate.stage import Annotate, left_out_in

pytestmark = pytest.mark.slow

_FIELD = "20150401/SQ00014610__2016-Measurement2/Images/r01c01f01p01-ch1sk1fk1fl1.tiff"
_TABLE = "Plate,Well,Characteristics [Cell Line],Gene Symbol,Gene Identifier,Control Type\nSQ00014610,A1,A549,BRAF,,\n"


def write(root: Path, *names: str, content: bytes = b"not opened") -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def error_of(root: Path, work: Path, name: str) -> str:
    return str(annotate_source(str(root), {}, Store(work), False, name)["error"])


def test_images_without_any_table_are_left_out_naming_tables_and_where_they_are(tmp_path: Path) -> None:
    root = write(tmp_path / "idr0080", _FIELD)
    error = error_of(root, tmp_path / "work", "idr0080")
    assert "1 images but none of the tables that say what they show (idr0080-screenA-annotation.csv)" in error
    assert "https://raw.githubusercontent.com/IDR/idr0080-way-perturbation/" in error
    write(root, "deep/idr0080-screenA-annotation.csv.gz", content=gzip.compress(_TABLE.encode()))
    assert error_of(root, tmp_path / "work", "idr0080") == ""


def test_one_of_several_tables_is_enough(tmp_path: Path) -> None:
    name = "Data_UZH/Screen/BSF018292-1A/BSF018292-1A_A02_w1.TIF"
    root = write(tmp_path / "idr0081", name)
    assert "none of the tables" in error_of(root, tmp_path / "work", "idr0081")
    write(root, "idr0081-screenD-annotation.csv", content=b"Plate,Well,Compound Name\nBSF018292-1A,A2,Nelfinavir\n")
    assert error_of(root, tmp_path / "work", "idr0081") == ""


def test_a_table_that_joins_nothing_is_an_error(tmp_path: Path) -> None:
    """A table of another version names its plates otherwise.

    Without the error every image would lack its labels.
    """
    root = write(tmp_path / "idr0080", _FIELD)
    write(root, "idr0080-screenA-annotation.csv", content=_TABLE.replace("SQ00014610", "plate 1").encode())
    error = error_of(root, tmp_path / "work", "idr0080")
    assert (
        "1 images and idr0080-screenA-annotation.csv, but no row of it is of an image; the first row is PLATE 1"
        in error
    )
    one = _TABLE + _TABLE.partition("\n")[2].replace("SQ00014610", "plate 1")
    write(root, "idr0080-screenA-annotation.csv", content=one.encode())
    assert error_of(root, tmp_path / "work", "idr0080") == ""


def test_a_source_without_tables_needs_none(tmp_path: Path) -> None:
    root = write(tmp_path / "bbbc013", "Channel1-01-A-01.BMP")
    assert error_of(root, tmp_path / "work", "bbbc013") == ""


@pytest.mark.parametrize("name", ["bbbc005", "bbbc022", "idr0067", "kag_cell_cycle", "cil_kinome", "rec_rxrx2"])
def test_a_folder_of_other_formats_says_what_it_holds(tmp_path: Path, name: str) -> None:
    names = ("a.czi", "b.CZI", "x.nd2", "y.lif", "z.zarr/0/0/0.0")
    root = write(tmp_path / name, *names)
    if name == "rec_rxrx2":
        write(root, "metadata.csv", content=b"experiment,plate,well,site,cell_type,treatment,treatment_conc\n")
    error = error_of(root, tmp_path / "work", name)
    assert "2 .czi" in error
    for kind in ("1 .nd2", "1 .lif", "1 files of .zarr"):
        assert kind in error


def test_archives_that_are_not_unpacked_are_an_error(tmp_path: Path) -> None:
    root = write(tmp_path / "bbbc005", "BBBC005_v1_images.zip")
    assert "it holds 1 .zip" in error_of(root, tmp_path / "work", "bbbc005")


@pytest.mark.parametrize("name", ["bbbc005", "idr0080", "rec_rxrx19a", "bbbc041"])
def test_a_folder_without_anything_but_tables_is_no_error(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Its images may come later.

    Nothing is missing from what was made.
    """
    (tmp_path / "data" / name).mkdir(parents=True)
    assert error_of(tmp_path / "data" / name, tmp_path / "work", name) == ""
    write(tmp_path / "data" / name, "a/t.csv", "idr0080-screenA-annotation.csv.gz", "README.md")
    write(tmp_path / "data/bbbc013", "Channel1-01-A-01.BMP")
    command = ["annotate", str(tmp_path / "data"), "-o", str(tmp_path / "work"), "--workers", "0"]
    assert CliRunner().invoke(main, command).exit_code == 0
    assert f"{name}: no image; its folder holds 1 .csv, 1 .gz, 1 .md" in caplog.text


def test_the_exit_status_tells_and_the_rest_is_done(tmp_path: Path) -> None:
    write(tmp_path / "data/idr0080", _FIELD)
    write(tmp_path / "data/bbbc013", "Channel1-01-A-01.BMP")
    work = tmp_path / "work"
    command = ["annotate", str(tmp_path / "data"), "-o", str(work), "--workers", "0"]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 1
    assert "1 images of 1 source\n" in done.output
    assert "left out, for the reasons given above: idr0080" in done.output
    assert left_out_in(Store(work)) == ["idr0080"]
    write(tmp_path / "data/idr0080", "idr0080-screenA-annotation.csv", content=_TABLE.encode())
    done = CliRunner().invoke(main, command)
    assert (done.exit_code, left_out_in(Store(work))) == (0, [])
    assert "2 images of 2 sources" in done.output


def test_a_plan_without_a_source_that_is_there_fails_as_the_build_would(tmp_path: Path) -> None:
    write(tmp_path / "data/idr0080", _FIELD)
    write(tmp_path / "data/bbbc013", "Channel1-01-A-01.BMP")
    command = ["build", str(tmp_path / "data"), "-o", str(tmp_path / "out"), "--plan", "--workers", "0"]
    for form in ([], ["--json"]):
        done = CliRunner().invoke(main, [*command, "--set", "min_images=1", *form])
        assert done.exit_code == 1
        assert "left out, for the reasons given above: idr0080" in done.output
    assert '"left_out": [' in done.output
    write(tmp_path / "data/idr0080", "idr0080-screenA-annotation.csv", content=_TABLE.encode())
    assert CliRunner().invoke(main, [*command, "--set", "min_images=1"]).exit_code == 0


@pytest.fixture
def broken_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make a distribution whose source module cannot be imported."""
    info = tmp_path / "site" / "lab-1.0.dist-info"
    write(info, "METADATA", content=b"Metadata-Version: 2.1\nName: lab\nVersion: 1.0\n")
    write(info, "entry_points.txt", content=b"[cytoimagenet.sources]\nlab_cells = lab_cells\n")
    write(tmp_path / "site", "lab_cells.py", content=b"import nothing_of_this_name\n")
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    importlib.invalidate_caches()
    _plugins.cache_clear()
    yield
    sys.modules.pop("lab_cells", None)
    _plugins.cache_clear()


@pytest.mark.usefixtures("broken_plugin")
def test_a_plugin_that_does_not_load_leaves_out_its_source_only(tmp_path: Path) -> None:
    sources, broken = load_sources()
    assert list(broken) == ["lab_cells"]
    assert "nothing_of_this_name" in broken["lab_cells"]
    assert len(sources) >= 40
    write(tmp_path / "data/bbbc013", "Channel1-01-A-01.BMP")
    command = ["annotate", str(tmp_path / "data"), "-o", str(tmp_path / "work"), "--workers", "0"]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, "its folder is not there: nobody misses it"
    write(tmp_path / "data/lab_cells", "x.tif")
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 1
    assert json.loads((tmp_path / "work/left_out.json").read_text())["lab_cells"].count("nothing_of_this_name") == 1


def test_a_fault_of_the_machine_ends_the_run_and_leaves_nothing_out(little: Path, tmp_path: Path) -> None:
    class OutOfMemory:
        def run(self, progress: object, function: object, tasks: list[Task], on_fault: Any, **more: Any) -> None:
            for task in tasks:
                on_fault(task.items[0], "out_of_memory", "ended by SIGKILL")

    work = Store(tmp_path / "work")
    says = r"^source kag_cell_cycle: out of memory \(ended by SIGKILL\), also while nothing else ran; give it"
    with pytest.raises(UserError, match=says):
        Annotate(Store(little), work, OutOfMemory(), ()).run()  # type: ignore[arg-type]
    assert left_out_in(work) == []
