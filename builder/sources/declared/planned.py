"""Planning of a field's images from its channels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from builder.sources.base import MAX_PROJECTION, MIDDLE_PLANE, Channel
from builder.sources.common.screens import visible
from builder.sources.declared.choice import channel_key
from builder.sources.declared.declaration import Declaration

TRANSMITTED: Final = frozenset(("brightfield", "phase contrast", "darkfield", "dic", "transmitted light"))
"""What is imaged without fluorescence is never merged with stains: an image of its own."""
LEFT_OUT: Final = "files of channels that source.toml does not name, left out"
MISSING: Final = "images with channels missing"
ANY: Final = "*"
_PLANES: Final = {"first": 0, "middle": MIDDLE_PLANE, "max": MAX_PROJECTION}
Stated = Mapping[str, str]
"""Channel -> what it shows, in the order of the declaration."""


class Shown(NamedTuple):
    """The channels of one image.

    ``suffix`` tells it from other images of the same field; ``columns`` are what its file says of it.
    """

    suffix: str
    channels: tuple[Channel, ...]
    cell_visible: str | None
    microscopy: str | None
    channel: str = ""  # its key, where it is one by itself
    columns: Mapping[str, Any] = {}


class Plan(NamedTuple):
    """Images of fields with the same channels, keys for paths.

    ``notes`` are kinds with the channel's key.
    """

    images: tuple[Shown, ...]
    notes: tuple[tuple[str, str], ...]


class Plans:
    """Plans a field's images as declared."""

    def __init__(self, declared: Declaration) -> None:
        self._declared = declared
        self._plane = _PLANES[declared.files.plane]
        self._plans: dict[tuple[Any, ...], Plan] = {}

    def plan(self, files: Mapping[str, str], stains: Stated, names: Mapping[str, str]) -> Plan:
        """Return the plan of a field.

        Fields with the same keys, stains and names have the same.
        """
        asked = (tuple(files), tuple(stains.items()), tuple(names.items()))
        plan = self._plans.get(asked)
        if plan is None:
            named = self.named(files, stains, names)
            found = {declared: Channel(key, shows, self._plane) for declared, (key, shows) in named}
            notes = [(LEFT_OUT, key) for key in files if key not in {channel.path for channel in found.values()}]
            if found and not self._declared.separate_channels and len(found) < sum(key != ANY for key in stains):
                notes.append((MISSING, next(iter(found.values())).path))
            plan = self._plans[asked] = Plan(tuple(self.divided(found, stains)), tuple(notes))
        return plan

    def named(
        self, files: Mapping[str, str], stains: Stated, names: Mapping[str, str]
    ) -> Iterator[tuple[str, tuple[str, str]]]:
        """Yield channels in declaration order.

        Each is its key, and (its key among ``files``, what it shows).
        """
        spelled = {key: (channel_key(key), channel_key(names.get(key, ""))) for key in files}
        by_key = {key: next((k for k in spelled[key] if k in stains), key) for key in files}
        fallback = stains.get(ANY) or (self.of_one() if "" in files else None)
        rank = {key: place for place, key in enumerate(stains)}
        for key in sorted(files, key=lambda key: (rank.get(by_key[key], len(rank)), key)):
            own = (names.get(key) or fallback or key) if not stains else None
            shows = own or stains.get(by_key[key]) or fallback
            if shows is not None:
                yield by_key[key], (key, shows)

    def of_one(self) -> str | None:
        """Return what the one channel of a file shows."""
        declared = self._declared
        if declared.channels:
            return None
        return declared.cell_visible.partition("|")[0] or declared.microscopy or "light"

    def divided(self, found: Mapping[str, Channel], stains: Stated) -> Iterator[Shown]:
        """Yield the images: stains together, light by itself."""
        if self._declared.separate_channels:
            for key, channel in found.items():
                yield self._one(f"_{key}", (channel,), channel.structure.lower() in TRANSMITTED, key)
            return
        light = tuple(channel for channel in found.values() if channel.structure.lower() in TRANSMITTED)
        others = tuple(channel for channel in found.values() if channel not in light)
        mixed = {shows.lower() in TRANSMITTED for shows in (*stains.values(), *(c.structure for c in found.values()))}
        if others:
            yield self._one("", others, False)
        for channel in light:
            yield self._one(f"_{channel.structure.lower()}" if len(mixed) > 1 else "", (channel,), True)

    def _one(self, suffix: str, channels: tuple[Channel, ...], light: bool, key: str = "") -> Shown:
        if light:
            return Shown(suffix, channels, "cell body", channels[0].structure.lower(), key)
        told = bool(self._declared.channels or self._declared.plate_channels)
        return Shown(suffix, channels, visible(channels) if told else None, None, key)
