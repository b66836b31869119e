"""Makes a release with every known defect, and its package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image as Example

from builder.engine.run import RunSettings
from builder.engine.store import Store
from builder.release.convert import convert
from builder.schema import EXAMPLES
from builder.stages.context import BuildContext
from tests.release.made_release import CLASSES, example, rows_of, write_images, write_table

IN_PROCESS = RunSettings(workers=0)


class Made:
    """A release with every known or suspected defect, converted.

    The defects are those of the published one; ``package`` is what it becomes.
    """

    def __init__(self, folder: Path, **options: Any) -> None:
        self.root, self.package, self.work = folder / "release", folder / "cytoimagenet", folder / "work"
        self.rows = [row for name in CLASSES for row in rows_of(name)]
        by_name = {row["filename"]: row for row in self.rows}
        write_images(self.root / "cytoimagenet", self.rows)
        classes = self.root / "cytoimagenet"
        # two examples with the same pixels and label, of two source images: one stays
        self.copy = "nucleus-001000.png"
        self._overwrite(classes, self.copy, example("nucleus-000000.png"))
        # the same pixels under two labels
        self.conflict = "human-000110.png"
        self._overwrite(classes, self.conflict, example("serine-threonine_kinase_inhibitor-000100.png"))
        # within one source image
        self._overwrite(classes, "human-000011.png", example("human-000010.png"))
        self.duplicates = {self.copy, self.conflict, "human-000011.png"}
        # files that are no examples
        (classes / "human" / "human-010000.png").write_bytes(b"")
        whole = (classes / "human" / "human-010001.png").read_bytes()
        (classes / "human" / "human-010001.png").write_bytes(whole[: len(whole) // 2])
        self.unreadable = {"human-010000.png", "human-010001.png"}
        # a file that is gone, and one that nobody names
        (classes / "nucleus" / "nucleus-011111.png").unlink()
        self.missing = {"nucleus-011111.png"}
        Example.fromarray(example("stranger")).save(classes / "nucleus" / "nucleus-111111.png")
        # examples that are not 8-bit grey
        self.deep, self.colour = "nucleus-010100.png", "nucleus-010101.png"
        self._overwrite(classes, self.deep, example(self.deep).astype(np.uint16) * 200 + 1000)
        self._overwrite(classes, self.colour, np.stack([example(self.colour)] * 3, axis=-1))
        by_name["nucleus-010110.png"]["cell_visible"] = "nucleus envelope"
        write_table(self.root / "metadata.csv", self.rows)
        self.by_name = by_name
        self.job = BuildContext(str(self.root), Store(str(self.work)), settings=IN_PROCESS, **options)
        self.manifest = convert(self.job, Store(str(self.package)))

    def _overwrite(self, classes: Path, name: str, pixels: np.ndarray) -> None:
        Example.fromarray(pixels).save(classes / name.rpartition("-")[0] / name)

    def file(self, name: str) -> Path:
        return self.root / "cytoimagenet" / name.rpartition("-")[0] / name

    def gone(self) -> set[str]:
        return self.duplicates | self.unreadable | self.missing

    def examples(self) -> Iterator[dict[str, Any]]:
        for path in sorted(self.package.glob("data/*/*.arrow")):
            with pa.ipc.open_stream(path) as reader:
                assert reader.schema.equals(EXAMPLES)
                for batch in reader:
                    for row in batch.to_pylist():
                        yield row | {"split": path.name.partition("-")[0], "config": path.parent.name}
