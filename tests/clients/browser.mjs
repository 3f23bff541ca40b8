// People with Chromium: with and without JavaScript, with the keyboard alone, on a phone and at a desk.
//
//     node browser.mjs ISSUER USERNAME PASSWORD SCREENSHOT_DIRECTORY
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { chromium } from 'playwright-core';
import { SmallApp } from './small-app.mjs';
import { chapter, finish, step } from './steps.mjs';
import { Visit } from './visit.mjs';

const [issuer, username, password, screenshots] = process.argv.slice(2);
if (!screenshots) throw new Error('usage: node browser.mjs ISSUER USERNAME PASSWORD SCREENSHOT_DIRECTORY');
const CHROMIUM = '/usr/bin/chromium';
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-sync'];
const PHONE = { width: 390, height: 844 };
const DESK = { width: 1280, height: 800 };

await mkdir(screenshots, { recursive: true });
let app;
const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
try {
  for (const [name, options] of Object.entries({
    'with JavaScript at a desk': { viewport: DESK, javaScriptEnabled: true },
    'without JavaScript on a phone': { viewport: PHONE, javaScriptEnabled: false },
  })) {
    await chapter(`a person ${name}`, () => withPage(options, (visit) => life(visit)));
  }
  await chapter('a person with a keyboard alone', () => withPage({ viewport: DESK }, (visit) => keyboard(visit)));
  await chapter('a dark phone', () => withPage({ viewport: PHONE, colorScheme: 'dark' }, (visit) => errors(visit)));
} finally {
  await browser.close();
}
finish();

// A fresh browser profile and an app nobody has consented to yet. Whatever the pages log, throw or load from elsewhere is a failure of the chapter.
async function withPage(options, run) {
  const context = await browser.newContext(options);
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  app = await SmallApp.start(issuer);
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(`error: ${error.message}`));
  page.on('console', (message) => message.type() === 'error' && !/status of 4\d\d/.test(message.text()) && complaints.push(message.text()));
  page.on('request', (request) => {
    const { origin } = new URL(request.url());
    if (![new URL(issuer).origin, app.origin].includes(origin)) complaints.push(`a request to ${origin}`);
  });
  try {
    await run(new Visit(page, app, screenshots, options.viewport.width));
    await step('the pages made no error and asked nobody else', async () => assert.deepEqual(complaints, []));
  } finally {
    await context.close();
    app.server.close();
  }
}

async function life(visit) {
  const { page } = visit;
  await step('the sign-in page names the app and where it lives', async () => {
    await page.goto(app.authorizationUrl());
    await visit.look('sign-in');
    assert.match(await page.title(), /^Sign in/);
    assert.match(await page.locator('main').textContent(), /Growth Chart/);
    assert.equal(await page.evaluate(() => document.activeElement.id), 'username');
    assert.equal(await page.locator('#username').getAttribute('autocomplete'), 'username');
    assert.equal(await page.locator('#password').getAttribute('autocomplete'), 'current-password');
  });
  await step('a wrong password is said, and the name is kept', async () => {
    await page.fill('#username', username);
    await page.fill('#password', `${password}?`);
    await visit.press('button.primary');
    await page.locator('[role=alert]').waitFor();
    await visit.look('sign-in-wrong');
    assert.match(await page.title(), /^Error: /);
    assert.equal(await page.inputValue('#password'), '');
    assert.equal(await page.locator('#password').getAttribute('aria-describedby'), 'error');
  });
  await step('the right one leads to consent', async () => {
    await page.fill('#username', username);
    await page.fill('#password', password);
    await visit.press('button.primary');
    await page.locator('button[value=deny]').waitFor();
    await visit.look('consent');
    assert.match(await page.locator('main').textContent(), new RegExp(username));
  });
  await step('who denies is brought back with access_denied', async () => {
    await visit.press('button[value=deny]');
    assert.equal(await visit.told(), 'refused: access_denied');
  });
  await step('who allows a part gives that part', async () => {
    await page.goto(app.authorizationUrl());
    await page.locator('button[value=deny]').waitFor();
    await page.locator('input[value="patient/Observation.rs"]').uncheck();
    await visit.look('consent-in-part');
    await visit.press('button.primary');
    const scopes = (await visit.told()).replace('scope: ', '').split(' ');
    assert(scopes.includes('openid') && scopes.includes('patient/Patient.rs'), scopes.join(' '));
    assert(!scopes.includes('patient/Observation.rs'), scopes.join(' '));
    assert.equal(await app.userinfoStatus(), 200);
  });
  await step('signing out without proof is asked first', async () => {
    await page.goto(app.logoutUrl(false));
    await visit.look('sign-out');
    assert.match(await page.title(), /^Error: Sign out\?/);
    assert.match(await page.textContent('[role=alert]'), /no id_token_hint/);
    await visit.press('button.primary');
    await page.locator('h1', { hasText: 'Signed out' }).waitFor();
    await visit.look('signed-out');
    assert.equal(await app.userinfoStatus(), 401);
  });
  await step('signing out with the ID token comes straight back', async () => {
    await page.goto(app.authorizationUrl());
    await page.fill('#username', username);
    await page.fill('#password', password);
    await visit.press('button.primary');
    await page.waitForURL((url) => url.origin === app.origin || url.pathname.endsWith('/consent'));
    if (!page.url().startsWith(app.origin)) await visit.press('button.primary');
    await visit.told();
    await page.goto(app.logoutUrl(true));
    assert.equal(await visit.told(), '/signed-out bye');
    assert.equal(await app.userinfoStatus(), 401);
  });
}

async function keyboard(visit) {
  const { page } = visit;
  const tabTo = async (selector) => {
    for (let presses = 0; presses < 40; presses += 1) {
      if (await page.evaluate((wanted) => document.activeElement.matches(wanted), selector)) return assertFocusShows(page);
      await page.keyboard.press('Tab');
    }
    assert.fail(`${selector} is not reached with Tab`);
  };
  await step('signs in by typing', async () => {
    await page.goto(app.authorizationUrl());
    await page.keyboard.type(username);
    await page.keyboard.press('Tab');
    await page.keyboard.type(password);
    await tabTo('button.primary');
    await page.keyboard.press('Enter');
    await page.locator('button[value=deny]').waitFor();
  });
  await step('unticks a scope and allows the rest', async () => {
    await tabTo('input[value="email"]');
    await page.keyboard.press('Space');
    await tabTo('button.primary');
    await visit.look('keyboard-consent');
    await page.keyboard.press('Enter');
    const scopes = (await visit.told()).replace('scope: ', '').split(' ');
    assert(scopes.includes('openid') && !scopes.includes('email'), scopes.join(' '));
  });
  await step('signs out', async () => {
    await page.goto(`${issuer}/logout`);
    await tabTo('button.primary');
    await page.keyboard.press('Enter');
    await page.locator('h1', { hasText: 'Signed out' }).waitFor();
  });
}

async function assertFocusShows(page) {
  const outline = await page.evaluate(() => {
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(document.activeElement);
    return (outlineStyle !== 'none' && parseFloat(outlineWidth) >= 1) || boxShadow !== 'none';
  });
  assert(outline, 'the focus is visible');
}

async function errors(visit) {
  const { page } = visit;
  await step('a link with a foreign redirect_uri ends on our own page', async () => {
    const url = new URL(app.authorizationUrl());
    url.searchParams.set('redirect_uri', 'https://evil.example/<script>');
    const response = await page.goto(url.href);
    await visit.look('error-redirect-uri');
    assert.equal(response.status(), 400);
    const text = await page.locator('main').textContent();
    assert(text.includes('redirect_uri') && !text.includes('evil.example'), text);
    assert(text.includes(response.headers()['x-request-id']), 'the page names the request');
  });
  await step('a forged sign-out link changes nothing', async () => {
    const response = await page.goto(`${issuer}/logout?id_token_hint=a.b.c`);
    await visit.look('error-logout');
    assert.equal(response.status(), 400);
  });
  await step('the sign-in page in the dark', async () => {
    await page.goto(app.authorizationUrl());
    await visit.look('sign-in-dark');
  });
}
