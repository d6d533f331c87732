"""Keys, certificates and credentials for nats-servers of the tests, made by openssl."""

import base64
import json
import subprocess

PREFIXES = {"operator": 14 << 3, "account": 0, "user": 20 << 3}
# What stands before the 32 bytes of a key in DER.
PRIVATE_DER, PUBLIC_DER = 16, 12


def openssl(*words, input=None, folder=None):
    return subprocess.run(["openssl", *map(str, words)], input=input, cwd=folder, check=True, capture_output=True).stdout


def encoded(raw):
    """In base 32 with the checksum (CRC-16/XMODEM) that nkeys have."""
    crc = 0
    for byte in raw:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return base64.b32encode(raw + crc.to_bytes(2, "little")).decode().rstrip("=")


class Key:
    """An nkey of an operator, an account or a user."""

    def __init__(self, kind):
        prefix = PREFIXES[kind]
        self.pem = openssl("genpkey", "-algorithm", "ed25519")
        private = openssl("pkey", "-outform", "DER", input=self.pem)[PRIVATE_DER:]
        public = openssl("pkey", "-pubout", "-outform", "DER", input=self.pem)[PUBLIC_DER:]
        self.public = encoded(bytes([prefix]) + public)
        self.seed = encoded(bytes([18 << 3 | prefix >> 5, (prefix & 31) << 3]) + private)

    def token(self, folder, kind, subject, name, **claims):
        """A JWT of this key about that one."""
        def part(value):
            return base64.urlsafe_b64encode(value).rstrip(b"=")
        body = {"jti": name, "iat": 1, "iss": self.public, "sub": subject, "name": name, "nats": {"type": kind, "version": 2, **claims}}
        text = part(json.dumps({"typ": "JWT", "alg": "ed25519-nkey"}).encode()) + b"." + part(json.dumps(body).encode())
        (folder / "signer.pem").write_bytes(self.pem)
        (folder / "signed").write_bytes(text)
        signature = openssl("pkeyutl", "-sign", "-rawin", "-inkey", "signer.pem", "-in", "signed", folder=folder)
        return (text + b"." + part(signature)).decode()


def operator(folder):
    """The server's configuration of an operator with one account, and the credentials of a user in it."""
    operator, account, system, user = Key("operator"), Key("account"), Key("account"), Key("user")
    unlimited = dict.fromkeys(("subs", "data", "payload", "imports", "exports", "conn", "leaf", "mem_storage", "disk_storage", "streams", "consumer"), -1)
    of_operator = operator.token(folder, "operator", operator.public, "tests")
    of_account = operator.token(folder, "account", account.public, "lines", limits={**unlimited, "wildcards": True})
    of_system = operator.token(folder, "account", system.public, "system", limits={**unlimited, "wildcards": True, "mem_storage": 0, "disk_storage": 0})
    of_user = account.token(folder, "user", user.public, "me", subs=-1, data=-1, payload=-1)
    configuration = (f"operator: {of_operator}\nsystem_account: {system.public}\nresolver: MEMORY\n"
                     f"resolver_preload: {{ {account.public}: {of_account}, {system.public}: {of_system} }}\n")
    credentials = (f"-----BEGIN NATS USER JWT-----\n{of_user}\n------END NATS USER JWT------\n\n"
                   f"-----BEGIN USER NKEY SEED-----\n{user.seed}\n------END USER NKEY SEED------\n")
    return configuration, credentials


def certificates(folder):
    """ca.pem, and NAME.pem with NAME.key of a server on 127.0.0.1 and of a client; other.pem is another authority."""
    for name in ("ca", "other"):
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", 2, "-subj", f"/CN={name}",
                "-keyout", f"{name}.key", "-out", f"{name}.pem", folder=folder)
    for name in ("server", "client"):
        (folder / f"{name}.ext").write_text("subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-keyout", f"{name}.key",
                "-out", f"{name}.csr", folder=folder)
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", 2,
                "-extfile", f"{name}.ext", "-out", f"{name}.pem", folder=folder)
