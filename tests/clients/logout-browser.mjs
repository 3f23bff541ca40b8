// Signing out of several apps in a real browser: the apps' own pages are loaded, and a frame tells an app when the session is over.
//
//     node logout-browser.mjs ISSUER USERNAME PASSWORD
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { chromium } from 'playwright-core';
import { chapter, finish, step } from './steps.mjs';

const [issuer, username, password] = process.argv.slice(2);
if (!password) throw new Error('usage: node logout-browser.mjs ISSUER USERNAME PASSWORD');
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-sync'];

// An app whose tokens do not matter: it notes what a browser asks it for, and can be slow about it.
class Bystander {
  static async start(slow = 0) {
    const app = new Bystander();
    app.asked = [];
    app.server = createServer((request, response) => {
      const url = new URL(request.url, app.origin);
      app.asked.push(url);
      const answer = () => response.writeHead(200, { 'content-type': 'text/html', 'set-cookie': 'seen=1' }).end('<!DOCTYPE html><title>App</title><p>App</p>');
      setTimeout(answer, url.pathname === '/out' ? slow : 0);
    });
    await new Promise((listening) => app.server.listen(0, '127.0.0.1', listening));
    app.origin = `http://127.0.0.1:${app.server.address().port}`;
    const metadata = {
      client_name: 'Bystander',
      redirect_uris: [`${app.origin}/callback`],
      post_logout_redirect_uris: [`${app.origin}/signed-out`],
      frontchannel_logout_uri: `${app.origin}/out?app=1`,
      frontchannel_logout_session_required: true,
      scope: 'openid',
    };
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${issuer}/registration`, { method: 'POST', headers, body: JSON.stringify(metadata) });
    assert.equal(answer.status, 201);
    app.client = await answer.json();
    return app;
  }

  // The way of a browser to a code; the answer's parameters.
  async signIn(page) {
    const redirect_uri = `${this.origin}/callback`;
    const query = { response_type: 'code', client_id: this.client.client_id, redirect_uri, scope: 'openid', state: 's' };
    await page.goto(`${issuer}/authorize?${new URLSearchParams(query)}`);
    if (await page.locator('#username').count()) {
      await page.fill('#username', username);
      await page.fill('#password', password);
      await page.locator('button.primary').click();
    }
    if (await page.locator('button[value=deny]').count()) await page.locator('button.primary').click();
    await page.waitForURL((url) => url.origin === this.origin);
    return Object.fromEntries(new URL(page.url()).searchParams);
  }

  async idToken(code) {
    const { client_id, client_secret } = this.client;
    const body = new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: `${this.origin}/callback` });
    const headers = { authorization: `Basic ${btoa(`${client_id}:${client_secret}`)}` };
    return (await (await fetch(`${issuer}/token`, { method: 'POST', headers, body })).json()).id_token;
  }

  framed() {
    return this.asked.filter((url) => url.pathname === '/out');
  }
}

// What the server's frame answers on a page of the app.
async function framesAnswer(page, app, text) {
  await page.goto(`${app.origin}/`);
  return page.evaluate(
    ([src, text]) =>
      new Promise((answered) => {
        const frame = document.createElement('iframe');
        addEventListener('message', (event) => event.source === frame.contentWindow && answered(event.data));
        frame.onload = () => frame.contentWindow.postMessage(text, new URL(src).origin);
        frame.src = src;
        document.body.append(frame);
      }),
    [`${issuer}/check-session`, text],
  );
}

async function withPage(options, run) {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
  page.on('console', (message) => message.type() === 'error' && !/status of 4\d\d/.test(message.text()) && complaints.push(message.text()));
  try {
    await run(page);
    await step('the pages made no error', async () => assert.deepEqual(complaints, []));
  } finally {
    await context.close();
  }
}

async function signingOut(page, apps) {
  const [first, ...others] = apps;
  const answer = await step('the person signs in at every app', async () => {
    const answer = await first.signIn(page);
    for (const app of others) await app.signIn(page);
    return answer;
  });
  const idToken = await first.idToken(answer.code);
  const { sid } = JSON.parse(Buffer.from(idToken.split('.')[1], 'base64url'));
  await step('signing out of one loads the page of each, with issuer and session, and goes on', async () => {
    const query = { id_token_hint: idToken, post_logout_redirect_uri: `${first.origin}/signed-out`, state: 'a b' };
    await page.goto(`${issuer}/logout?${new URLSearchParams(query)}`);
    await page.waitForURL((url) => url.origin === first.origin && url.pathname === '/signed-out');
    assert.equal(new URL(page.url()).searchParams.get('state'), 'a b');
    for (const app of apps) {
      const [asked, ...more] = app.framed();
      assert.deepEqual(Object.fromEntries(asked.searchParams), { app: '1', iss: issuer, sid });
      assert.equal(more.length, 0);
    }
  });
}

async function watching(page, app) {
  const told = await step('the answer has a session_state', async () => {
    const answer = await app.signIn(page);
    assert.match(answer.session_state, /^[\w-]{43}\.[\w-]{22}$/);
    return answer.session_state;
  });
  const asks = (text) => framesAnswer(page, app, text);
  const { client_id } = app.client;
  await step('the frame says unchanged as long as the person is signed in', async () => {
    assert.equal(await asks(`${client_id} ${told}`), 'unchanged');
    assert.equal(await asks(`${client_id} ${told}`), 'unchanged');
  });
  await step('another client, or a changed word, is changed; nonsense is an error', async () => {
    const bent = (told.startsWith('A') ? 'B' : 'A') + told.slice(1);
    for (const text of [`other ${told}`, `${client_id} ${bent}`]) assert.equal(await asks(text), 'changed');
    for (const nonsense of ['', client_id, `${client_id}  ${told}`, `${client_id} ${told} `]) assert.equal(await asks(nonsense), 'error');
  });
  await step('and changed when they have signed out', async () => {
    await page.goto(`${issuer}/logout`);
    await page.locator('button.primary').click();
    await page.locator('iframe').waitFor({ state: 'attached' });
    assert.equal(await asks(`${client_id} ${told}`), 'changed');
  });
}

const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: FLAGS });
const apps = [];
try {
  for (const slow of [0, 0, 60_000]) apps.push(await Bystander.start(slow));
  const [first, second, never] = apps;
  const forget = () => apps.forEach((app) => (app.asked.length = 0));
  await chapter('signing out of two apps', () => withPage({}, (page) => signingOut(page, [first, second])));
  forget();
  await chapter('without scripts', () => withPage({ javaScriptEnabled: false }, (page) => signingOut(page, [first, second])));
  forget();
  await chapter('of an app whose page never comes', () => withPage({}, (page) => signingOut(page, [first, never])));
  forget();
  await chapter('an app that watches the session', () => withPage({}, (page) => watching(page, first)));
} finally {
  await browser.close();
  apps.forEach((app) => app.server.closeAllConnections() ?? app.server.close());
}
finish();
