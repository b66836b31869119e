"""Names of the files of WORK.

They are spelled nowhere else.
"""

from __future__ import annotations

from typing import Final

ANNOTATED: Final = "annotated.json"
"""The sources that were annotated last: dir_name, fingerprint, images."""
LEFT_OUT: Final = "left_out.json"
"""The sources that were there and could not be read when they were annotated last: dir_name -> what was wrong."""
ASSIGNMENTS: Final = "assignments.parquet"
RECIPE: Final = "recipe.json"
"""The recipe of the last build or labelling, for whoever looks at WORK later."""
PARTS: Final = "standardized"
"""Folder of parts, one folder per source in it."""
PRESENT: Final = "standardized.txt"
"""Holds the fingerprint of the parts that the last build made or used; others wait for their recipe to come back."""
SELECTION: Final = "selection.parquet"
REJECTS: Final = "rejects.parquet"
FINGERPRINTS: Final = "fingerprints.parquet"
"""What identifies the source images of the selection by content."""
RESULTS: Final = "results.json"
"""Scores of networks that were pretrained on the package, if there are any: `builder.package.results`."""
PACKAGE_FILES: Final = "package-files.json"
"""The shards that builds with this WORK have planned for the package."""


ANNOTATIONS: Final = "annotations"
"""Folder of the sources' rows."""


def annotations_path(dir_name: str) -> str:
    """Return where a source's rows lie."""
    return f"{ANNOTATIONS}/{dir_name}.parquet"
