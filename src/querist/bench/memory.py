"""The most memory this process has held, where Linux tells."""

from __future__ import annotations

import contextlib
from pathlib import Path

_SELF = Path("/proc/self")


def forget_peak() -> None:
    """From now on the peak is that of what comes."""
    with contextlib.suppress(OSError):
        (_SELF / "clear_refs").write_text("5", encoding="ascii")


def peak_mb() -> float:
    """Most resident memory since `forget_peak`, in MB; 0 where the system does not tell."""
    with contextlib.suppress(OSError):
        for line in (_SELF / "status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) / 1024, 1)
    return 0.0
