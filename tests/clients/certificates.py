"""Certificates of a private authority for servers on loopback, made by openssl."""

import pathlib
import subprocess

LEAF = "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n"
DAYS = "2"


class Certificates:
    """An authority (`ca`) and one server's `cert` and `key`, as PEM files."""

    def __init__(self, directory):
        directory = pathlib.Path(directory)
        directory.mkdir()
        self.ca, self.cert, self.key = (directory / name for name in ("ca.pem", "cert.pem", "key.pem"))
        (directory / "leaf").write_text(LEAF)
        new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        authority = ("-subj", "/CN=Loopback authority", "-days", DAYS, "-addext", "keyUsage=critical,keyCertSign")
        openssl(directory, "req", "-x509", *new, *authority, "-keyout", "ca.key", "-out", "ca.pem")
        openssl(directory, "req", *new, "-subj", "/CN=127.0.0.1", "-keyout", "key.pem", "-out", "request")
        signed = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", DAYS, "-extfile", "leaf")
        openssl(directory, "x509", "-req", "-in", "request", *signed, "-out", "cert.pem")


def openssl(directory, *arguments):
    quiet = {"stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(("openssl", *arguments), cwd=directory, check=True, timeout=30, **quiet)
