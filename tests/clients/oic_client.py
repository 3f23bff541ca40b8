"""Apps with the library oic (pyoidc): a code flow for each way a client may authenticate, up to the end of the session.

    python oic_client.py ISSUER USERNAME PASSWORD
"""

import sys

from form_browser import Person
from oic_app import App
from steps import chapter, finish, step


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
    answer, tokens = step("gets tokens after sign-in and consent; the ID token is valid", app.gets_tokens, person)
    step("userinfo names the same person, asked in either way", app.reads_userinfo, answer["state"])
    step("refreshes", app.refreshes, answer["state"])
    step("is told no", app.is_told_no, person)
    step("is refused a code used twice", app.is_refused_a_code_used_twice, person)
    ends = "ends the session and comes back with its state; its token is dead"
    step(ends, app.ends_the_session, person, answer["state"], tokens)


def main(issuer, username, password):
    chapter("oic as it is", plain, issuer, Person(issuer, username, password))
    for method in ("client_secret_basic", "client_secret_post", "private_key_jwt"):
        chapter(f"oic with token_endpoint_auth_method={method}", code_flow, issuer, Person(issuer, username, password), method)
    signed = {"userinfo_signed_response_alg": "RS256", "id_token_signed_response_alg": "ES256", "subject_type": "pairwise"}
    own = (code_flow, issuer, Person(issuer, username, password), "client_secret_basic")
    chapter("oic with signed userinfo and a subject of its own", *own, **signed)
    return finish()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
