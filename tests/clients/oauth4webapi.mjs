// The whole life of an app with the library `oauth4webapi`, once for each kind of key a client may sign with; then what must not
// work, as the library tells it.
//
//     node oauth4webapi.mjs ISSUER USERNAME PASSWORD
import assert from 'node:assert/strict';
import * as oauth from 'oauth4webapi';
import { FormBrowser } from './form-browser.mjs';
import { OauthApp } from './oauth4webapi-app.mjs';
import { chapter, finish, step } from './steps.mjs';

const [issuer, username, password] = process.argv.slice(2);
if (!password) throw new Error('usage: node oauth4webapi.mjs ISSUER USERNAME PASSWORD');
const person = { username, password };

// What the client signs with, and what it wants its ID tokens signed with.
const KEYS = { ES256: 'ES256', RS384: undefined, PS256: 'PS256', ES384: 'RS256', Ed25519: 'EdDSA' };

for (const [alg, idTokenAlg] of Object.entries(KEYS)) {
  await chapter(`oauth4webapi with private_key_jwt and ${alg}`, () => life(alg, idTokenAlg));
}
await chapter('oauth4webapi with signed userinfo and a subject of its own', () => privately());
await chapter('oauth4webapi with answers that are not for it', () => foreignAnswers());
await chapter('oauth4webapi is refused', () => refusals());
finish();

async function life(alg, idTokenAlg) {
  const app = await step('discovers the server and registers its key', () => OauthApp.register(issuer, { alg, idTokenAlg }));
  const browser = new FormBrowser(issuer);
  const first = await step('a person signs in, the code becomes tokens, the ID token is signed as asked', async () => {
    const { tokens, header } = await app.authorize(browser, person);
    assert.equal(header.alg, idTokenAlg ?? 'RS256');
    return tokens;
  });
  await step('userinfo names the same person', async () => {
    const { sub } = oauth.getValidatedIdTokenClaims(first);
    assert.equal((await app.userinfo(first, sub)).sub, sub);
  });
  const second = await step('a refresh gives new tokens', () => app.refresh(first));
  await step('introspection knows the token and the client', async () => {
    const answer = await app.introspect(second.access_token);
    assert.deepEqual([answer.active, answer.client_id, answer.iss], [true, app.client.client_id, issuer]);
  });
  await step('after its revocation a refresh token and its access token are dead', async () => {
    await app.revoke(second.refresh_token);
    for (const token of [second.access_token, second.refresh_token]) assert.equal((await app.introspect(token)).active, false);
    await refused(app.refresh(second), { error: 'invalid_grant', status: 400 });
  });
  await step('userinfo challenges for another token', async () => {
    const challenge = await challenged(app.userinfo(second, oauth.skipSubjectCheck));
    assert.deepEqual([challenge.scheme, challenge.parameters.error], ['bearer', 'invalid_token']);
  });
}

async function privately() {
  const browser = new FormBrowser(issuer);
  const subjectOf = async (metadata) => {
    const app = await OauthApp.register(issuer, { alg: 'ES256', metadata });
    const { tokens } = await app.authorize(browser, person);
    const { sub } = oauth.getValidatedIdTokenClaims(tokens);
    return { app, tokens, sub };
  };
  await step('userinfo is a JWT for this client, signed as it registered', async () => {
    const { app, tokens, sub } = await subjectOf({ userinfo_signed_response_alg: 'ES256' });
    assert.equal((await app.userinfo(tokens, sub)).email, 'amelia@example.org');
  });
  await step('two apps cannot tell that they know the same person', async () => {
    const metadata = { subject_type: 'pairwise' };
    const [one, other] = [await subjectOf(metadata), await subjectOf({ ...metadata, redirect_uris: [OauthApp.OTHER_REDIRECT_URI] })];
    assert.notEqual(one.sub, other.sub);
    assert.equal((await other.app.userinfo(other.tokens, other.sub)).sub, other.sub);
  });
}

async function foreignAnswers() {
  await step('an issuer that is not its own is not believed', async () => {
    await own(OauthApp.discover(issuer, new URL('https://other.example/oauth2/default')), oauth.JSON_ATTRIBUTE_COMPARISON);
  });
  const app = await step('registers', () => OauthApp.register(issuer, { alg: 'ES256' }));
  const browser = new FormBrowser(issuer);
  const asked = await app.asks();
  const left = await step('gets an answer', () => browser.consent(asked.url, person));
  await step('an answer of another server, of no server or to another question is not taken', async () => {
    for (const change of [(query) => query.set('iss', 'https://other.example'), (query) => query.delete('iss'), (query) => query.set('state', 'x')]) {
      const other = new URL(left);
      change(other.searchParams);
      await own(app.redeem(asked, other), oauth.INVALID_RESPONSE);
    }
  });
  await step('an ID token for another sign-in is not taken', () => own(app.redeem({ ...asked, nonce: 'another' }, left), oauth.JWT_CLAIM_COMPARISON));
}

async function refusals() {
  const app = await step('registers', () => OauthApp.register(issuer, { alg: 'ES256' }));
  const browser = new FormBrowser(issuer);
  await step('a person says no', async () => {
    const asked = await app.asks();
    const left = await browser.consent(asked.url, person, 'button[value=deny]');
    const why = await failed(app.redeem(asked, left));
    assert.deepEqual([why.code, why.error], [oauth.AUTHORIZATION_RESPONSE_ERROR, 'access_denied']);
  });
  await step('a code used twice, or without its verifier', async () => {
    const asked = await app.asks();
    const left = await browser.consent(asked.url, person);
    const { tokens } = await app.redeem(asked, left);
    await refused(app.redeem(asked, left), { error: 'invalid_grant', status: 400 });
    assert.equal((await app.introspect(tokens.access_token)).active, false);
    const again = await app.asks({ prompt: 'consent' });
    const other = { ...again, verifier: oauth.generateRandomCodeVerifier() };
    await refused(app.redeem(other, await browser.consent(again.url, person)), { error: 'invalid_grant', status: 400 });
  });
  const { tokens } = await step('gets tokens', () => app.authorize(browser, person));
  await step('another key, and an assertion used twice', async () => {
    const stranger = app.with(await OauthApp.authentication('ES256'));
    await refused(stranger.refresh(tokens), { error: 'invalid_client', status: 400 });
    const twice = app.with(await app.sameAssertion('once'));
    const fresh = await twice.refresh(tokens);
    await refused(twice.refresh(fresh), { error: 'invalid_client', status: 400 });
  });
  await step('a registration whose redirect_uri is no URL', async () => {
    const request = OauthApp.register(issuer, { alg: 'ES256', metadata: { redirect_uris: ['callback'] } });
    await refused(request, { error: 'invalid_redirect_uri', status: 400 });
  });
}

// What the promise fails with.
async function failed(promise) {
  return promise.then(
    () => assert.fail('this should have been refused'),
    (why) => why,
  );
}

// The server refuses, in the words of RFC 6749 §5.2.
async function refused(promise, { error, status }) {
  const why = await failed(promise);
  assert.deepEqual([why.code, why.error, why.status], [oauth.RESPONSE_BODY_ERROR, error, status], why.stack);
}

// The server asks for a better token (RFC 6750 §3).
async function challenged(promise) {
  const why = await failed(promise);
  assert.deepEqual([why.code, why.status], [oauth.WWW_AUTHENTICATE_CHALLENGE, 401], why.stack);
  return why.cause[0];
}

// The library refuses by itself.
async function own(promise, code) {
  const why = await failed(promise);
  assert.equal(why.code, code, why.stack);
}
