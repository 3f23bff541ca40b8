"""Apps with the library oic (pyoidc): a code flow for each way a client may authenticate, up to the end of the session.

    python oic_client.py ISSUER USERNAME PASSWORD
"""

import sys
import urllib.parse

from Cryptodome.PublicKey import RSA
from jwkest.jwk import RSAKey
from oic import rndstr
from oic.oauth2.message import ErrorResponse
from oic.oic import Client
from oic.oic.message import AccessTokenResponse, AuthorizationErrorResponse, AuthorizationResponse, OpenIDSchema
from oic.utils.authn.client import CLIENT_AUTHN_METHOD, PrivateKeyJWT
from oic.utils.keyio import KeyBundle

from form_browser import Person
from steps import chapter, finish, step

REDIRECT_URI = "https://witness.example.org/callback"
LOGOUT_URI = "https://witness.example.org/signed-out"
SCOPE = ["openid", "profile", "email", "offline_access"]


class Assertion(PrivateKeyJWT):
    """The library's refresh does not tell its own `private_key_jwt` at which endpoint it is."""

    def construct(self, *arguments, **named):
        return super().construct(*arguments, **({"authn_endpoint": "refresh"} | named))


class App:
    """A relying party. The library checks the issuer, the ID token's signature and claims, `nonce`, and userinfo's `sub`."""

    def __init__(self, issuer, method, **preferences):
        self.issuer, self.method, self.preferences = issuer, method, preferences
        methods = CLIENT_AUTHN_METHOD | {"private_key_jwt": Assertion}
        self.client = Client(client_authn_method=methods, config={"code_challenge": {"method": "S256", "length": 64}})

    def discovers_the_server(self):
        found = self.client.provider_config(self.issuer)
        assert found["issuer"] == self.issuer
        assert self.client.keyjar.get_verify_key("RSA", owner=self.issuer), "its keys are read"

    def registers(self):
        request = {
            "client_name": f"oic {self.method}",
            "redirect_uris": [REDIRECT_URI],
            "post_logout_redirect_uris": [LOGOUT_URI],
            "token_endpoint_auth_method": self.method,
            "response_types": ["code"],
        }
        if self.method == "private_key_jwt":
            key = KeyBundle(keytype="RSA", keyusage=["sig"])
            key.append(RSAKey(use="sig", kid="first", key=RSA.generate(2048)))
            self.client.keyjar.add_kb("", key)
            request["jwks"] = self.client.keyjar.export_jwks()
        # OpenID Connect Registration, and so the library's `register`, has no `scope`; Writ gives such a client `openid` alone.
        request = self.client.create_registration_request(**request, **self.preferences)
        request["scope"] = " ".join(SCOPE)
        url, headers = self.client.provider_info["registration_endpoint"], {"content-type": "application/json"}
        registered = self.client.handle_registration_info(
            self.client.http_request(url, "POST", data=request.to_json(), headers=headers)
        )
        assert registered["token_endpoint_auth_method"] == self.method
        assert self.client.registration_read()["client_id"] == registered["client_id"]

    def asks(self, **further):
        """An authorization request: its URL, its state and the verifier of its challenge."""
        challenge, verifier = self.client.add_code_challenge()
        request = {"response_type": "code", "scope": SCOPE, "redirect_uri": REDIRECT_URI, "state": rndstr(), "nonce": rndstr()}
        request = self.client.construct_AuthorizationRequest(request_args=request | challenge | further)
        return request.request(self.client.authorization_endpoint), request["state"], verifier

    def gets_tokens(self, person, **further):
        url, state, verifier = self.asks(**further)
        answer = self._reads(person.answers(url), AuthorizationResponse)
        assert answer["state"] == state and answer["code"]
        tokens = self.client.do_access_token_request(
            state=state, request_args={"code": answer["code"], "code_verifier": verifier}, authn_method=self.method
        )
        assert isinstance(tokens, AccessTokenResponse), tokens
        assert tokens["id_token"]["iss"] == self.issuer and tokens["refresh_token"]
        return state, tokens

    def _reads(self, url, kind):
        assert url.startswith(REDIRECT_URI + "?"), url
        answer = self.client.parse_response(kind, info=urllib.parse.urlsplit(url).query, sformat="urlencoded")
        assert isinstance(answer, kind), answer
        return answer

    def reads_userinfo(self, state):
        for method in ("GET", "POST"):
            answer = self.client.do_user_info_request(method=method, state=state)
            assert isinstance(answer, OpenIDSchema) and answer["email"] == "amelia@example.org", (method, answer)

    def refreshes(self, state):
        before = self.client.get_token(state=state).access_token
        fresh = self.client.do_access_token_refresh(state=state, authn_method=self.method)
        assert isinstance(fresh, AccessTokenResponse) and fresh["access_token"] != before, fresh
        self.reads_userinfo(state)

    def is_told_no(self, person):
        url, _, _ = self.asks(prompt="consent")
        assert self._reads(person.answers(url, "deny"), AuthorizationErrorResponse)["error"] == "access_denied"

    def is_refused_a_code_used_twice(self, person):
        url, state, verifier = self.asks(prompt="consent")
        code = self._reads(person.answers(url), AuthorizationResponse)["code"]
        args = {"request_args": {"code": code, "code_verifier": verifier}, "authn_method": self.method}
        assert isinstance(self.client.do_access_token_request(state=state, **args), AccessTokenResponse)
        again = self.client.do_access_token_request(state=state, **args)
        assert isinstance(again, ErrorResponse) and again["error"] == "invalid_grant", again

    def ends_the_session(self, person, state, tokens):
        request = {"state": "xyz", "post_logout_redirect_uri": LOGOUT_URI, "id_token_hint": tokens["id_token"].jwt}
        request = self.client.construct_EndSessionRequest(request_args=request)
        left = person.browser.open(request.request(self.client.end_session_endpoint))
        assert left == LOGOUT_URI + "?state=xyz", left
        answer = self.client.do_user_info_request(method="GET", state=state)
        assert isinstance(answer, ErrorResponse) and answer["error"] == "invalid_token", answer


    def registers_without_a_scope(self):
        registered = self.client.register(
            self.client.provider_info["registration_endpoint"], redirect_uris=[REDIRECT_URI], response_types=["code"]
        )
        assert registered["scope"] == "openid", registered

    def learns_who_it_is_and_no_more(self, person):
        state, _ = self.gets_tokens(person, scope=["openid"])
        assert set(self.client.do_user_info_request(method="GET", state=state).keys()) == {"sub"}


def plain(issuer, person):
    """What the library does when nothing is said."""
    app = App(issuer, "client_secret_basic")
    step("discovers the server and reads its keys", app.discovers_the_server)
    step("registers without a scope", app.registers_without_a_scope)
    step("learns who it is and no more", app.learns_who_it_is_and_no_more, person)


def code_flow(issuer, person, method, **preferences):
    app = App(issuer, method, **preferences)
    step("discovers the server and reads its keys", app.discovers_the_server)
    step("registers and reads itself back", app.registers)
    state, tokens = step("gets tokens after sign-in and consent; the ID token is valid", app.gets_tokens, person)
    step("userinfo names the same person, asked in either way", app.reads_userinfo, state)
    step("refreshes", app.refreshes, state)
    step("is told no", app.is_told_no, person)
    step("is refused a code used twice", app.is_refused_a_code_used_twice, person)
    step("ends the session and comes back with its state; its token is dead", app.ends_the_session, person, state, tokens)


def main(issuer, username, password):
    chapter("oic as it is", plain, issuer, Person(issuer, username, password))
    for method in ("client_secret_basic", "client_secret_post", "private_key_jwt"):
        chapter(f"oic with token_endpoint_auth_method={method}", code_flow, issuer, Person(issuer, username, password), method)
    return finish()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
