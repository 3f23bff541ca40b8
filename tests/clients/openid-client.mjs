// The whole life of an app with the library `openid-client`, once for each way a client may authenticate.
//
//     node openid-client.mjs ISSUER USERNAME PASSWORD
import assert from 'node:assert/strict';
import * as oidc from 'openid-client';
import { FormBrowser } from './form-browser.mjs';
import { chapter, finish, step } from './steps.mjs';

const [issuer, username, password] = process.argv.slice(2);
if (!password) throw new Error('usage: node openid-client.mjs ISSUER USERNAME PASSWORD');

const REDIRECT_URI = 'https://witness.example.org/callback';
const LOGOUT_URI = 'https://witness.example.org/signed-out?from=writ';
const SCOPE = 'openid profile email offline_access';

const WAYS = {
  client_secret_basic: (secret) => oidc.ClientSecretBasic(secret),
  client_secret_post: (secret) => oidc.ClientSecretPost(secret),
  none: () => oidc.None(),
};

for (const [method, authenticate] of Object.entries(WAYS)) {
  await chapter(`openid-client with token_endpoint_auth_method=${method}`, () => life(method, authenticate));
}
finish();

async function life(method, authenticate) {
  const config = await step('discovers the server and registers', () => register(method, authenticate));
  const browser = new FormBrowser(issuer);
  const first = await step('a person signs in and consents, the code becomes tokens', () => authorize(config, browser, { signIn: true }));
  await step('the ID token says who signed in', () => checkIdToken(config, first));
  await step('userinfo names the same person', () => checkUserInfo(config, first));
  const second = await step('a refresh gives new tokens', () => refresh(config, first.refresh_token));

  const other = await step('another grant comes without a second sign-in', () => authorize(config, browser, { signIn: false }));
  await step('a refresh token used again is refused and ends its grant', () => reuse(config, other));
  if (method !== 'none') {
    await step('introspection knows the living and the dead', () => checkIntrospection(config, second, other));
  }
  await step('a revoked access token is dead, its refresh token is not', () => revokeAccess(config, second));
  const third = await refresh(config, second.refresh_token);
  await step('a revoked refresh token takes its access token along', () => revokeRefresh(config, third));

  const last = await step('a third grant, to be ended by signing out', () => authorize(config, browser, { signIn: false }));
  await step('signing out comes back to the app with its state', () => signOut(config, browser, last));
  await step('nothing of that session is alive', () => checkDead(config, last));
  await step('the next authorization asks for the password again', () => checkSignInAsked(config, browser));
}

async function register(method, authenticate) {
  const metadata = {
    client_name: `openid-client ${method}`,
    redirect_uris: [REDIRECT_URI],
    post_logout_redirect_uris: [LOGOUT_URI],
    token_endpoint_auth_method: method,
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    scope: SCOPE,
  };
  const options = { execute: [oidc.allowInsecureRequests] };
  const registered = await oidc.dynamicClientRegistration(new URL(issuer), metadata, oidc.None(), options);
  const { client_id, client_secret, token_endpoint_auth_method } = registered.clientMetadata();
  assert.equal(client_id.length, 43);
  assert.equal(client_secret?.length, method === 'none' ? undefined : 86);
  assert.equal(token_endpoint_auth_method, method);
  assert.equal(registered.serverMetadata().issuer, issuer);
  return oidc.discovery(new URL(issuer), client_id, { token_endpoint_auth_method: method }, authenticate(client_secret), options);
}

async function authorize(config, browser, { signIn }) {
  const pkceCodeVerifier = oidc.randomPKCECodeVerifier();
  const [expectedState, expectedNonce] = [oidc.randomState(), oidc.randomNonce()];
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri: REDIRECT_URI,
    scope: SCOPE,
    state: expectedState,
    nonce: expectedNonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    prompt: signIn ? undefined : 'consent',
  });
  if (signIn) url.searchParams.delete('prompt');
  let at = await browser.open(url);
  if (signIn) {
    assert.match(at.page.title, /Sign in/);
    at = await browser.submit(at.page, 'button.primary', { username, password });
  }
  assert(at.page?.dom.querySelector('button[value=deny]'), `a consent page is shown, not ${at.page?.title ?? at.left}`);
  at = await browser.submit(at.page, 'button.primary');
  assert.equal(at.left.origin + at.left.pathname, REDIRECT_URI);
  const tokens = await oidc.authorizationCodeGrant(config, at.left, {
    pkceCodeVerifier,
    expectedState,
    expectedNonce,
    idTokenExpected: true,
  });
  assert(tokens.access_token && tokens.refresh_token && tokens.expiresIn() > 3500);
  return tokens;
}

function checkIdToken(config, tokens) {
  const claims = tokens.claims();
  assert.equal(claims.iss, issuer);
  assert.equal(claims.aud, config.clientMetadata().client_id);
  assert.match(claims.sub, /^[0-9a-f-]{36}$/);
  assert.equal(JSON.parse(atob(tokens.id_token.split('.')[0])).alg, 'RS256');
}

async function checkUserInfo(config, tokens) {
  const { sub } = tokens.claims();
  const claims = await oidc.fetchUserInfo(config, tokens.access_token, sub);
  assert.equal(claims.sub, sub);
}

async function refresh(config, refreshToken) {
  const tokens = await oidc.refreshTokenGrant(config, refreshToken);
  assert(tokens.access_token && tokens.refresh_token);
  assert.notEqual(tokens.refresh_token, refreshToken);
  return tokens;
}

// The successor is used first: until then a confidential client may ask again for a lost answer.
async function reuse(config, tokens) {
  const successor = await refresh(config, tokens.refresh_token);
  const living = await refresh(config, successor.refresh_token);
  await refused(oidc.refreshTokenGrant(config, tokens.refresh_token), 'invalid_grant');
  await refused(oidc.refreshTokenGrant(config, living.refresh_token), 'invalid_grant');
  await checkDead(config, { ...living, claims: tokens.claims });
}

async function checkIntrospection(config, living, dead) {
  const active = await oidc.tokenIntrospection(config, living.access_token);
  assert.deepEqual([active.active, active.client_id, active.iss], [true, config.clientMetadata().client_id, issuer]);
  assert(Number.isInteger(active.exp));
  assert.equal((await oidc.tokenIntrospection(config, living.refresh_token, { token_type_hint: 'refresh_token' })).active, true);
  for (const token of [dead.access_token, dead.refresh_token, 'invalid_token_value']) {
    assert.equal((await oidc.tokenIntrospection(config, token)).active, false);
  }
}

async function revokeAccess(config, tokens) {
  await oidc.tokenRevocation(config, tokens.access_token);
  await oidc.tokenRevocation(config, tokens.access_token, { token_type_hint: 'access_token' });
  await refused(oidc.fetchUserInfo(config, tokens.access_token, oidc.skipSubjectCheck));
}

async function revokeRefresh(config, tokens) {
  await oidc.fetchUserInfo(config, tokens.access_token, oidc.skipSubjectCheck);
  await oidc.tokenRevocation(config, tokens.refresh_token, { token_type_hint: 'refresh_token' });
  await checkDead(config, tokens);
}

async function signOut(config, browser, tokens) {
  const url = oidc.buildEndSessionUrl(config, {
    id_token_hint: tokens.id_token,
    post_logout_redirect_uri: LOGOUT_URI,
    state: 'state & more',
  });
  const { left } = await browser.open(url);
  assert.equal(left?.href, `${LOGOUT_URI}&state=state+%26+more`);
}

async function checkDead(config, tokens) {
  await refused(oidc.fetchUserInfo(config, tokens.access_token, oidc.skipSubjectCheck));
  await refused(oidc.refreshTokenGrant(config, tokens.refresh_token), 'invalid_grant');
}

async function checkSignInAsked(config, browser) {
  const { page } = await browser.open(
    oidc.buildAuthorizationUrl(config, {
      redirect_uri: REDIRECT_URI,
      scope: 'openid',
      code_challenge: await oidc.calculatePKCECodeChallenge(oidc.randomPKCECodeVerifier()),
      code_challenge_method: 'S256',
    }),
  );
  assert(page?.dom.querySelector('input[type=password]'), 'the sign-in page is shown');
}

async function refused(promise, error) {
  const reason = await promise.then(
    () => assert.fail('this should have been refused'),
    (why) => why,
  );
  if (error) assert.equal(reason.error, error, reason.stack);
  else assert.equal(reason.response?.status ?? reason.cause?.[0]?.response?.status ?? reason.status, 401, reason.stack);
}
