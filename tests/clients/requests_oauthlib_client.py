"""Apps with the library requests-oauthlib: a web application for each way a client may authenticate.

    python requests_oauthlib_client.py ISSUER USERNAME PASSWORD
"""

import os
import sys
import urllib.parse

os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # the server under test listens on loopback http

import requests
from oauthlib.oauth2 import AccessDeniedError, InvalidGrantError, MismatchingStateError
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

from form_browser import Person
from steps import chapter, finish, step

REDIRECT_URI = "https://witness.example.org/callback"
SCOPE = ["openid", "profile", "email", "offline_access"]


class WebApp:
    """A registered web application. The library checks `state` and that the scope is the one it asked for."""

    def __init__(self, issuer, method):
        self.issuer, self.method = issuer, method
        self.updated = []

    def registers(self):
        request = {
            "client_name": f"requests-oauthlib {self.method}",
            "redirect_uris": [REDIRECT_URI],
            "token_endpoint_auth_method": self.method,
            "scope": " ".join(SCOPE),
        }
        answer = requests.post(self.issuer + "/registration", json=request)
        assert answer.status_code == 201, answer.text
        self.client = answer.json()
        self.session = OAuth2Session(
            self.client["client_id"],
            scope=SCOPE,
            redirect_uri=REDIRECT_URI,
            pkce="S256",
            auto_refresh_url=self.issuer + "/token",
            auto_refresh_kwargs=self._credentials() if self.method != "client_secret_basic" else {},
            token_updater=self.updated.append,
        )

    def _credentials(self):
        ids = {"client_id": self.client["client_id"]}
        return ids | ({"client_secret": self.client["client_secret"]} if "client_secret" in self.client else {})

    def _auth(self):
        """For the requests where the library leaves it to the app."""
        if self.method == "client_secret_basic":
            return {"auth": HTTPBasicAuth(self.client["client_id"], self.client["client_secret"])}
        return self._credentials()

    def gets_tokens(self, person):
        url, _ = self.session.authorization_url(self.issuer + "/authorize", prompt="consent")
        return self._redeems(person.answers(url))

    def _redeems(self, callback):
        how = {
            "client_secret_basic": {"client_secret": self.client.get("client_secret")},
            "client_secret_post": {"client_secret": self.client.get("client_secret"), "include_client_id": True},
            "none": {"include_client_id": True},
        }
        tokens = self.session.fetch_token(self.issuer + "/token", authorization_response=callback, **how[self.method])
        assert tokens["refresh_token"] and tokens["id_token"] and tokens["expires_in"] > 3500
        assert set(tokens["scope"]) == set(SCOPE), tokens["scope"]
        return dict(tokens)

    def uses_its_token(self):
        answer = self.session.get(self.issuer + "/userinfo", **self._unasked_auth())
        assert answer.status_code == 200 and answer.json()["email"] == "amelia@example.org", answer.text

    def _unasked_auth(self):
        """With Basic the library wants the credentials beside the request, for the refresh that it may make first."""
        return self._credentials() if self.method == "client_secret_basic" else {}

    def lets_the_library_refresh(self, tokens):
        self.session.token = dict(tokens) | {"expires_at": 1, "expires_in": -1}
        self.uses_its_token()
        (fresh,) = self.updated
        assert fresh["refresh_token"] != tokens["refresh_token"] and fresh["access_token"] != tokens["access_token"]
        return dict(fresh)

    def loses_the_grant_by_reuse(self, first, second):
        third = dict(self.session.refresh_token(self.issuer + "/token", second["refresh_token"], **self._auth()))
        for dead in (first, third):
            asked = (self.session.refresh_token, self.issuer + "/token", dead["refresh_token"])
            self._refused(InvalidGrantError, *asked, **self._auth())
        self.session.token = third
        assert self.session.get(self.issuer + "/userinfo").status_code == 401

    def is_told_no(self, person):
        url, _ = self.session.authorization_url(self.issuer + "/authorize", prompt="consent")
        self._refused(AccessDeniedError, self._redeems, person.answers(url, "deny"))

    def takes_no_answer_to_another_question(self, person):
        url, _ = self.session.authorization_url(self.issuer + "/authorize", prompt="consent")
        callback = person.answers(url)
        other = urllib.parse.urlsplit(callback)
        query = urllib.parse.urlencode(dict(urllib.parse.parse_qsl(other.query)) | {"state": "another"})
        self._refused(MismatchingStateError, self._redeems, other._replace(query=query).geturl())

    def _refused(self, kind, run, *arguments, **named):
        try:
            run(*arguments, **named)
        except kind:
            return
        raise AssertionError(f"this should have been a {kind.__name__}")


def web_application(issuer, person, method):
    app = WebApp(issuer, method)
    step("registers", app.registers)
    first = step("gets tokens after sign-in and consent", app.gets_tokens, person)
    step("uses its token", app.uses_its_token)
    second = step("lets the library refresh by itself", app.lets_the_library_refresh, first)
    step("loses the grant by an old refresh token", app.loses_the_grant_by_reuse, first, second)
    step("is told no", app.is_told_no, person)
    step("takes no answer to another question", app.takes_no_answer_to_another_question, person)


def main(issuer, username, password):
    for method in ("client_secret_basic", "client_secret_post", "none"):
        person = Person(issuer, username, password)
        chapter(f"requests-oauthlib with token_endpoint_auth_method={method}", web_application, issuer, person, method)
    return finish()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
