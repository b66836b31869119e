"""Stage 1: one image table for each available, permitted source.

See method, section 1.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import logging
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

from builder.engine.failures import refuse_fault
from builder.engine.progress import Progress
from builder.engine.store import Store
from builder.engine.task import Task
from builder.errors import UserError
from builder.sources import declared_in, load_sources
from builder.sources.base import Source
from builder.stages import work_files
from builder.stages.annotate.annotate_source import annotate_source
from builder.stages.annotate.discover import is_simulated, present_sources
from builder.stages.stage import Facts
from builder.stages.task_runner import HOUR, TaskRunner

log = logging.getLogger(__name__)


class AnnotatedSource(NamedTuple):
    """A source with images, and the hash of its inputs."""

    dir_name: str
    fingerprint: str
    images: int


@dataclasses.dataclass(frozen=True)
class Annotate:
    """Makes the annotation tables of the sources in DATA."""

    data: Store
    work: Store
    runner: TaskRunner
    only: tuple[str, ...] = ()
    include_restricted: bool = False
    name: ClassVar[str] = "annotate"

    def fingerprint(self) -> None:
        """Return None: each source's task checks for changes itself.

        Whether a source has changed is known only once its files are listed.
        """

    def find(self, facts: Facts) -> None:
        """Return None, see ``fingerprint``."""

    def run(self) -> tuple[list[AnnotatedSource], Facts]:
        """Annotate the changed sources and return those with images.

        They are in the order of dir_name. A source that cannot be read, or whose adapter fails, is left out and logged;
        ``left_out_in`` names these afterwards.

        Raises
        ------
        UserError
            Where no source has any.
        """
        url, options = self.data.url, self.data.options
        known, broken, others = self._sources()
        lost = self._broken(broken)
        try:
            others += self.data.folders() if self.only else []  # what is asked for by name needs no word on others
            sources = self._usable(present_sources(url, known, options, (*lost, *others)) if known else [])
        except (FileNotFoundError, NotADirectoryError):
            present_sources(url, known, options)
            raise
        except UserError:
            if lost:  # what is wrong with the only source says more than that there is no other
                raise UserError("; ".join(text for _, text in sorted(lost.items()))) from None
            raise
        check_extras([source for source, _ in sources])
        facts: list[dict[str, Any]] = []
        self.runner.run(
            Progress(self.name, len(sources), "sources"),
            functools.partial(_annotate_task, options, self.work, is_simulated(url, options)),
            [Task(source.dir_name, ((source.dir_name, root),), 1) for source, root in sources],
            on_result=lambda _, found: facts.extend(found),
            on_fault=lambda item, reason, detail: refuse_fault(f"source {item[0]}", reason, detail),
            time_limit=24 * HOUR,
        )
        facts.sort(key=lambda found: str(found["dir_name"]))
        lost |= {str(found["dir_name"]): str(found["error"]) for found in facts if found["error"]}
        self._log(facts, lost)
        self.work.write_bytes(work_files.LEFT_OUT, json.dumps(lost, indent=1, sort_keys=True).encode())
        usable = [
            AnnotatedSource(found["dir_name"], found["fingerprint"], found["images"])
            for found in facts
            if found["images"] and not found["error"]
        ]
        if not usable and lost:
            raise UserError(f"no source in {url} could be read; the reasons are given above")
        if not usable:
            raise UserError(
                f"no image found in {url}; it should hold one folder per source, as `cytoimagenet sources` lists"
            )
        self.work.write_bytes(
            work_files.ANNOTATED, json.dumps([source._asdict() for source in usable], indent=1).encode()
        )
        return usable, {}

    def describe(self, result: list[AnnotatedSource]) -> str:
        """Return how many images and sources there are."""
        return f"{sum(source.images for source in result):,} images of {len(result)} sources"

    def _sources(self) -> tuple[list[Source], dict[str, str], list[str]]:
        """Return the sources to look for.

        Then what is wrong with others, and the names of declared ones that are not asked for.
        """
        try:
            declared, broken = declared_in(self.data.url, self.data.options)
        except (FileNotFoundError, NotADirectoryError):
            declared, broken = [], {}  # said where sources are looked for
        asked = set(self.only)
        ours = {source.dir_name for source in declared} | broken.keys()
        known: list[Source] = []
        more: dict[str, str] = {}
        if not asked or asked - ours:
            known, more = load_sources(asked - ours)
        wanted = [source for source in declared if not asked or source.dir_name in asked]
        wrong = {name: text for name, text in broken.items() if not asked or name in asked}
        known = [source for source in known if source.dir_name not in broken]
        return [*known, *wanted], {**more, **wrong}, sorted(ours - {source.dir_name for source in wanted})

    def _broken(self, broken: dict[str, str]) -> dict[str, str]:
        """Return errors of relevant plug-ins by dir_name.

        Relevant are those whose folder is there or that were asked for.
        """
        there = set(self.only)
        if broken:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):  # said where sources are looked for
                there.update(self.data.folders())
        return {name: text for name, text in broken.items() if name in there}

    def _log(self, facts: list[dict[str, Any]], lost: dict[str, str]) -> None:
        """Log each source's outcome.

        Tracebacks of bugs go to the run log.
        """
        for name, text in sorted(lost.items()):
            log.error("%s: left out: %s", name, text)
        for found in facts:
            if found["traceback"] and self.runner.run_log is not None:
                details = {"detail": found["error"], "traceback": found["traceback"]}
                self.runner.run_log.write("error", source=found["dir_name"], **details)
            if not found["error"]:
                _log_annotated(found)

    def _usable(self, present: list[tuple[Source, str]]) -> list[tuple[Source, str]]:
        """Exclude and report sources whose licence forbids publishing changed images."""
        kept = []
        for source, root in present:
            if source.license.restricted and not self.include_restricted:
                log.warning(
                    "%s: left out: its licence (%s) forbids publishing changed images; --include-restricted takes it",
                    source.dir_name,
                    source.license.name,
                )
            else:
                kept.append((source, root))
        return kept


def check_extras(sources: Sequence[Source]) -> None:
    """Raise UserError where sources give a column two types."""
    found: dict[str, tuple[str, str]] = {}
    for source in sources:
        for name, extra in source.extra.items():
            kind, first = found.setdefault(name, (extra.type, source.dir_name))
            if kind != extra.type:
                raise UserError(
                    f"the extra column {name} is {kind} in {first} and {extra.type} in {source.dir_name}; "
                    "give it one type, or two names"
                )


def annotated_in(work: Store) -> list[AnnotatedSource]:
    """Return the sources that were annotated last in WORK.

    Raises
    ------
    UserError
        Where none was.
    """
    if not work.exists(work_files.ANNOTATED):
        raise UserError(f"{work.url} holds no annotations; make them with `cytoimagenet annotate DATA -o {work.url}`")
    return [AnnotatedSource(**found) for found in json.loads(work.read_bytes(work_files.ANNOTATED))]


def left_out_in(work: Store) -> list[str]:
    """Return the unreadable sources of WORK's last annotation, by name."""
    return list(json.loads(work.read_bytes(work_files.LEFT_OUT))) if work.exists(work_files.LEFT_OUT) else []


def _annotate_task(
    options: dict[str, Any], work: Store, simulated: bool, items: Sequence[tuple[str, str]]
) -> list[dict[str, Any]]:
    facts = []
    for dir_name, root in items:
        try:
            facts.append(annotate_source(root, options, work, simulated, dir_name))
        except OSError as error:
            text = (
                f"{root} cannot be listed or read ({error.strerror or error}); fix that and run the same command again"
            )
            raise UserError(text) from None
    return facts


def _log_annotated(found: dict[str, Any]) -> None:
    name = found["dir_name"]
    if not found["images"]:
        log.warning("%s: no image; its folder holds %s", name, found["contents"])
        return
    log.info("%s: %s images%s", name, f"{found['images']:,}", "" if found["fresh"] else " (as before)")
    for kind, count in sorted(found["notes"].items()):
        examples = "; ".join(_short(example) for example in found["examples"][kind][:3])
        log.warning("%s: %s %s, for instance %s", name, f"{count:,}", kind, examples)


def _short(text: str, most: int = 80) -> str:
    """Return the end of a long text, where paths differ."""
    return text if len(text) <= most else "…" + text[-most:]
