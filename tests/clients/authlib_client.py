"""The whole life of an app with the library Authlib, once for each way a client may authenticate.

    python authlib_client.py ISSUER USERNAME PASSWORD
"""

import os
import secrets
import sys
import urllib.parse

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # the server under test listens on loopback http

import requests
from authlib.integrations.requests_client import OAuth2Session, OAuthError
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oidc.core import CodeIDToken, UserInfo
from authlib.oidc.discovery import OpenIDProviderMetadata, get_well_known_url
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

from form_browser import FormBrowser
from steps import chapter, finish, step

# A key for each algorithm of SMART App Launch's asymmetric clients, and for the short one.
KEYS = {
    "RS384": lambda: RSAKey.generate_key(2048, auto_kid=True),
    "ES384": lambda: ECKey.generate_key("P-384", auto_kid=True),
    "EdDSA": lambda: OKPKey.generate_key("Ed25519", auto_kid=True),
}
REDIRECT_URI = "https://witness.example.org/callback?tenant=1"
LOGOUT_URI = "https://witness.example.org/signed-out"
SCOPE = "openid profile email offline_access"


class App:
    """A registered client and the person who uses it."""

    def __init__(self, issuer, username, password, method, alg=None):
        self.issuer, self.username, self.password, self.method, self.alg = issuer, username, password, method, alg
        self.browser = FormBrowser(issuer[: issuer.index("/oauth2/")])

    def discovers_the_server(self):
        self.metadata = OpenIDProviderMetadata(requests.get(get_well_known_url(self.issuer, external=True)).json())
        self.metadata.validate()
        assert self.metadata["issuer"] == self.issuer
        other = requests.get(self.issuer.replace("/oauth2/", "/.well-known/oauth-authorization-server/oauth2/"))
        assert other.json() == self.metadata, other.text
        self.keys = KeySet.import_key_set(requests.get(self.metadata["jwks_uri"]).json())

    def registers(self):
        request = {
            "client_name": f"Authlib {self.method}",
            "redirect_uris": [REDIRECT_URI],
            "post_logout_redirect_uris": [LOGOUT_URI, LOGOUT_URI + "/2"],
            "token_endpoint_auth_method": self.method,
            "grant_types": ["authorization_code", "refresh_token"],
            "scope": SCOPE,
        }
        key = KEYS[self.alg]() if self.alg else None
        if key:
            request |= {"jwks": {"keys": [key.as_dict(private=False)]}, "token_endpoint_auth_signing_alg": self.alg}
        answer = requests.post(self.metadata["registration_endpoint"], json=request)
        assert answer.status_code == 201, answer.text
        self.client = answer.json()
        read = requests.get(
            self.client["registration_client_uri"],
            headers={"Authorization": "Bearer " + self.client["registration_access_token"]},
        )
        assert read.status_code == 200 and read.json()["client_id"] == self.client["client_id"], read.text
        self.session = OAuth2Session(
            self.client["client_id"],
            key or self.client.get("client_secret"),
            scope=SCOPE,
            redirect_uri=REDIRECT_URI,
            token_endpoint_auth_method=self.method,
            revocation_endpoint_auth_method=self.method,
            code_challenge_method="S256",
        )
        if key:
            self.session.register_client_auth_method(PrivateKeyJWT(self.metadata["token_endpoint"], alg=self.alg))

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


def life(app):
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
    for method in ("client_secret_basic", "client_secret_post", "none"):
        chapter(f"Authlib with token_endpoint_auth_method={method}", life, App(issuer, username, password, method))
    for alg in KEYS:
        chapter(f"Authlib with private_key_jwt and {alg}", life, App(issuer, username, password, "private_key_jwt", alg))
    return finish()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
