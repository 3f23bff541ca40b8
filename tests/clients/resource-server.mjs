// docs/resource-server, run: nginx asks Writ about every call of a small FHIR stand-in, and an app makes the thread's calls through it.
// Usage: node resource-server.mjs WRIT DATA ISSUER USERNAME PASSWORD
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createListener } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { FormBrowser } from './form-browser.mjs';
import { chapter, finish, step } from './steps.mjs';

const [writ, data, issuer, username, password] = process.argv.slice(2);
const site = issuer.split('/').at(-1);
const recipe = resolve(import.meta.dirname, '../../docs/resource-server');
const scratch = mkdtempSync(join(tmpdir(), 'writ-nginx-'));
const redirectUri = 'https://client.example.org/callback';
const patient = { resourceType: 'Patient', name: [{ family: 'Hart', given: ['Rosa'] }] };

const fhir = await fhirStandIn();
let nginx;
let resourceServer;
try {
  await chapter('nginx asks Writ', async () => {
    const api = await step('nginx starts with the recipe', startNginx);
    await calls(api);
    await theWayOut(api);
  });
} finally {
  nginx?.kill('SIGTERM');
  if (nginx && nginx.exitCode === null) await once(nginx, 'exit');
  fhir.close();
  rmSync(scratch, { recursive: true });
}
finish();

async function calls(api) {
  const browser = new FormBrowser(issuer);
  const app = await step('an app registers as the thread does', () => register('api:fhir openid email'));
  const tokens = await step('and gets its tokens', () => signIn(browser, app, 'openid email api:fhir'));
  await step('POST /fhir/Patient with the token answers 201', async () => {
    const answer = await call(api, tokens.access_token);
    assert.equal(answer.status, 201);
    const body = await answer.json();
    assert.deepEqual([body.validationErrors, body.internalErrors, body.data.pid], [[], [], 511]);
  });
  await step('the API is told who calls, and a client cannot say so itself', async () => {
    const told = fhir.last;
    assert.equal(told['x-writ-sub'], claims(tokens.access_token).sub);
    assert.equal(told['x-writ-client'], app.client_id);
    assert.ok(told['x-writ-scope'].split(' ').includes('api:fhir'));
    assert.equal(told.authorization, undefined);
    await call(api, tokens.access_token, { 'x-writ-sub': 'somebody-else' });
    assert.equal(fhir.last['x-writ-sub'], claims(tokens.access_token).sub);
  });
  await step('without the scope of the family it is 403 and the scope is named', async () => {
    for (const family of ['api', 'portal', 'portalfhir', 'unheard-of']) {
      const answer = await call(api, tokens.access_token, {}, family);
      assert.equal(answer.status, family === 'unheard-of' ? 404 : 403, family);
    }
    const narrow = await signIn(new FormBrowser(issuer), app, 'openid email');
    const answer = await call(api, narrow.access_token);
    assert.equal(answer.status, 403);
    assert.match(answer.headers.get('www-authenticate'), /^Bearer realm="writ", error="insufficient_scope", scope="api:fhir"$/);
  });
  await step('without a token, or with one in the address, it is 401 with a bare challenge', async () => {
    for (const answer of [await call(api), await call(`${api}?access_token=${tokens.access_token}`)]) {
      assert.equal(answer.status, 401);
      assert.equal(answer.headers.get('www-authenticate'), 'Bearer realm="writ"');
    }
  });
  await step('what is no token of this site is 401 invalid_token', async () => {
    const forged = tokens.access_token.replace(/[^.]+$/, (signature) => [...signature].reverse().join(''));
    for (const token of ['x', 'a.b.c', forged, tokens.id_token, tokens.refresh_token]) invalid(await call(api, token));
  });
  await step('a good token at the address of another site is 401 invalid_token', async () => {
    invalid(await call(api.replace(`/apis/${site}/`, '/apis/another/'), tokens.access_token));
  });
  await step('after the sign-out the same call answers 401', async () => {
    const hint = new URLSearchParams({ id_token_hint: tokens.id_token });
    assert.equal((await fetch(`${issuer}/logout?${hint}`)).status, 200);
    const before = fhir.count;
    invalid(await call(api, tokens.access_token));
    assert.equal(fhir.count, before, 'the API was not even asked');
  });
}

async function theWayOut(api) {
  const app = await step('another app', () => register('openid api:fhir'));
  const tokens = await step('is signed in', () => signIn(new FormBrowser(issuer), app, 'openid api:fhir'));
  await step('a disabled client is out with the next call, and in again', async () => {
    administer('client', 'disable', app.client_id);
    invalid(await call(api, tokens.access_token));
    administer('client', 'enable', app.client_id);
    assert.equal((await call(api, tokens.access_token)).status, 201);
  });
  await step('a resource server that Writ does not believe lets nobody through', async () => {
    administer('client', 'disable', resourceServer.client_id);
    const answer = await call(api, tokens.access_token);
    assert.deepEqual([answer.status, answer.headers.get('retry-after')], [503, '2']);
    administer('client', 'enable', resourceServer.client_id);
  });
  await step('one that may not ask about every token lets nobody through either', async () => {
    administer('client', 'set', resourceServer.client_id, 'introspect_any=off');
    invalid(await call(api, tokens.access_token));
    administer('client', 'set', resourceServer.client_id, 'introspect_any=on');
    assert.equal((await call(api, tokens.access_token)).status, 201);
  });
}

function call(api, token, headers = {}, family = 'fhir') {
  const authorization = token ? { authorization: `Bearer ${token}` } : {};
  const body = JSON.stringify(patient);
  const url = api.replace('/fhir/', `/${family}/`);
  return fetch(url, { method: 'POST', headers: { 'content-type': 'application/json', ...authorization, ...headers }, body });
}

function invalid(answer) {
  assert.equal(answer.status, 401);
  assert.match(answer.headers.get('www-authenticate'), /^Bearer realm="writ", error="invalid_token"/);
}

// The thread's registration, credentials in the form.
async function register(scope) {
  const answer = await fetch(`${issuer}/registration`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      application_type: 'private',
      redirect_uris: [redirectUri],
      post_logout_redirect_uris: ['https://client.example.org/logout/callback'],
      client_name: 'A Private App',
      token_endpoint_auth_method: 'client_secret_post',
      contacts: ['me@example.org', 'them@example.org'],
      scope,
    }),
  });
  assert.equal(answer.status, 201);
  return answer.json();
}

async function signIn(browser, { client_id, client_secret }, scope) {
  const query = new URLSearchParams({ response_type: 'code', client_id, redirect_uri: redirectUri, scope, state: 'xyz' });
  const left = await browser.consent(`${issuer}/authorize?${query}`, { username, password });
  const code = left.searchParams.get('code');
  assert.ok(code, left.href);
  const body = new URLSearchParams({ grant_type: 'authorization_code', client_id, client_secret, redirect_uri: redirectUri, code });
  const answer = await fetch(`${issuer}/token`, { method: 'POST', body });
  assert.equal(answer.status, 200, await answer.clone().text());
  return answer.json();
}

function claims(token) {
  return JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
}

function administer(...words) {
  return execFileSync(writ, ['--data', data, '--site', site, ...words, '--output', 'json'], { encoding: 'utf8' });
}

// The API: it answers what the thread says and knows nothing of tokens.
async function fhirStandIn() {
  const server = createServer((request, response) => {
    Object.assign(server, { last: request.headers, count: (server.count ?? 0) + 1 });
    request.resume().on('end', () => {
      response.writeHead(201, { 'content-type': 'application/json' });
      const data = { pid: 511, uuid: '91e65743-aa8c-4a7e-a183-706912c92436' };
      response.end(JSON.stringify({ validationErrors: [], internalErrors: [], data }));
    });
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  return server;
}

// Fills the recipe's capitals in, and resolves to the address of the call when nginx answers.
async function startNginx() {
  const words = ['client', 'add', '--name', 'FHIR server', '--redirect-uri', 'https://fhir.example.org/unused', '--scope', 'openid'];
  resourceServer = JSON.parse(administer(...words));
  administer('client', 'set', resourceServer.client_id, 'introspect_any=on');
  const credentials = join(scratch, 'credentials.conf');
  const pair = Buffer.from(`${resourceServer.client_id}:${resourceServer.client_secret}`).toString('base64');
  writeFileSync(credentials, `proxy_set_header Authorization "Basic ${pair}";\n`);
  chmodSync(credentials, 0o600);
  const address = `127.0.0.1:${await freePort()}`;
  const filled = {
    WRIT_RECIPE: recipe,
    WRIT_ADDRESS: new URL(issuer).host,
    WRIT_HOST: new URL(issuer).host,
    WRIT_SITE: site,
    WRIT_CREDENTIALS: credentials,
    FHIR_ADDRESS: `127.0.0.1:${fhir.address().port}`,
    API_ADDRESS: address,
  };
  const text = Object.entries(filled).reduce((text, [word, is]) => text.replaceAll(word, is), readFileSync(join(recipe, 'nginx.conf'), 'utf8'));
  writeFileSync(join(scratch, 'nginx.conf'), `${outside()}\nhttp {\n${temporary()}\naccess_log off;\n${text}\n}\n`);
  const log = join(scratch, 'error.log');
  nginx = spawn('/usr/sbin/nginx', ['-p', scratch, '-e', log, '-c', join(scratch, 'nginx.conf')], { stdio: 'inherit' });
  for (let tries = 0; tries < 100 && nginx.exitCode === null; tries += 1) {
    const up = await fetch(`http://${address}/`).then(() => true, () => false);
    if (up) return `http://${address}/apis/${site}/fhir/Patient`;
    await new Promise((waited) => setTimeout(waited, 100));
  }
  throw new Error(`nginx did not start: ${readFileSync(log, 'utf8')}`);
}

function outside() {
  const module = '/usr/lib/nginx/modules/ngx_http_js_module.so';
  return `load_module ${module};\ndaemon off;\nworker_processes 1;\npid ${scratch}/nginx.pid;\nevents { worker_connections 64; }`;
}

function temporary() {
  const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return kinds.map((kind) => `${kind}_temp_path ${scratch}/${kind};`).join('\n');
}

async function freePort() {
  const listener = createListener();
  await new Promise((listening) => listener.listen(0, '127.0.0.1', listening));
  const { port } = listener.address();
  await new Promise((closed) => listener.close(closed));
  return port;
}
