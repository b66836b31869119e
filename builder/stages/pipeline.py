"""The stages one after another: what `build` does."""

from __future__ import annotations

import dataclasses
import logging

from builder.engine.store import Store
from builder.package.manifest import Manifest
from builder.sources import source_at
from builder.stages.annotate.stage import Annotate
from builder.stages.context import BuildContext
from builder.stages.finish import Finish
from builder.stages.label.stage import Label
from builder.stages.select.choose import check_sizes
from builder.stages.select.stage import Select
from builder.stages.shard.package_files import require_empty_or_package
from builder.stages.shard.stage import Shard
from builder.stages.stage import carry_out
from builder.stages.standardize.not_tried import FaultPolicy
from builder.stages.standardize.stage import Standardize
from builder.stages.thresholds import fitted, named_by_source

log = logging.getLogger(__name__)


def build(context: BuildContext, package: Store) -> Manifest:
    """Build the package, reusing results that are up to date.

    A result is up to date if it was made from the same inputs, recipe and code.

    Raises
    ------
    UserError
        Where there is nothing to build from, or no class is left.
    """
    data, work, recipe = context.data_store, context.work, context.recipe
    if not context.auto.asked:
        check_sizes(recipe)
    require_empty_or_package(package, work)

    with context.workers() as runner:
        sources = carry_out(Annotate(data, work, runner, context.only, context.include_restricted))
        recipe, said = fitted(work, recipe, context.auto, sources)
        for line in said:
            log.info("%s", line)
        check_sizes(recipe)
        assignments = carry_out(Label(work, recipe, sources))
        faults = FaultPolicy(context.skip_unreadable, context.retry_rejects)
        standardize = Standardize(data, work, recipe, runner, assignments, context.space_check(package), faults)
        select = Select(work, recipe, assignments, carry_out(standardize))
        shard = Shard(work, package, recipe, runner, context.file_format, carry_out(select), context.frugal)
        if len(evicted := shard.evicted_images()):  # --frugal has removed PNGs that a changed shard needs
            select = dataclasses.replace(
                select, parts=carry_out(dataclasses.replace(standardize, again=evicted, faults=FaultPolicy()))
            )
            shard = dataclasses.replace(shard, selection=carry_out(select))
        shards = carry_out(shard)
    facts = [source_at(f"{data.url}/{source.dir_name}", source.dir_name, data.options) for source in sources]
    recipe = named_by_source(recipe, facts)
    return carry_out(Finish(work, package, recipe, context.file_format, shard.selection, shards, facts))
