"""An app built on the library oic (pyoidc)."""

from Cryptodome.PublicKey import RSA
from jwkest.jwk import RSAKey
from oic import rndstr
from oic.oauth2.message import ErrorResponse
from oic.oic import Client
from oic.oic.message import AccessTokenResponse, AuthorizationErrorResponse, AuthorizationResponse, OpenIDSchema
from oic.utils.authn.client import CLIENT_AUTHN_METHOD, PrivateKeyJWT
from oic.utils.keyio import KeyBundle

ORIGIN = "https://witness.example.org"
REDIRECT_URI = ORIGIN + "/callback"
LOGOUT_URI = ORIGIN + "/signed-out"
SCOPE = ["openid", "profile", "email", "offline_access"]


class Assertion(PrivateKeyJWT):
    """The library's refresh does not tell its own `private_key_jwt` at which endpoint it is."""

    def construct(self, *arguments, **named):
        return super().construct(*arguments, **({"authn_endpoint": "refresh"} | named))


class App:
    """A relying party. The library checks the issuer, the ID token's signature and claims, `nonce`, and userinfo's `sub`."""

    def __init__(self, issuer, method, response_type="code", **preferences):
        self.issuer, self.method, self.response_type, self.preferences = issuer, method, response_type, preferences
        methods = CLIENT_AUTHN_METHOD | {"private_key_jwt": Assertion}
        self.client = Client(client_authn_method=methods, config={"code_challenge": {"method": "S256", "length": 64}})
        # Where request objects would be fetched from; registered if the server wants to know.
        self.client.base_url = ORIGIN + "/"

    def discovers_the_server(self):
        found = self.client.provider_config(self.issuer)
        assert found["issuer"] == self.issuer
        assert self.client.keyjar.get_verify_key("RSA", owner=self.issuer), "its keys are read"

    def registers(self):
        request = {
            "client_name": f"oic {self.response_type} {self.method}",
            "redirect_uris": [REDIRECT_URI],
            "post_logout_redirect_uris": [LOGOUT_URI],
            "token_endpoint_auth_method": self.method,
            "response_types": [self.response_type],
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
        """An authorization request, and the verifier of its challenge."""
        challenge, verifier = self.client.add_code_challenge() if "code" in self.response_type.split() else ({}, None)
        request = {"response_type": self.response_type, "scope": SCOPE, "redirect_uri": REDIRECT_URI}
        request |= {"state": rndstr(), "nonce": rndstr()}
        return self.client.construct_AuthorizationRequest(request_args=request | challenge | further), verifier

    def gets_tokens(self, person, **further):
        """What came with the answer, and what came for its code."""
        request, verifier = self.asks(**further)
        answer = self._reads(person.answers(request.request(self.client.authorization_endpoint)), AuthorizationResponse)
        assert answer["state"] == request["state"]
        for word, member in {"code": "code", "token": "access_token", "id_token": "id_token"}.items():
            assert (member in answer) == (word in self.response_type.split()), (word, answer)
        assert "refresh_token" not in answer
        if "id_token" in answer:
            self.client.verify_id_token(answer["id_token"], request)
        return answer, self._redeems(answer, request, verifier) if "code" in answer else None

    def _redeems(self, answer, request, verifier):
        args = {"code": answer["code"], "code_verifier": verifier}
        tokens = self.client.do_access_token_request(state=answer["state"], request_args=args, authn_method=self.method)
        assert isinstance(tokens, AccessTokenResponse), tokens
        self.client.verify_id_token(tokens["id_token"], request)
        assert tokens["id_token"]["iss"] == self.issuer and tokens["refresh_token"]
        assert answer.get("id_token", tokens["id_token"])["sub"] == tokens["id_token"]["sub"]
        return tokens

    def _reads(self, url, kind):
        """The library's reading of an answer; every type but `code` comes in the fragment, so that it stays in the browser."""
        separator = "?" if self.response_type == "code" else "#"
        assert url.startswith(REDIRECT_URI + separator), url
        answer = self.client.parse_response(kind, info=url.partition(separator)[2], sformat="urlencoded")
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
        request, _ = self.asks(prompt="consent")
        left = person.answers(request.request(self.client.authorization_endpoint), "deny")
        assert self._reads(left, AuthorizationErrorResponse)["error"] == "access_denied"

    def is_refused_a_code_used_twice(self, person):
        request, verifier = self.asks(prompt="consent")
        answer = self._reads(person.answers(request.request(self.client.authorization_endpoint)), AuthorizationResponse)
        self._redeems(answer, request, verifier)
        args = {"code": answer["code"], "code_verifier": verifier}
        again = self.client.do_access_token_request(state=answer["state"], request_args=args, authn_method=self.method)
        assert isinstance(again, ErrorResponse) and again["error"] == "invalid_grant", again

    def ends_the_session(self, person, state, tokens):
        request = {"state": "xyz", "post_logout_redirect_uri": LOGOUT_URI, "id_token_hint": tokens["id_token"].jwt}
        request = self.client.construct_EndSessionRequest(request_args=request)
        left = person.browser.open(request.request(self.client.end_session_endpoint))
        assert left == LOGOUT_URI + "?state=xyz", left
        if self.response_type == "id_token":
            return
        answer = self.client.do_user_info_request(method="GET", state=state)
        assert isinstance(answer, ErrorResponse) and answer["error"] == "invalid_token", answer

    def registers_without_a_scope(self):
        registered = self.client.register(
            self.client.provider_info["registration_endpoint"], redirect_uris=[REDIRECT_URI], response_types=["code"]
        )
        assert registered["scope"] == "openid", registered

    def learns_who_it_is_and_no_more(self, person):
        answer, _ = self.gets_tokens(person, scope=["openid"])
        # One that asks for no offline access still gets a refresh token (SPEC.md k-13).
        assert set(self.client.do_user_info_request(method="GET", state=answer["state"]).keys()) == {"sub"}
