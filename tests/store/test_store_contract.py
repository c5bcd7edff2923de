"""The store contract on a file, in memory, and on PostgreSQL where a server is named."""

from __future__ import annotations

import os
import uuid

import pytest

from querist.testing.store_contract import StoreContract

POSTGRES = os.environ.get("QUERIST_TEST_POSTGRES")
"""An empty database's URL; each test works in a schema of its own."""


class TestFile(StoreContract):
    @pytest.fixture
    def path(self, tmp_path):
        return tmp_path / "contract.querist"


class TestMemory(StoreContract):
    @pytest.fixture
    def path(self):
        return ":memory:"


@pytest.mark.skipif(POSTGRES is None, reason="QUERIST_TEST_POSTGRES names no database")
class TestPostgres(StoreContract):
    @pytest.fixture
    def path(self, tmp_path, monkeypatch):
        import psycopg

        monkeypatch.chdir(tmp_path)
        schema = f"t{uuid.uuid4().hex}"
        with psycopg.connect(POSTGRES, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {schema}")
            joint = "&" if "?" in POSTGRES else "?"
            yield f"{POSTGRES}{joint}options=-csearch_path%3D{schema}"
            connection.execute(f"DROP SCHEMA {schema} CASCADE")
