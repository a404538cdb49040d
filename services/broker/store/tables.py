"""The tables. No column holds an identifier, an encoding, a score, a pair or a handle."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

agreements = Table(
    "agreements",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("document", JSON, nullable=False),
    Column("receiving", JSON, nullable=False),
    Column("received_at", String(32), nullable=False),
    Column("destroyed", JSON, nullable=True),
)
nonces = Table(
    "nonces",
    metadata,
    Column("signer", String(64), primary_key=True),
    Column("nonce", String(64), primary_key=True),
    Column("expires_at", String(32), nullable=False, index=True),
)
contributions = Table(
    "contributions",
    metadata,
    Column("agreement", String(64), primary_key=True),
    Column("sender", String(64), primary_key=True),
    Column("receiver", String(64), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)
uploads = Table(
    "uploads",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("agreement", String(64), nullable=False, index=True),
    Column("holder", String(64), nullable=False),
    Column("content_digest", String(60), nullable=False),
    Column("rows", Integer, nullable=False),
    Column("key_check", String(64), nullable=False),
    Column("conformance", String(64), nullable=False),
    Column("control_rows", String(64), nullable=True),
    Column("receipt", JSON, nullable=False),
    Column("received_at", String(32), nullable=False),
    UniqueConstraint("agreement", "holder", "content_digest"),
)
incoming = Table(
    "incoming",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("agreement", String(64), nullable=False, index=True),
    Column("holder", String(64), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("part_size", Integer, nullable=False),
    Column("touched_at", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("problem", JSON, nullable=True),
    UniqueConstraint("agreement", "holder", "sha256"),
)
runs = Table(
    "runs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("agreement", String(64), nullable=False, index=True),
    Column("state", String(16), nullable=False),
    Column("uploads", JSON, nullable=False),
    Column("outcome", JSON, nullable=True),
    Column("problem", JSON, nullable=True),
    Column("started_at", String(32), nullable=False),
    Column("task_pairs", BigInteger, nullable=False),
    Column("begun_at", String(32), nullable=True),
    Column("links", String(64), nullable=True),
    Column("changed_at", String(32), nullable=False),
)
tasks = Table(
    "tasks",
    metadata,
    Column("run", String(32), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("pairs", BigInteger, nullable=False),
    Column("worker", String(64), nullable=False),
    Column("done_at", String(32), nullable=False),
)
workers = Table(
    "workers",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("boot", String(32), nullable=False),
    Column("beat", BigInteger, nullable=False),
    Column("works", Boolean, nullable=False),
)
approvals = Table(
    "approvals",
    metadata,
    Column("run", String(32), primary_key=True),
    Column("holder", String(40), primary_key=True),
    Column("statement", JSON, nullable=False),
)
openings = Table(
    "openings",
    metadata,
    Column("run", String(32), primary_key=True),
    Column("holder", String(40), primary_key=True),
    Column("statement", JSON, nullable=False),
)
events = Table(
    "events",
    metadata,
    Column("agreement", String(64), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("leaf", LargeBinary, nullable=False),
    Column("checkpoint", Text, nullable=False),
)
countersignatures = Table(
    "countersignatures",
    metadata,
    Column("agreement", String(64), primary_key=True),
    Column("signer", String(64), primary_key=True),
    Column("size", Integer, primary_key=True, autoincrement=False),
    Column("note", Text, nullable=False),
)
