"""Servers for one chapter, on loopback ports of their own, in a scratch directory: a Writ that speaks TLS, and an Apache.
Both are context managers; leaving one ends its process."""

import os
import pathlib
import shutil
import signal
import socket
import string
import subprocess
import tempfile
import time

SECONDS_MAX = 30


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def tell(binary, data, *arguments, stdin=""):
    """What an administrator does at the command line; gives what it prints."""
    run = subprocess.run((binary, "--data", str(data), *arguments), input=stdin, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    return run.stdout


class Process:
    """A program that is up as soon as it answers on its port."""

    def __init__(self, command, port, log):
        self.command, self.port, self.log = command, port, log

    def __enter__(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        until = time.monotonic() + SECONDS_MAX
        while time.monotonic() < until and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                time.sleep(0.1)
        self.__exit__()
        raise AssertionError(f"{self.command[0]} did not start:\n" + pathlib.Path(self.log).read_text())

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Writ(Process):
    """One site with one person, over https."""

    def __init__(self, binary, scratch, certificates):
        self.binary, self.data = binary, scratch / "data"
        self.origin = f"https://127.0.0.1:{(port := free_port())}"
        self.issuer = self.origin + "/oauth2/default"
        self.ca = str(certificates.ca)
        tls = ("--tls-cert", str(certificates.cert), "--tls-key", str(certificates.key))
        outbound = ("--outbound-allow", "127.0.0.0/8", "--outbound-ca-file", self.ca)
        serve = ("serve", "--public-url", self.origin, "--listen", f"127.0.0.1:{port}", *tls, *outbound)
        super().__init__((binary, "--data", str(self.data), *serve), port, scratch / "writ.log")

    def set_up(self, username, password):
        self.tell("site", "add", "default", "--public-url", self.origin, "--title", "Lakeside Family Practice")
        person = ("--username", username, "--email", "amelia@example.org", "--claim", "name=Amelia Park", "--password-stdin")
        self.tell("user", "add", *person, stdin=password + "\n")

    def tell(self, *arguments, stdin=""):
        return tell(self.binary, self.data, *arguments, stdin=stdin)


class Apache(Process):
    """Debian's Apache with only the modules that are needed, by a template of its configuration and the pages beside it."""

    def __init__(self, scratch, template, **values):
        self.directory = pathlib.Path(tempfile.mkdtemp(dir=scratch))
        port = values["port"]
        self.origin = f"https://127.0.0.1:{port}"
        pages = self.directory / "pages"
        shutil.copytree(pathlib.Path(template).parent / "pages", pages)
        configuration = self.directory / "apache.conf"
        text = string.Template(pathlib.Path(template).read_text())
        configuration.write_text(text.substitute(values, directory=self.directory))
        if os.getuid() == 0:
            # Apache's own processes are another user's, who must get as far as the pages.
            for directory in (scratch, self.directory):
                directory.chmod(0o755)
        self.errors = self.directory / "error.log"
        super().__init__(("/usr/sbin/apache2", "-DFOREGROUND", "-f", str(configuration)), port, self.errors)
