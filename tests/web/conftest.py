"""Makes the fixtures of `conftest_web` known here."""

from conftest_web import pictures, project

__all__ = ["pictures", "project"]
