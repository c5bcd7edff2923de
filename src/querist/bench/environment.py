"""Where a study ran: versions, processor and source, for its record."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

_PACKAGES = ("querist", "numpy", "torch", "scikit-learn", "scipy")
_ENCODING = ("torchvision", "timm", "pillow", "efficientnet-lite-pytorch", "sentence-transformers", "transformers", "tokenizers")
_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENBLAS_CORETYPE", "MKL_CBWR", "MKL_ENABLE_INSTRUCTIONS", "ATEN_CPU_CAPABILITY")
_INSTRUCTIONS = ("sse4", "avx", "fma", "f16c", "amx", "bf16", "asimd", "sve")
ABSENT: Final = "(absent)"


def environment() -> dict[str, Any]:
    """Python, system, processor, versions of the packages that decide numbers, and the commit when run from a checkout."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cpus": os.cpu_count(),
        "packages": {name: version for name in _PACKAGES if (version := _version(name)) is not None},
        "commit": _commit(),
    }


def fingerprint(torch: bool | None = None, encoder: str | None = None) -> dict[str, Any]:
    """What decides the bits of a run beside its settings and its data: equal fingerprints promise equal numbers.

    Args:
        torch: Whether the run used torch; by default whether this process has loaded it.
        encoder: Encoder of the items, if any: then the packages that encode count too.
    """
    names = (*_PACKAGES[1:], *(_ENCODING if encoder else ()))
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "libc": " ".join(platform.libc_ver()),
        "processor": _processor(),
        "instructions": _instructions(),
        "packages": {name: version for name in names if (version := _version(name)) is not None},
        "blas": _blas(),
        "variables": {name: value for name in _VARIABLES if (value := os.environ.get(name)) is not None},
        "torch": _torch() if (("torch" in sys.modules) if torch is None else torch) else None,
    }


def differing(recorded: Mapping[str, Any], here: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Where two fingerprints differ: key, with a dot below the first level → [recorded, here]."""
    ours, theirs = _flat(here), _flat(recorded)
    return {key: [theirs.get(key, ABSENT), ours.get(key, ABSENT)] for key in sorted({*ours, *theirs}) if theirs.get(key, ABSENT) != ours.get(key, ABSENT)}


def _flat(plain: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in plain.items():
        flat.update({f"{key}.{name}": below for name, below in value.items()} if isinstance(value, Mapping) else {key: value})
    return flat


def code() -> dict[str, Any]:
    """The program that ran: version, commit, and whether it had local changes."""
    commit = _commit()
    return {"version": _version("querist"), "commit": None if commit is None else commit.rstrip("+"), "dirty": bool(commit and commit.endswith("+"))}


def _torch() -> dict[str, Any]:
    from querist.core.optional import require

    torch = require("torch", by="running a study that trained networks")
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "capability": torch.backends.cpu.get_cpu_capability(),
        "build_sha256": hashlib.sha256(torch.__config__.show().encode()).hexdigest(),
        "threads": torch.get_num_threads(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "precision": torch.get_float32_matmul_precision(),
        "device": device,
        "cuda": torch.version.cuda if device else None,
    }


def _blas() -> dict[str, Any]:
    """The library behind NumPy's matrix products, and which of its kernels this processor gets."""
    import numpy as np

    built = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    found: dict[str, Any] = {"name": built.get("name"), "version": built.get("version")}
    if find_spec("threadpoolctl"):
        from threadpoolctl import threadpool_info

        for info in threadpool_info():  # scipy and torch bring more of them, once they are loaded
            if info["user_api"] == "blas" and "numpy" in info["filepath"]:
                found |= {"architecture": info.get("architecture"), "threading_layer": info.get("threading_layer")}
    return found


def _instructions() -> str:
    """The instruction sets among the processor's flags that numerical libraries choose their kernels by."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    flags = next((line.partition(":")[2].split() for line in lines if line.startswith(("flags", "Features"))), [])
    return " ".join(sorted(flag for flag in flags if any(flag.startswith(name) or name in flag.split("_") for name in _INSTRUCTIONS)))


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor())


def _commit() -> str | None:
    """Commit of the checkout this package lies in, with `+` where the package has local changes; None when installed."""
    here = Path(__file__).parent
    try:
        _git(here, "ls-files", "--error-unmatch", Path(__file__).name)  # a package installed below somebody else's checkout is not part of it
        commit = _git(here, "rev-parse", "--short=12", "HEAD")
        return f"{commit}+" if _git(here.parent, "status", "--porcelain", ".") else commit
    except (OSError, subprocess.SubprocessError):
        return None


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
