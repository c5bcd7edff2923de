"""The label space of a project in all its versions, and what stored values mean under them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from querist.core.contracts import LabelSpace
from querist.core.records import Annotation
from querist.store.verbs import Store
from querist.tasks import label_space


class Classes:
    """Label spaces by version, read when needed and forgotten when another process has changed them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._spaces: dict[int, LabelSpace] = {}

    @property
    def space(self) -> LabelSpace:
        """The present one, as far as this process knows; the store refuses annotations under an older one."""
        versions = self._versions()
        return versions[max(versions)]

    def at(self, version: int) -> LabelSpace:
        """The label space of a version."""
        if version not in self._versions():
            self.forget()
        return self._versions()[version]

    def forget(self) -> None:
        """Read again at the next use."""
        self._spaces = {}

    def decode(self, value: str, version: int) -> Any:
        """The present value of a stored one; None if it cannot be mapped."""
        return self.space.decode(value, version)

    def at_the_time(self, row: Mapping[str, Any]) -> Any:
        """The value of a stored annotation as it was named when it was given."""
        return self.at(row["schema_version"]).decode(row["value"])

    def annotation(self, row: Mapping[str, Any]) -> Annotation:
        """A stored annotation as the record that people see."""
        return Annotation(
            item=row["id"], value=self.at_the_time(row), annotator=row["annotator"], provenance=row["provenance"], at=row["at"], seconds=row["seconds"],
            cost=row["cost"], round=row["round"], query=None if row["query"] is None else f"q{row['query']}", score_at_query=row["score_at_query"],
            supersedes=row["supersedes"], schema_version=row["schema_version"], unit=row["unit"], number=row["number"],
        )  # fmt: skip

    def change(self, event: Mapping[str, Any], step: Callable[[Any], LabelSpace], now: float) -> LabelSpace:
        """Append a version: `step` of the present one, tried again if another process was faster."""
        while True:
            self.forget()
            changed = step(self.space)
            if self._store.add_label_space(changed.schema(), event, now):
                self.forget()
                return self.space

    def _versions(self) -> dict[int, LabelSpace]:
        if not self._spaces:
            self._spaces = {version: label_space(schema) for version, schema in self._store.label_spaces().items()}
        return self._spaces
