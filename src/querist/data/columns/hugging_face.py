"""Hugging Face `tokens` / `ner_tags`: Parquet files as the hub keeps them, folders of `save_to_disk`, and data sets that are open already.

The names of the tags are in the file's features (a `ClassLabel` inside a list); without them whole numbers stay numbers, written as texts.
Files are read with pyarrow alone; the package `datasets` is not needed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from querist.core.errors import PoolError
from querist.core.optional import require
from querist.data.columns.tagged import Tagged, tagged

_METADATA = b"huggingface"


def read_hugging_face(source: Any, *, tokens: str = "tokens", tags: str | None = None) -> Tagged:
    """The sentences of a Hugging Face data set.

    Args:
        source: A `.parquet` file, a folder written by `save_to_disk`, or an open `datasets.Dataset`.
        tokens: Column of tokens.
        tags: Column of tags; by default the first that ends in `tags`.

    Raises:
        PoolError: for a missing column, or a number that is no tag.
    """
    rows, features = _opened(source)
    columns = list(rows)
    found = tags or next((name for name in ("ner_tags", *columns) if name in columns and name.endswith("tags")), "ner_tags")
    for name in (tokens, found):
        if name not in columns:
            raise PoolError(f"the data set has no column {name!r}", got=", ".join(columns), wanted="a column of tokens and one of tags")
    names = _names(features.get(found))
    both = zip(rows[tokens], rows[found], strict=True)
    sentences = [([str(word) for word in words], [_tag(tag, names, row) for tag in said]) for row, (words, said) in enumerate(both)]
    ids = [str(item) for item in rows["id"]] if "id" in columns else None
    return tagged(sentences, "the data set", ids=ids, classes=names)


def write_hugging_face(path: str | Path, data: Tagged, *, tags: str = "ner_tags") -> None:
    """A Parquet file with `id`, `tokens` and tags as whole numbers, whose features name the tags, as `datasets` writes it.

    Raises:
        PoolError: if a token has no tag: the format has no way to say so.
    """
    arrow, parquet = require("pyarrow", by="writing Parquet"), require("pyarrow.parquet", by="writing Parquet")
    number = {name: place for place, name in enumerate(data.classes)}
    rows = list(data.rows())
    unsaid = next((item for item, _, said in rows if None in said), None)
    if unsaid is not None:
        raise PoolError(f"item {unsaid!r} has a token without a tag", wanted="a tag for every token")
    table = arrow.table(
        {
            "id": arrow.array([item for item, _, _ in rows], arrow.string()),
            "tokens": arrow.array([words for _, words, _ in rows], arrow.list_(arrow.string())),
            tags: arrow.array([[number[str(tag)] for tag in said] for _, _, said in rows], arrow.list_(arrow.int64())),
        }
    )
    text = {"dtype": "string", "_type": "Value"}
    named = {"names": list(data.classes), "_type": "ClassLabel"}
    features = {"id": text, "tokens": {"feature": text, "_type": "List"}, tags: {"feature": named, "_type": "List"}}
    parquet.write_table(table.replace_schema_metadata({_METADATA: json.dumps({"info": {"features": features}})}), str(path))


def _opened(source: Any) -> tuple[Mapping[str, Sequence[Any]], Mapping[str, Any]]:
    """Columns by name, and the features as JSON knows them."""
    if hasattr(source, "features") and hasattr(source, "column_names"):
        return {name: source[name] for name in source.column_names}, source.features
    path = Path(source)
    try:
        table = _folder(path) if path.is_dir() else require("pyarrow.parquet", by="reading Parquet").read_table(str(path))
    except (OSError, ValueError, KeyError) as error:
        raise PoolError(f"cannot read {path}: {error}", wanted="a Parquet file or a folder written by save_to_disk") from error
    held = json.loads((table.schema.metadata or {}).get(_METADATA, b"{}"))
    return {name: table.column(name).to_pylist() for name in table.column_names}, held.get("info", {}).get("features", {})


def _folder(path: Path) -> Any:
    """A folder of `save_to_disk`: `state.json` names its files of record batches, in order."""
    arrow, ipc = require("pyarrow", by="reading a data set"), require("pyarrow.ipc", by="reading a data set")
    tables = []
    for part in json.loads((path / "state.json").read_text(encoding="utf-8"))["_data_files"]:
        with arrow.memory_map(str(path / part["filename"])) as stream:
            tables.append(ipc.open_stream(stream).read_all())
    return arrow.concat_tables(tables)


def _names(feature: Any) -> tuple[str, ...] | None:
    """Names of the tags, of a feature as JSON or as `datasets` knows it; None where it names none."""
    inner = feature.get("feature") if isinstance(feature, Mapping) else getattr(feature, "feature", feature[0] if isinstance(feature, list) else None)
    names = inner.get("names") if isinstance(inner, Mapping) else getattr(inner, "names", None)
    return None if names is None else tuple(names)


def _tag(tag: Any, names: tuple[str, ...] | None, row: int) -> str | None:
    if tag is None or (isinstance(tag, int) and tag == -100):  # what trainers put where no loss is wanted
        return None
    if names is None or isinstance(tag, str):
        return str(tag)
    if not 0 <= int(tag) < len(names):
        raise PoolError(f"row {row} of the data set has a number that is no tag", got=tag, wanted=f"0 to {len(names) - 1}")
    return names[int(tag)]
