"""Apps with the library oic (pyoidc) that get tokens from the authorization endpoint: implicit and hybrid, each response type.

    python oic_front_client.py ISSUER USERNAME PASSWORD
"""

import sys

from form_browser import Person
from oic_app import App
from steps import chapter, finish, step

RESPONSE_TYPES = ("id_token", "id_token token", "code id_token", "code token", "code id_token token")


def front(issuer, person, response_type):
    app = App(issuer, "client_secret_basic", response_type)
    step("discovers the server and reads its keys", app.discovers_the_server)
    step("registers and reads itself back", app.registers)
    answer, tokens = step("gets what it asked for; every ID token is valid, and so are its hashes", app.gets_tokens, person)
    if response_type != "id_token":
        step("userinfo names the same person, asked in either way", app.reads_userinfo, answer["state"])
    if tokens:
        step("refreshes", app.refreshes, answer["state"])
        step("is refused a code used twice", app.is_refused_a_code_used_twice, person)
    step("is told no", app.is_told_no, person)
    if "id_token" in answer:
        step("ends the session by the ID token it got first", app.ends_the_session, person, answer["state"], answer)


def main(issuer, username, password):
    for response_type in RESPONSE_TYPES:
        chapter(f"oic with response_type={response_type}", front, issuer, Person(issuer, username, password), response_type)
    return finish()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
