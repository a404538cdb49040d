"""Certificates of an authority that is made for a test, and of the hosts that it vouches for."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

DAY = timedelta(days=1)


class Authority:
    """``file`` holds its certificate in PEM form."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self.file = folder / f"{name}.pem"
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        made = (
            self._certificate(self._name, self._key.public_key(), since=-DAY, until=DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.file.write_bytes(made.public_bytes(serialization.Encoding.PEM))

    def context(self, host: str, *, since: timedelta = -DAY, until: timedelta = DAY) -> ssl.SSLContext:
        """For a server that shows a certificate as ``issue`` makes one."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.issue(host, since=since, until=until))
        return context

    def issue(
        self, host: str, *, since: timedelta = -DAY, until: timedelta = DAY, passphrase: str | None = None
    ) -> Path:
        """A file of a key and a certificate for ``host``, a name or an address, valid from and until then; the key is
        locked with ``passphrase`` if there is one."""
        key = ec.generate_private_key(ec.SECP256R1())
        name: x509.GeneralName = x509.DNSName(host)
        if host.replace(".", "").isdigit():
            name = x509.IPAddress(ip_address(host))
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
        made = (
            self._certificate(subject, key.public_key(), since=since, until=until)
            .add_extension(x509.SubjectAlternativeName([name]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        both = self._folder / f"{host}.both.pem"
        lock: serialization.KeySerializationEncryption = serialization.NoEncryption()
        if passphrase is not None:
            lock = serialization.BestAvailableEncryption(passphrase.encode())
        private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)
        both.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
        return both

    def _certificate(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, *, since: timedelta, until: timedelta
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return x509.CertificateBuilder(
            self._name, subject, key, x509.random_serial_number(), now + since, now + until
        ).add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
