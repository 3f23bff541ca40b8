"""Apps with the library requests-oauthlib that send nobody to a browser: the thread's client with a name and a password, and a
backend that acts for itself. The site is one of the profile `openemr`.

    python requests_oauthlib_grants_client.py ISSUER USERNAME PASSWORD WRIT_BINARY DATA_DIRECTORY
"""

import json
import os
import sys

os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # the server under test listens on loopback http
# A token for an `api:` scope names its site in the scope too (SPEC.md k-25), and the library would take that for a change.
os.environ["OAUTHLIB_RELAX_TOKEN_SCOPE"] = "1"

import requests
from oauthlib.oauth2 import BackendApplicationClient, InvalidGrantError, InvalidScopeError, LegacyApplicationClient, OAuth2Error
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

from servers import tell
from steps import chapter, finish, step

PATIENT, EMAIL = "phil.belford", "phil@example.org"
SCOPE = ["openid", "email", "api:oemr", "api:port"]


class Site:
    """The site, and its administrator at the command line."""

    def __init__(self, issuer, username, password, binary, data):
        self.issuer, self.username, self.password = issuer, username, password
        self.name, self.binary, self.data = issuer.rsplit("/", 1)[1], binary, data

    def administers(self, *arguments, stdin=""):
        told = tell(self.binary, self.data, "--site", self.name, "--output", "json", *arguments, stdin=stdin)
        return json.loads(told)

    def has_a_patient(self):
        patient = ("--username", PATIENT, "--role", "patient", "--claim", f"email={EMAIL}")
        self.administers("user", "add", *patient, "--password-stdin", stdin=self.password)

    def adds_a_client(self, *arguments):
        return self.administers("client", "add", "--name", "requests-oauthlib", *arguments)


class Legacy:
    """The thread's client: a person types name and password into it."""

    def __init__(self, site):
        self.site = site
        self.client = site.adds_a_client(
            "--grant-type", "password", "--auth-method", "client_secret_post", "--scope", " ".join(SCOPE)
        )
        self.credentials = {"client_id": self.client["client_id"], "client_secret": self.client["client_secret"]}

    def signs_in(self, path="/token", **further):
        self.session = OAuth2Session(client=LegacyApplicationClient(self.client["client_id"], scope=SCOPE))
        person = {"username": self.site.username, "password": self.site.password} | further
        tokens = self.session.fetch_token(self.site.issuer + path, include_client_id=True, **self.credentials | person)
        assert tokens["refresh_token"] and tokens["id_token"], tokens
        return dict(tokens)

    def is_staff(self, tokens):
        scope = set(tokens["scope"])
        assert {"api:oemr", f"site:{self.site.name}"} <= scope and "api:port" not in scope, scope

    def is_a_patient(self):
        tokens = self.signs_in(username=PATIENT, user_role="patient", email=EMAIL)
        assert "api:port" in tokens["scope"] and "api:oemr" not in tokens["scope"], tokens["scope"]
        assert self.session.get(self.site.issuer + "/userinfo").json()["email"] == EMAIL

    def is_refused(self):
        for wrong in ({"password": "another"}, {"username": PATIENT, "user_role": "patient", "email": "other@example.org"}):
            refused(InvalidGrantError, self.signs_in, **wrong)

    def refreshes(self, tokens):
        # The library repeats its scope, and the one it got is less than the one it asked for (RFC 6749 §6).
        self.session.scope = tokens["scope"]
        fresh = self.session.refresh_token(self.site.issuer + "/token", tokens["refresh_token"], **self.credentials)
        assert fresh["access_token"] != tokens["access_token"] and fresh["refresh_token"] != tokens["refresh_token"]
        return dict(fresh)

    def stands(self, tokens, status):
        """How a token stands, in the thread's dialect."""
        for kind in ("access_token", "refresh_token"):
            form = self.credentials | {"token": tokens[kind], "token_type_hint": kind}
            answer = requests.post(self.site.issuer + "/introspect", data=form).json()
            assert (answer["active"], answer["status"]) == (status == "active", status), answer

    def signs_out(self, tokens):
        query, headers = {"id_token_hint": tokens["id_token"]}, {"Accept": "text/html"}
        answer = requests.get(self.site.issuer + "/logout", params=query, headers=headers)
        assert answer.status_code == 200 and "Signed out" in answer.text, answer.text


class Backend:
    """A program that acts for itself, and proves who it is by a secret."""

    def __init__(self, site):
        self.site = site
        scopes = site.administers("site", "show")["settings"]["scopes"]
        site.administers("site", "set", site.name, f"scopes={scopes} reports.read reports.write")
        self.client = site.adds_a_client("--grant-type", "client_credentials", "--scope", "reports.read")

    def gets_a_token(self, scope="reports.read"):
        self.session = OAuth2Session(client=BackendApplicationClient(self.client["client_id"], scope=[scope]))
        auth = HTTPBasicAuth(self.client["client_id"], self.client["client_secret"])
        tokens = self.session.fetch_token(self.site.issuer + "/token", auth=auth)
        assert "refresh_token" not in tokens and tokens["expires_in"] <= 300 and tokens["scope"] == ["reports.read"], tokens
        answer = requests.post(self.site.issuer + "/introspect", data={"token": tokens["access_token"]}, auth=auth).json()
        assert answer["active"] is True and answer["sub"] == self.client["client_id"], answer

    def gets_no_more_than_it_registered(self):
        for scope in ("reports.write", "openid"):
            refused(InvalidScopeError, self.gets_a_token, scope)

    def is_nobody(self):
        assert self.session.get(self.site.issuer + "/userinfo").status_code == 403


def refused(kind, run, *arguments, **named):
    try:
        run(*arguments, **named)
    except OAuth2Error as why:
        assert isinstance(why, kind), why
    else:
        raise AssertionError(f"this should have been a {kind.__name__}")


def legacy(site):
    app = step("an administrator registers the client with the password grant", Legacy, site)
    first = step("a name and a password become tokens", app.signs_in, "/token")
    step("the tokens are a member of the staff's", app.is_staff, first)
    step("introspection says active", app.stands, first, "active")
    second = step("refreshes", app.refreshes, first)
    step("signs out by the ID token", app.signs_out, second)
    step("introspection says revoked", app.stands, second, "revoked")
    step("the thread's other address takes them too", app.signs_in, "/password")
    step("a patient names a role and an e-mail address", app.is_a_patient)
    step("a wrong password and a wrong address are refused alike", app.is_refused)


def backend(site):
    app = step("an administrator registers a client without people", Backend, site)
    step("gets a token for itself", app.gets_a_token)
    step("userinfo knows nobody by it", app.is_nobody)
    step("gets no more than it registered", app.gets_no_more_than_it_registered)


def main(*arguments):
    site = Site(*arguments)
    site.has_a_patient()
    chapter("requests-oauthlib with grant_type=password", legacy, site)
    chapter("requests-oauthlib with grant_type=client_credentials", backend, site)
    return finish()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:6]))
