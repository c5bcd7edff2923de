"""The tables of one project. Nothing here is ever updated that a person said: annotations and skips are append-only events.

The state of an item (labelled, leased, skipped, rejected, quarantined) is no column but a query over these tables, so it cannot
be wrong. Times are seconds since the epoch, mappings canonical JSON.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Index, Integer, MetaData, Table, Text

SCHEMA = 1
"""Version of these tables, kept in `meta`. A file with a higher one was written by a newer Querist and is refused."""

metadata = MetaData()

meta = Table("meta", metadata, Column("key", Text, primary_key=True), Column("value", Text, nullable=False))

label_space = Table(  # every version of the label space, and what made it
    "label_space",
    metadata,
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("schema", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("at", Float, nullable=False),
)

item = Table(
    "item",
    metadata,
    Column("key", Integer, primary_key=True, autoincrement=False),  # 1, 2, … in the order of arrival, which random fills draw from
    Column("id", Text, nullable=False, unique=True),
    Column("part", Text, nullable=False),  # pool | test
    Column("provenance", Text, nullable=False),  # pool | extended | synthesised
    Column("added", Float, nullable=False),
    Column("source", Text),
    Column("origin", Text),  # id of the item that it was made from
    Column("grp", Text),
    Column("cost", Float),
)

held_out = Table(  # values of test items; never asked, never trained on
    "held_out",
    metadata,
    Column("item", Integer, primary_key=True, autoincrement=False),
    Column("value", Text, nullable=False),
    Column("schema_version", Integer, nullable=False),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("item", Integer, primary_key=True, autoincrement=False),
    Column("reason", Text, nullable=False),
    Column("at", Float, nullable=False),
    Column("round", Integer, nullable=False),
)

round_ = Table(
    "round",
    metadata,
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("state", Text, nullable=False),  # started | published
    Column("started", Float, nullable=False),
    Column("finished", Float),
    # The input, written before the work starts; a resumed round reads it from here.
    Column("annotation_max", Integer, nullable=False),
    Column("skip_max", Integer, nullable=False),
    Column("item_max", Integer, nullable=False),
    Column("schema_version", Integer, nullable=False),
    Column("pending", Text, nullable=False),
    # The outcome.
    Column("batch", Integer, nullable=False),
    Column("labels_used", Integer),
    Column("ranked", Integer),
    Column("of", Integer),
    Column("metrics", Text),
    Column("seconds", Text),
    Column("note", Text),
    Column("files", Text),
    Column("snapshot", Text),
    Column("hash", Text),
)

ranking = Table(
    "ranking",
    metadata,
    Column("round", Integer, primary_key=True, autoincrement=False),
    Column("rank", Integer, primary_key=True, autoincrement=False),
    Column("item", Integer, nullable=False),
    Column("score", Float),
    Column("note", Text, nullable=False),
    sqlite_with_rowid=False,
)

query = Table(
    "query",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("round", Integer, nullable=False),
    Column("annotator", Text, nullable=False),
    Column("at", Float, nullable=False),
    Column("until", Float, nullable=False),
)

asked = Table(  # what each query asked; stays when the lease is gone
    "asked",
    metadata,
    Column("query", Integer, primary_key=True, autoincrement=False),
    Column("place", Integer, primary_key=True, autoincrement=False),
    Column("item", Integer, nullable=False),
    Column("rank", Integer, nullable=False),
    Column("score", Float),
    Column("source", Text, nullable=False),
    Column("note", Text, nullable=False),
    Index("asked_item", "item", "query"),
    sqlite_with_rowid=False,
)

lease = Table(  # one row an item at most: the primary key is what forbids leasing it twice
    "lease",
    metadata,
    Column("item", Integer, primary_key=True, autoincrement=False),
    Column("query", Integer, nullable=False),
    Column("annotator", Text, nullable=False),
    Column("until", Float, nullable=False),
    Index("lease_annotator", "annotator"),
)

annotation = Table(
    "annotation",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("item", Integer, nullable=False),
    Column("annotator", Text, nullable=False),
    Column("kind", Text),
    Column("unit", Text, nullable=False),
    Column("target", Text),  # which region, slot or pair of the item
    Column("value", Text, nullable=False),
    Column("artifact", Text),
    Column("answer_set", Text),
    Column("schema_version", Integer, nullable=False),
    Column("provenance", Text, nullable=False),
    Column("confidence", Float),
    Column("cost", Float),
    Column("seconds", Float),
    Column("at", Float, nullable=False),
    Column("round", Integer),
    Column("query", Integer),
    Column("score_at_query", Float),
    Column("supersedes", Integer),
    Column("key", Text, unique=True),  # the client's own, makes a repeated tell harmless
    Index("annotation_item", "item", "annotator", "number"),
    Index("annotation_annotator", "annotator", "at"),
)

skip = Table(
    "skip",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("item", Integer, nullable=False),
    Column("annotator", Text, nullable=False),
    Column("at", Float, nullable=False),
    Column("round", Integer, nullable=False),
    Column("reason", Text),
    Column("again", Boolean, nullable=False),
    Index("skip_item", "item"),
)

lock = Table(
    "lock",
    metadata,
    Column("name", Text, primary_key=True),
    Column("token", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("host", Text, nullable=False),
    Column("since", Float, nullable=False),
    Column("beat", Float, nullable=False),
)
