"""Debian's Apache with mod_auth_openidc, as a relying party and as a resource server of a Writ; both over https.

    python apache_client.py WRIT_BINARY
"""

import json
import pathlib
import re
import secrets
import sys
import tempfile
import time
import urllib.parse

from certificates import Certificates
from form_browser import Page, Person, on_loopback
from servers import Apache, Writ, free_port
from steps import chapter, finish, step

TEMPLATE = pathlib.Path(__file__).parent / "apache" / "apache.conf"
SECONDS_MAX = 15


class Site:
    """A Writ, and an Apache that trusts it."""

    def __init__(self, writ, scratch, certificates, response_type):
        self.writ, self.port = writ, free_port()
        self.http = on_loopback(writ.ca)
        self.callback = f"https://127.0.0.1:{self.port}/protected/callback"
        self.signed_out = f"https://127.0.0.1:{self.port}/signed-out.shtml"
        client = self._register(response_type)
        self.client_id = client["client_id"]
        self.apache = Apache(
            scratch,
            TEMPLATE,
            port=self.port,
            issuer=writ.issuer,
            ca=writ.ca,
            certificate=certificates.cert,
            key=certificates.key,
            client_id=client["client_id"],
            client_secret=client["client_secret"],
            passphrase=secrets.token_urlsafe(24),
            response_type=response_type,
            # A code alone may stand in the address; an ID token beside it goes by a form.
            response_mode="query" if response_type == "code" else "form_post",
        )

    def _register(self, response_type):
        request = {
            "client_name": "An Apache",
            "redirect_uris": [self.callback],
            "post_logout_redirect_uris": [self.signed_out],
            "backchannel_logout_uri": self.callback + "?logout=backchannel",
            "backchannel_logout_session_required": True,
            "response_types": [response_type],
            "grant_types": ["authorization_code"] + (["implicit"] if "id_token" in response_type else []),
            "scope": "openid profile email",
        }
        answer = self.http.post(self.writ.issuer + "/registration", json=request)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def person(self):
        """Somebody whose browser looks at both servers."""
        return Person(self.writ.issuer, *PERSON, self.apache.origin, ca=self.writ.ca)

    def page(self, person):
        """The protected page as this browser gets it: Apache's, or the sign-in page it ends at."""
        return person.browser.open(self.apache.origin + "/protected/page.shtml")

    def signs_in(self, person):
        shown = person.answers(self.apache.origin + "/protected/page.shtml")
        assert field(shown, "email") == "amelia@example.org" and field(shown, "iss") == self.writ.issuer, shown.text
        return shown

    def api(self, token):
        return self.http.get(self.apache.origin + "/api/page.shtml", headers={"Authorization": "Bearer " + token})

    def serves_its_interface(self, shown):
        answer = self.api(field(shown, "access_token"))
        assert answer.status_code == 200 and f'id="sub">{field(shown, "sub")}' in answer.text, answer.text
        assert self.api("invalid_token_value").status_code == 401

    def is_signed_in(self, person):
        return field(self.page(person), "email") == "amelia@example.org"

    def signs_out_by_apache(self, person, shown):
        at = person.browser.open(self.callback + "?logout=" + urllib.parse.quote(self.signed_out, safe=""))
        assert isinstance(at, Page) and at.url == self.signed_out and "See you." in at.text, (at.url, at.text)
        assert "<title>Sign in" in self.page(person).text, "Apache's session and Writ's are over"
        assert self.api(field(shown, "access_token")).status_code == 401

    def is_told_by_the_back_channel(self, person):
        """The browser goes nowhere near Apache: only Writ can have told it."""
        end = person.browser.open(self.writ.issuer + "/logout")
        end = person.browser.submit(end, "primary")
        assert "Signed out" in end.text, end.text
        answer = self._apache_alone(person)
        until = time.monotonic() + SECONDS_MAX
        while answer.status_code == 200 and time.monotonic() < until:
            time.sleep(0.2)
            answer = self._apache_alone(person)
        assert answer.status_code == 302 and answer.headers["Location"].startswith(self.writ.issuer + "/authorize"), answer.text

    def _apache_alone(self, person):
        """The protected page as Apache answers by itself."""
        return person.browser.http.get(self.apache.origin + "/protected/page.shtml", allow_redirects=False)

    def each_token_arrived(self):
        """Both sign-outs were told to Apache, and it understood them."""
        until = time.monotonic() + SECONDS_MAX
        while len(self._delivered()) < 2 and time.monotonic() < until:
            time.sleep(0.2)
        assert self._delivered() == [200, 200], self._delivered()

    def _delivered(self):
        """What Apache answered to each logout token that it took."""
        lines = self.writ.tell("log", "--type", "logout.*", "--client", self.client_id, "--output", "ndjson").splitlines()
        events = [json.loads(line) for line in lines]
        return [event["status"] for event in events if event["type"] == "logout.delivered"]

    def other_sessions_go_on(self, person):
        assert self._apache_alone(person).status_code == 200


PERSON = ("amelia.park", secrets.token_urlsafe(18))


def field(page, name):
    """What the page shows under this id."""
    found = re.search(rf'id="{name}">([^<]*)<', page.text)
    return found and found[1]


def life(writ, scratch, certificates, response_type):
    site = step("Apache's client registers", Site, writ, scratch, certificates, response_type)
    with site.apache:
        person, other = site.person(), site.person()
        shown = step("a person signs in and Apache's page shows the claims", site.signs_in, person)
        step("Apache's interface takes the token and no other", site.serves_its_interface, shown)
        step("signing out at Apache ends both sessions and the token", site.signs_out_by_apache, person, shown)
        step("the person signs in again, and in another browser", lambda: (site.signs_in(person), site.signs_in(other)))
        step("signing out at Writ ends Apache's session by the back channel", site.is_told_by_the_back_channel, person)
        step("Writ's log tells that each logout token arrived", site.each_token_arrived)
        step("the other browser's session goes on", site.other_sessions_go_on, other)


def main(binary):
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        certificates = Certificates(scratch / "certificates")
        writ = Writ(binary, scratch, certificates)
        writ.set_up(*PERSON)
        writ.tell("site", "set", "default", "authorize.hybrid=true")
        with writ:
            for response_type in ("code", "code id_token"):
                name = f"mod_auth_openidc with response_type={response_type}"
                chapter(name, life, writ, scratch, certificates, response_type)
    return finish()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
