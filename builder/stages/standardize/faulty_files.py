"""Files whose reading hangs or kills the process.

All their images are refused, those that could be made as well. Else it would depend on the order of the work, and on
when a build was interrupted, which boxes of an image or pages of a stack are in the package.
"""

from __future__ import annotations

import logging

import pyarrow as pa
import pyarrow.compute as pc

from builder.engine.parquet import open_parquet
from builder.engine.store import Store
from builder.engine.task import Shared
from builder.stages import work_files
from builder.stages.standardize.item import Item, made_from
from builder.stages.standardize.items import items_of
from builder.stages.standardize.make_part import rejected_row
from builder.stages.standardize.parts import FAULTY, write_part

log = logging.getLogger(__name__)


def shared_files(work: Store, fingerprint: str, images: pa.Table) -> Shared:
    """Return what the images of a build share: their files.

    Parameters
    ----------
    images : idx, dir_name, crops and file_signature of all images of the build, of those with candidates too
    """

    def on_faulty_file(name: str, reason: str, detail: str) -> None:
        count = refuse_file(work, fingerprint, images, name, reason, detail)
        log.warning("%s: %s (%s): its %s images are refused", name, reason, detail, f"{count:,}")

    return Shared(files_of, on_faulty_file)


def files_of(item: Item) -> list[str]:
    """Return the files of an image, named as in ``channels.ChannelReader``."""
    return [f"{item.dir_name}/{file}" for file in item.files]


def refuse_file(work: Store, fingerprint: str, images: pa.Table, name: str, reason: str, detail: str) -> int:
    """Refuse all images of a file; return their number.

    The file is ``<dir_name>/<path>``; a part records the refusal.
    """
    dir_name, _, file = name.partition("/")
    users = images.filter(pc.is_in(images["idx"], value_set=_users(work, dir_name, file)))
    items = list(items_of(work, users))
    rows = [rejected_row(item, reason, f"{file}: {detail}") for item in items]
    write_part(work, fingerprint, dir_name, map(made_from, items), rows, [], FAULTY)
    return len(items)


def _users(work: Store, dir_name: str, file: str) -> pa.Array:
    """Return the idx of a source's images using a file."""
    found = []
    with open_parquet(work, work_files.annotations_path(dir_name)) as stored:
        for batch in stored.batches(["idx", "files"]):
            same = pc.equal(pc.list_flatten(batch["files"]), file)
            found.append(batch["idx"].take(pc.list_parent_indices(batch["files"]).filter(same)))
    return pa.concat_arrays(found).unique()
