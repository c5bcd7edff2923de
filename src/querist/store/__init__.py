"""The durable store: SQLAlchemy Core tables and narrow verbs, one transaction each, and artifacts by content hash."""
