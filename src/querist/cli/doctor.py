"""What this machine has: doctor."""

from __future__ import annotations

import platform

from querist.cli.options import Json
from querist.cli.output import emit


def doctor(json: Json = False) -> None:
    """Say what is installed, what this machine has, and what may be wrong.

    Example: querist doctor
    """
    from querist.cli import machine

    extras, cpu, devices = machine.extras(), machine.cpu(), machine.devices()
    facts = {"python": platform.python_version(), "extras": extras, "cpu": cpu, "devices": devices, "problems": machine.problems(extras, cpu)}
    lines = [f"python   {facts['python']}", f"cpu      {cpu['model']}, {cpu['usable']} of {cpu['cores']} cores, {cpu['threads']} threads"]
    lines += [f"device   {device}" for device in devices] + [f"         {name} {version or 'not installed'}" for name, version in extras.items()]
    emit(facts, "\n".join([*lines, *(f"problem  {problem}" for problem in facts["problems"])]))
