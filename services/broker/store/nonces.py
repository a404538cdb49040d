"""Nonces of requests already seen, kept until they could no longer be replayed."""

from sqlalchemy import Connection, delete, insert
from sqlalchemy.exc import IntegrityError

from services.broker.store.tables import nonces


def remember(connection: Connection, signer: str, nonce: str, *, expires_at: str, now: str) -> bool:
    """False if this signer has used the nonce before."""
    connection.execute(delete(nonces).where(nonces.c.expires_at < now))
    try:
        with connection.begin_nested():
            connection.execute(insert(nonces).values(signer=signer, nonce=nonce, expires_at=expires_at))
    except IntegrityError:
        return False
    return True
