"""A SMART backend service with the library Authlib: it registers a key, is let in by an administrator, and acts for itself.

    python authlib_backend_client.py ISSUER WRIT_BINARY DATA_DIRECTORY
"""

import os
import sys

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # the server under test listens on loopback http

import requests
from authlib.integrations.requests_client import OAuth2Session, OAuthError
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.jwk import ECKey, RSAKey

from servers import tell
from steps import chapter, finish, step

# The two algorithms of SMART App Launch.
KEYS = {
    "RS384": lambda: RSAKey.generate_key(2048, auto_kid=True),
    "ES384": lambda: ECKey.generate_key("P-384", auto_kid=True),
}
SCOPE = "system/Observation.rs system/Patient.rs"


class Backend:
    """A client without people."""

    def __init__(self, issuer, alg):
        self.issuer, self.alg = issuer, alg

    def registers(self):
        key = KEYS[self.alg]()
        request = {
            "client_name": f"A backend with {self.alg}",
            "grant_types": ["client_credentials"],
            "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_signing_alg": self.alg,
            "jwks": {"keys": [key.as_dict(private=False)]},
            "scope": SCOPE,
        }
        answer = requests.post(self.issuer + "/registration", json=request)
        assert answer.status_code == 201 and answer.json()["client_status"] == "pending_approval", answer.text
        self.client_id = answer.json()["client_id"]
        self.session = OAuth2Session(self.client_id, key, scope=SCOPE, token_endpoint_auth_method="private_key_jwt")
        self.session.register_client_auth_method(PrivateKeyJWT(self.issuer + "/token", alg=self.alg))

    def waits(self):
        self._refused("invalid_client", SCOPE)

    def is_let_in(self, binary, data):
        tell(binary, data, "--site", self.issuer.rsplit("/", 1)[1], "client", "approve", self.client_id)

    def gets_a_token(self):
        tokens = self.session.fetch_token(self.issuer + "/token", grant_type="client_credentials")
        assert set(tokens["scope"].split()) == set(SCOPE.split()) and tokens["expires_in"] <= 300, tokens
        assert "refresh_token" not in tokens and "id_token" not in tokens, tokens
        answer = self.session.introspect_token(self.issuer + "/introspect", tokens["access_token"]).json()
        assert (answer["active"], answer["sub"], answer["scope"]) == (True, self.client_id, tokens["scope"]), answer
        return tokens

    def gets_nothing_else(self):
        for scope in ("openid", "patient/Patient.rs", "system/Condition.rs"):
            self._refused("invalid_scope", scope)

    def gives_it_back(self, tokens):
        method = {"auth": self.session.client_auth("private_key_jwt")}
        assert self.session.revoke_token(self.issuer + "/revoke", tokens["access_token"], **method).status_code == 200
        assert self.session.introspect_token(self.issuer + "/introspect", tokens["access_token"]).json() == {"active": False}

    def _refused(self, error, scope):
        try:
            self.session.fetch_token(self.issuer + "/token", grant_type="client_credentials", scope=scope)
        except OAuthError as why:
            assert why.error == error, why
        else:
            raise AssertionError(f"a token for {scope}")


def life(backend, binary, data):
    step("registers its key and waits", backend.registers)
    step("gets nothing before an administrator has looked", backend.waits)
    step("an administrator lets it in", backend.is_let_in, binary, data)
    tokens = step("gets a token for five minutes, and no refresh token", backend.gets_a_token)
    step("gets nothing that is not for programs, or not registered", backend.gets_nothing_else)
    step("gives its token back", backend.gives_it_back, tokens)


def main(issuer, binary, data):
    for alg in KEYS:
        chapter(f"Authlib as a backend service with {alg}", life, Backend(issuer, alg), binary, data)
    return finish()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
