"""The bodies of requests and answers, as OpenAPI describes them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str | None, Field(max_length=200, description="The annotator; `anonymous` if left out.")]
Item = Annotated[str, Field(min_length=1, max_length=4096, description="Id of an item.")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class AskBody(_Body):
    """Lease up to `k` items: first what the annotator holds already."""

    k: int = Field(1, ge=1, le=1000)
    by: Name = None
    ttl: float | None = Field(None, gt=0, allow_inf_nan=False, description="Seconds that the lease lasts.")


class TellBody(_Body):
    """One label. The same `key` again changes nothing."""

    item: Item
    value: Any = Field(description="What is said; for classification the name of a class.")
    by: Name = None
    seconds: float | None = Field(None, ge=0, allow_inf_nan=False, description="Active seconds it took.")
    key: str | None = Field(None, min_length=1, max_length=200, description="The client's own, makes repeating harmless.")


class SkipBody(_Body):
    """Pass an item over: for now, or (`never`) for everybody and ever."""

    item: Item
    by: Name = None
    reason: str | None = Field(None, max_length=1000)
    never: bool = False


class ReleaseBody(_Body):
    """Give the leases of a query back."""

    query: str


class Guess(BaseModel):
    """What the model of the round in force takes an item for."""

    value: Any
    confidence: float


class AskedItem(BaseModel):
    """One leased item and why it was picked."""

    id: str
    rank: int
    score: float | None
    source: str
    note: str
    guess: Guess | None


class QueryAnswer(BaseModel):
    """A query; `expires` in seconds since the epoch."""

    query: str
    round: int
    by: str
    expires: float
    items: list[AskedItem]


class TellAnswer(BaseModel):
    """What became of a label. `number` orders all annotations of a project."""

    told: int
    revisions: int
    errors: list[dict[str, Any]]
    number: int | None


class SkipAnswer(BaseModel):
    """The item that was passed over."""

    skipped: str


class ReleaseAnswer(BaseModel):
    """How many leases were given back."""

    released: int


class RoundAnswer(BaseModel):
    """The round in force, and how many labels came since its input was recorded."""

    round: int
    labels_used: int
    ranked: int
    of: int
    metrics: dict[str, float]
    seconds: dict[str, float]
    note: str
    behind: int
