"""The command that looks at the machine: doctor."""

from __future__ import annotations

import click

from builder.commands.shown import Command, json_option, say, say_json


@click.command(cls=Command, examples=("doctor", "doctor out/cytoimagenet.work", "doctor --json"))
@click.argument("folder", default=".")
@json_option
def doctor(folder: str, as_json: bool) -> None:
    """Show what a build finds on this machine.

    Versions, decoders, free space in FOLDER, memory, limits, and optional parts.

    Says of each optional part what it would give. FOLDER (default: this one) is where a build would write.
    """
    from builder.inspect.doctor import doctor_lines, findings

    facts = findings(folder)
    say_json(facts) if as_json else say("\n".join(doctor_lines(facts)))
