"""The whole life of an app with the library Authlib, once for each way a client may authenticate.

    python authlib_client.py ISSUER USERNAME PASSWORD
"""

import html.parser
import os
import secrets
import sys
import traceback
import urllib.parse

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # the server under test listens on loopback http

import requests
from authlib.integrations.requests_client import OAuth2Session, OAuthError
from authlib.oidc.core import CodeIDToken, UserInfo
from authlib.oidc.discovery import OpenIDProviderMetadata, get_well_known_url
from joserfc import jwt
from joserfc.jwk import KeySet

REDIRECT_URI = "https://witness.example.org/callback?tenant=1"
LOGOUT_URI = "https://witness.example.org/signed-out"
SCOPE = "openid profile email offline_access"
REDIRECTS_MAX = 10


class Page(html.parser.HTMLParser):
    """The first form of a page: where it goes, what it holds, and its buttons."""

    def __init__(self, url, response):
        super().__init__()
        self.url, self.status, self.text = url, response.status_code, response.text
        self.action, self.fields, self.buttons = None, [], []
        self.feed(self.text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form" and self.action is None:
            assert attributes.get("method", "").lower() == "post", attributes
            self.action = urllib.parse.urljoin(self.url, attributes.get("action", ""))
        elif tag == "button":
            self.buttons.append(attributes)
        elif tag == "input" and "name" in attributes and "disabled" not in attributes:
            if attributes.get("type") not in ("checkbox", "radio") or "checked" in attributes:
                self.fields.append((attributes["name"], attributes.get("value") or ""))


class FormBrowser:
    """A browser without JavaScript that stops where the server sends it somewhere else."""

    def __init__(self, origin):
        self.http, self.origin = requests.Session(), origin

    def open(self, url):
        return self._go("GET", url)

    def submit(self, page, button, **values):
        pressed = next(b for b in page.buttons if button in b.get("class", "").split() or button == b.get("value"))
        fields = [(name, values.pop(name, value)) for name, value in page.fields]
        assert not values, f"no such fields on {page.url}: {list(values)}"
        if "name" in pressed:
            fields.append((pressed["name"], pressed.get("value", "")))
        return self._go("POST", page.action, fields)

    def _go(self, method, url, fields=None):
        for _ in range(REDIRECTS_MAX):
            if not url.startswith(self.origin + "/"):
                return url
            response = self.http.request(method, url, data=fields, allow_redirects=False, headers={"Accept": "text/html"})
            if "Location" not in response.headers:
                return Page(url, response)
            assert response.status_code in (302, 303), response.status_code
            url = urllib.parse.urljoin(url, response.headers["Location"])
            method, fields = "GET", None
        raise AssertionError("too many redirects")


class App:
    """A registered client and the person who uses it."""

    def __init__(self, issuer, username, password, method):
        self.issuer, self.username, self.password, self.method = issuer, username, password, method
        self.browser = FormBrowser(issuer[: issuer.index("/oauth2/")])

    def discovers_the_server(self):
        self.metadata = OpenIDProviderMetadata(requests.get(get_well_known_url(self.issuer, external=True)).json())
        self.metadata.validate()
        assert self.metadata["issuer"] == self.issuer
        other = requests.get(self.issuer.replace("/oauth2/", "/.well-known/oauth-authorization-server/oauth2/"))
        assert other.json() == self.metadata, other.text
        self.keys = KeySet.import_key_set(requests.get(self.metadata["jwks_uri"]).json())

    def registers(self):
        answer = requests.post(
            self.metadata["registration_endpoint"],
            json={
                "client_name": f"Authlib {self.method}",
                "redirect_uris": [REDIRECT_URI],
                "post_logout_redirect_uris": [LOGOUT_URI, LOGOUT_URI + "/2"],
                "token_endpoint_auth_method": self.method,
                "grant_types": ["authorization_code", "refresh_token"],
                "scope": SCOPE,
            },
        )
        assert answer.status_code == 201, answer.text
        self.client = answer.json()
        read = requests.get(
            self.client["registration_client_uri"],
            headers={"Authorization": "Bearer " + self.client["registration_access_token"]},
        )
        assert read.status_code == 200 and read.json()["client_id"] == self.client["client_id"], read.text
        self.session = OAuth2Session(
            self.client["client_id"],
            self.client.get("client_secret"),
            scope=SCOPE,
            redirect_uri=REDIRECT_URI,
            token_endpoint_auth_method=self.method,
            revocation_endpoint_auth_method=self.method,
            code_challenge_method="S256",
        )

    def gets_tokens(self, sign_in=False):
        verifier, nonce = secrets.token_urlsafe(48), secrets.token_urlsafe(16)
        prompt = {} if sign_in else {"prompt": "consent"}
        url, state = self.session.create_authorization_url(
            self.metadata["authorization_endpoint"], code_verifier=verifier, nonce=nonce, **prompt
        )
        page = self.browser.open(url)
        if sign_in:
            assert "<title>Sign in" in page.text, page.text
            page = self.browser.submit(page, "primary", username=self.username, password=self.password)
        callback = self.browser.submit(page, "primary")
        assert callback.startswith(REDIRECT_URI + "&code="), callback
        assert urllib.parse.parse_qs(urllib.parse.urlsplit(callback).query)["iss"] == [self.issuer], callback
        tokens = self.session.fetch_token(
            self.metadata["token_endpoint"], authorization_response=callback, state=state, code_verifier=verifier
        )
        self._check_id_token(tokens, nonce)
        return dict(tokens)

    def _check_id_token(self, tokens, nonce):
        decoded = jwt.decode(tokens["id_token"], self.keys, algorithms=["RS256"])
        options = {"iss": {"values": [self.issuer]}, "aud": {"values": [self.client["client_id"]]}}
        params = {"nonce": nonce, "client_id": self.client["client_id"], "access_token": tokens["access_token"]}
        claims = CodeIDToken(decoded.claims, decoded.header, options, params)
        claims.validate()
        self.sub = claims["sub"]

    def userinfo_names_the_same_person(self, tokens):
        answer = self._userinfo(tokens)
        assert answer.status_code == 200, answer.text
        assert UserInfo(answer.json())["sub"] == self.sub

    def _userinfo(self, tokens):
        return requests.get(self.metadata["userinfo_endpoint"], headers={"Authorization": "Bearer " + tokens["access_token"]})

    def refreshes(self, tokens):
        fresh = self.session.refresh_token(self.metadata["token_endpoint"], tokens["refresh_token"])
        assert fresh["refresh_token"] != tokens["refresh_token"] and fresh["access_token"] != tokens["access_token"]
        return dict(fresh)

    def loses_the_grant_by_reuse(self, tokens):
        successor = self.refreshes(tokens)
        living = self.refreshes(successor)  # used once more: a retry of the first rotation is over
        self._refused(tokens)
        self._refused(living)
        assert self._userinfo(living).status_code == 401

    def _refused(self, tokens):
        try:
            self.session.refresh_token(self.metadata["token_endpoint"], tokens["refresh_token"])
        except OAuthError as why:
            assert why.error == "invalid_grant", why
        else:
            raise AssertionError("a dead refresh token was accepted")

    def introspects(self, tokens, active):
        for kind in ("access_token", "refresh_token"):
            answer = self.session.introspect_token(self.metadata["introspection_endpoint"], tokens[kind], kind)
            assert answer.status_code == 200 and answer.json()["active"] is active, answer.text
            if active:
                assert answer.json()["client_id"] == self.client["client_id"] and isinstance(answer.json()["exp"], int)

    def revokes(self, tokens):
        answer = self.session.revoke_token(self.metadata["revocation_endpoint"], tokens["refresh_token"], "refresh_token")
        assert answer.status_code == 200, answer.text
        assert self._userinfo(tokens).status_code == 401
        self._refused(tokens)

    def signs_out(self, tokens):
        query = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": LOGOUT_URI, "state": "xyz"}
        left = self.browser.open(self.metadata["end_session_endpoint"] + "?" + urllib.parse.urlencode(query))
        assert left == LOGOUT_URI + "?state=xyz", left if isinstance(left, str) else left.text
        assert self._userinfo(tokens).status_code == 401
        self._refused(tokens)


def life(app, step):
    step("discovers the server", app.discovers_the_server)
    step("registers and reads itself back", app.registers)
    first = step("gets tokens after sign-in and consent; the ID token is valid", app.gets_tokens, True)
    step("userinfo names the same person", app.userinfo_names_the_same_person, first)
    second = step("refreshes", app.refreshes, first)
    other = step("gets another grant without a second sign-in", app.gets_tokens)
    step("loses that grant by using an old refresh token", app.loses_the_grant_by_reuse, other)
    if app.method != "none":
        step("introspects living tokens", app.introspects, second, True)
        step("introspects dead tokens", app.introspects, other, False)
    step("revokes", app.revokes, second)
    last = step("gets a third grant", app.gets_tokens)
    step("signs out and comes back with its state; nothing is left alive", app.signs_out, last)


def main(issuer, username, password):
    counts = {"passed": 0, "failed": 0}

    def step(name, run, *arguments):
        try:
            result = run(*arguments)
        except Exception:
            counts["failed"] += 1
            print(f"FAIL  {name}")
            raise
        counts["passed"] += 1
        print(f"ok    {name}")
        return result

    for method in ("client_secret_basic", "client_secret_post", "none"):
        print(f"-- Authlib with token_endpoint_auth_method={method}")
        try:
            life(App(issuer, username, password, method), step)
        except Exception:
            traceback.print_exc(file=sys.stdout)
    print(f"{counts['passed']} passed, {counts['failed']} failed")
    return 0 if counts["failed"] == 0 and counts["passed"] else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
