"""The certificate authority that every emulator's certificate comes from.

A test process must set `SSL_CERT_FILE` before anything imports aiohttp, which builds its TLS context then. So the
authority is made apart from the services, ahead of them, and kept in a folder where they find it again. This module
imports nothing but trustme for that reason.
"""

import contextlib
import os
import ssl
import tempfile
from pathlib import Path

import trustme


def authority(folder: Path) -> Path:
    """Make the folder's certificate authority, or reuse the one it has; the path of its certificate (PEM).

    Several processes may ask at once: they all end with the same authority.
    """
    certificate = folder / "ca.pem"
    if not certificate.exists():
        _write(certificate, _load(folder).cert_pem.bytes())
    return certificate


def server_context(folder: Path) -> ssl.SSLContext:
    """What a server on 127.0.0.1 or localhost needs to be trusted by whoever trusts the folder's authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _load(folder).issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context


def _load(folder: Path) -> trustme.CA:
    pair = folder / "ca-with-key.pem"
    if not pair.exists():
        folder.mkdir(parents=True, exist_ok=True)
        made = trustme.CA(organization_name="SignalR key rotation, local emulators")
        # One file for certificate and key: whoever loses the race to create it reads a pair that belongs together.
        _create(pair, made.private_key_pem.bytes() + made.cert_pem.bytes())
    pem = pair.read_bytes()
    return trustme.CA.from_pem(pem[pem.index(b"-----BEGIN CERTIFICATE") :], pem)


def _create(path: Path, content: bytes) -> None:
    draft = _draft(path, content)
    with contextlib.suppress(FileExistsError):
        path.hardlink_to(draft)
    draft.unlink()


def _write(path: Path, content: bytes) -> None:
    _draft(path, content).replace(path)


def _draft(path: Path, content: bytes) -> Path:
    """A complete file beside `path`, readable by its owner only, so that no reader ever sees half of one."""
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)
    return Path(name)
