"""The pipeline's last step: files beside the shards, manifest last."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import ClassVar

import builder
from builder.code_version import LIBRARIES, code_version
from builder.engine import markers
from builder.engine.store import Store
from builder.package.finish import finish_package
from builder.package.manifest import Manifest
from builder.recipe import Recipe
from builder.sources.base import Source
from builder.stages.select.store import StoredSelection
from builder.stages.shard.stage import ShardFacts
from builder.stages.stage import Facts
from builder.stages.work_files import RESULTS
from builder.templates import template_folder
from cytoimagenet_reader.layout import MANIFEST


@dataclasses.dataclass(frozen=True)
class Finish:
    """Writes card, metadata, figures and similar files.

    They are kept if they are there for just these shards. ``sources`` are the facts of every source that gave an
    example; others among them do no harm.
    """

    work: Store
    package: Store
    recipe: Recipe
    file_format: str
    selection: StoredSelection
    shards: ShardFacts
    sources: Sequence[Source]
    name: ClassVar[str] = "finish"

    def fingerprint(self) -> str:
        """Return the hash of everything that the files depend on.

        That is shards, selection, rejects, recipe, sources' facts, results, code, templates and libraries.
        """
        made_from = [
            self.shards,
            self.selection.report,
            self.selection.dir_names,
            self.selection.rejects_sha256,
            self.file_format,
            self.recipe.as_dict(),
            [_facts(source) for source in self._used()],
            builder.__version__,
            *([self.work.sha256(RESULTS)] if self.work.exists(RESULTS) else []),
        ]
        templates = sorted(path for path in template_folder().iterdir() if path.is_file())
        code = code_version(finish_package, StoredSelection, libraries=LIBRARIES, files=templates)
        return markers.fingerprint("finish", json.dumps(made_from, sort_keys=True), code)

    def find(self, facts: Facts) -> Manifest | None:
        """Return the existing manifest if all its files exist."""
        if not self.package.exists(MANIFEST):
            return None
        manifest: Manifest = json.loads(self.package.read_bytes(MANIFEST))
        sizes = self.package.sizes()
        whole = all(sizes.get(path) == found["bytes"] for path, found in manifest["files"].items())
        return manifest if whole else None

    def run(self) -> tuple[Manifest, Facts]:
        """Write all that is beside the shards."""
        manifest = finish_package(
            self.package,
            self.selection,
            self.selection.rejects,
            self.recipe,
            self._used(),
            self.shards,
            self.selection.report,
            self.file_format,
            self.selection.fingerprints(),
            self.work.read_bytes(RESULTS) if self.work.exists(RESULTS) else None,
        )
        return manifest, {}

    def describe(self, result: Manifest) -> str:
        """Return that the package is complete."""
        return f"{self.package.url} is complete"

    def _used(self) -> list[Source]:
        return [source for source in self.sources if source.dir_name in self.selection.dir_names]


def _facts(source: Source) -> dict[str, str]:
    """Return a source's metadata as texts, without its image finder."""
    names = (field.name for field in dataclasses.fields(source) if field.name != "images")
    return {name: repr(getattr(source, name)) for name in names}
