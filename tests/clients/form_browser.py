"""A browser without JavaScript, and the pages it shows.

It keeps cookies, follows redirects by hand and submits the forms it finds. It stops where the server sends it somewhere
else, which is how an app is given its code.
"""

import html.parser
import urllib.parse

import requests

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


def on_loopback(ca=True):
    """A session that heeds no proxy and no authority of the environment's: they would go before `ca`."""
    session = requests.Session()
    session.trust_env, session.verify = False, ca
    return session


class FormBrowser:
    """One person's browser. `origins` are the servers whose pages it looks at; `open` and `submit` give a `Page`, or the URL
    of somewhere else."""

    def __init__(self, *origins, ca=True):
        self.http, self.origins = on_loopback(ca), origins

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
            if not any(url.startswith(origin + "/") for origin in self.origins):
                return url
            response = self.http.request(method, url, data=fields, allow_redirects=False, headers={"Accept": "text/html"})
            if "Location" not in response.headers:
                return Page(url, response)
            assert response.status_code in (302, 303), response.status_code
            url = urllib.parse.urljoin(url, response.headers["Location"])
            method, fields = "GET", None
        raise AssertionError("too many redirects")


class Person:
    """Somebody with a browser, who signs in where that is asked."""

    def __init__(self, issuer, username, password, *others, ca=True):
        self.browser = FormBrowser(issuer[: issuer.index("/oauth2/")], *others, ca=ca)
        self.username, self.password = username, password

    def answers(self, url, button="primary"):
        """From an authorization request to where it ends, past the consent page with this button if there is one."""
        page = self.browser.open(url)
        if isinstance(page, Page) and "<title>Sign in" in page.text:
            page = self.browser.submit(page, "primary", username=self.username, password=self.password)
        asked = isinstance(page, Page) and any(button.get("value") == "deny" for button in page.buttons)
        page = self.browser.submit(page, button) if asked else page
        # An answer that a script would post to the app (OAuth 2.0 Form Post Response Mode).
        leads_away = isinstance(page, Page) and page.action and not page.action.startswith(self.browser.origins[0] + "/")
        return self.browser.submit(page, "primary") if leads_away else page
