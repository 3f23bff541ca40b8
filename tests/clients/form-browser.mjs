// A browser without JavaScript: it keeps cookies, follows redirects by hand and submits the forms it finds.
// It stops where the server sends it somewhere else, which is how an app is given its code: `{ left }` is that URL, and `posted` the form
// that would go there.
import assert from 'node:assert/strict';
import { parse } from 'node-html-parser';

const REDIRECTS_MAX = 10;

export class FormBrowser {
  #cookies = new Map();
  #origin;

  constructor(origin) {
    this.#origin = new URL(origin).origin;
  }

  // Opens a page of the server. Resolves to `{ page }` or, where it ends elsewhere, to `{ left }` with that URL.
  async open(url) {
    return this.#go(new URL(url), { method: 'GET' });
  }

  // Fills in the page's form and presses the button; `fields` replace what the form holds.
  async submit(page, buttonSelector, fields = {}) {
    const button = page.dom.querySelector(buttonSelector);
    assert(button, `no button ${buttonSelector} on ${page.url}`);
    const form = button.closest('form');
    assert.equal(form.getAttribute('method')?.toLowerCase(), 'post');
    const body = new URLSearchParams(filledIn(form, button));
    for (const [name, value] of Object.entries(fields)) {
      assert(form.querySelector(`[name="${name}"]`), `no field ${name} on ${page.url}`);
      body.set(name, value);
    }
    return this.#go(new URL(form.getAttribute('action') ?? '', page.url), { method: 'POST', body });
  }

  // From an authorization request to where it ends, past the pages that come: whoever has to sign in does.
  async consent(url, person, answer) {
    return (await this.leave(url, person, answer)).left;
  }

  // The same, with the form that is posted there.
  async leave(url, { username, password }, answer = 'button.primary') {
    let at = await this.open(url);
    if (at.page?.dom.querySelector('input[type=password]')) at = await this.submit(at.page, 'button.primary', { username, password });
    if (at.page?.dom.querySelector('button[value=deny]')) at = await this.submit(at.page, answer);
    if (at.page && leadsAway(at.page)) at = await this.submit(at.page, 'button.primary');
    assert(at.left, `it ends on a page of the server: ${at.page?.title}`);
    return at;
  }

  async #go(url, request) {
    for (let hop = 0; hop < REDIRECTS_MAX; hop += 1) {
      if (url.origin !== this.#origin) return { left: url, posted: request.body };
      const response = await fetch(url, { ...request, redirect: 'manual', headers: { accept: 'text/html', ...this.#cookieHeader() } });
      this.#keepCookies(response);
      const location = response.headers.get('location');
      if (!location) return { page: await pageOf(url, response) };
      assert([302, 303].includes(response.status), `a redirect with status ${response.status} (RFC 9700 §4.12)`);
      url = new URL(location, url);
      request = { method: 'GET' };
    }
    throw new Error('too many redirects');
  }

  #cookieHeader() {
    return this.#cookies.size ? { cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ') } : {};
  }

  #keepCookies(response) {
    for (const line of response.headers.getSetCookie()) {
      const [pair, ...flags] = line.split(';').map((part) => part.trim());
      const [name, value] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)];
      // One cookie is for the script of the session frame (OpenID Connect Session Management §3.2).
      assert(flags.includes('HttpOnly') !== name.endsWith('_state'), `flags of ${name}: ${flags}`);
      assert(flags.includes('SameSite=Lax') && flags.includes('Path=/'), `flags of ${name}: ${flags}`);
      if (flags.includes('Max-Age=0')) this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
  }
}

// Whether the page's form is an app's (OAuth 2.0 Form Post Response Mode): a script would submit it.
function leadsAway({ dom, url }) {
  const action = dom.querySelector('form')?.getAttribute('action');
  return action !== undefined && new URL(action, url).origin !== url.origin;
}

async function pageOf(url, response) {
  assert.match(response.headers.get('content-type') ?? '', /^text\/html; ?charset=utf-8$/i);
  const dom = parse(await response.text());
  return { url, status: response.status, dom, title: dom.querySelector('title')?.text ?? '' };
}

function filledIn(form, button) {
  const pairs = [];
  for (const field of form.querySelectorAll('input[name], select[name]')) {
    if (field.hasAttribute('disabled')) continue;
    const name = field.getAttribute('name');
    if (field.tagName === 'SELECT') {
      const option = field.querySelector('option[selected]') ?? field.querySelector('option');
      if (option) pairs.push([name, option.getAttribute('value') ?? option.text]);
      continue;
    }
    const ticked = !['checkbox', 'radio'].includes(field.getAttribute('type')) || field.hasAttribute('checked');
    if (ticked) pairs.push([name, field.getAttribute('value') ?? '']);
  }
  if (button.getAttribute('name')) pairs.push([button.getAttribute('name'), button.getAttribute('value') ?? '']);
  return pairs;
}
