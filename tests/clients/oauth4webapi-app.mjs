// An app built on the library `oauth4webapi`: one function a request, each answer read by the library.
import assert from 'node:assert/strict';
import * as oauth from 'oauth4webapi';

const REDIRECT_URI = 'https://witness.example.org/callback';
const SCOPE = 'openid profile email offline_access';
// The server under test listens on loopback http.
const OPTIONS = { [oauth.allowInsecureRequests]: true };

export class OauthApp {
  static OTHER_REDIRECT_URI = 'https://another.example.org/callback';

  constructor(server, client, authentication, key) {
    Object.assign(this, { server, client, authentication, key });
  }

  static async discover(issuer, expected = new URL(issuer)) {
    return oauth.processDiscoveryResponse(expected, await oauth.discoveryRequest(new URL(issuer), OPTIONS));
  }

  // How a client with a fresh key authenticates.
  static async authentication(alg) {
    return oauth.PrivateKeyJwt((await oauth.generateKeyPair(alg)).privateKey);
  }

  static async register(issuer, { alg, idTokenAlg, metadata = {} }) {
    const server = await OauthApp.discover(issuer);
    const keys = await oauth.generateKeyPair(alg, { extractable: true });
    const jwk = { ...(await crypto.subtle.exportKey('jwk', keys.publicKey)), kid: 'first', use: 'sig', key_ops: undefined };
    const request = {
      client_name: `oauth4webapi ${alg}`,
      redirect_uris: [REDIRECT_URI],
      token_endpoint_auth_method: 'private_key_jwt',
      token_endpoint_auth_signing_alg: alg,
      jwks: { keys: [jwk] },
      grant_types: ['authorization_code', 'refresh_token'],
      scope: SCOPE,
      ...(idTokenAlg ? { id_token_signed_response_alg: idTokenAlg } : {}),
      ...metadata,
    };
    const answer = await oauth.dynamicClientRegistrationRequest(server, request, OPTIONS);
    const client = await oauth.processDynamicClientRegistrationResponse(answer);
    assert.equal(client.client_secret, undefined);
    assert.equal(client.token_endpoint_auth_signing_alg, alg);
    const key = { key: keys.privateKey, kid: 'first' };
    return new OauthApp(server, client, oauth.PrivateKeyJwt(key), key);
  }

  // The same client, authenticating in another way.
  with(authentication) {
    return new OauthApp(this.server, this.client, authentication, this.key);
  }

  // Assertions that all have the same name, and so are one.
  async sameAssertion(jti) {
    return oauth.PrivateKeyJwt(this.key, { [oauth.modifyAssertion]: (_, payload) => Object.assign(payload, { jti }) });
  }

  // An authorization request, and what is needed to redeem its answer.
  async asks(further = {}) {
    const asked = { state: oauth.generateRandomState(), nonce: oauth.generateRandomNonce(), verifier: oauth.generateRandomCodeVerifier() };
    asked.url = new URL(this.server.authorization_endpoint);
    asked.url.search = new URLSearchParams({
      response_type: 'code',
      client_id: this.client.client_id,
      redirect_uri: this.client.redirect_uris[0],
      scope: SCOPE,
      state: asked.state,
      nonce: asked.nonce,
      code_challenge: await oauth.calculatePKCECodeChallenge(asked.verifier),
      code_challenge_method: 'S256',
      ...further,
    });
    return asked;
  }

  // The same, as an object that the client signs (RFC 9101).
  async asksSigned(further = {}) {
    const asked = await this.asks(further);
    const request = await oauth.issueRequestObject(this.server, this.client, asked.url.searchParams, this.key);
    asked.url.search = new URLSearchParams({ client_id: this.client.client_id, response_type: 'code', scope: 'openid', request });
    return asked;
  }

  // The tokens for an answer, with the ID token's header; its signature is checked with the server's keys.
  async redeem(asked, left) {
    return this.#exchange(asked, oauth.validateAuthResponse(this.server, this.client, left, asked.state));
  }

  // The same for an answer that has an ID token beside its code: in the fragment, or posted as a form.
  async redeemHybrid(asked, { left, posted }) {
    const answer = posted ? new Request(left, { method: 'POST', body: posted }) : left;
    const expected = [asked.nonce, asked.state, undefined, OPTIONS];
    return this.#exchange(asked, await oauth.validateCodeIdTokenResponse(this.server, this.client, answer, ...expected));
  }

  async #exchange({ nonce, verifier }, params) {
    const request = [params, this.client.redirect_uris[0], verifier, OPTIONS];
    const answer = await oauth.authorizationCodeGrantRequest(this.server, this.client, this.authentication, ...request);
    const expected = { expectedNonce: nonce, requireIdToken: true };
    const tokens = await oauth.processAuthorizationCodeResponse(this.server, this.client, answer, expected);
    await oauth.validateApplicationLevelSignature(this.server, answer, OPTIONS);
    assert(tokens.access_token && tokens.refresh_token && tokens.expires_in > 3500);
    return { tokens, header: JSON.parse(Buffer.from(tokens.id_token.split('.')[0], 'base64url')) };
  }

  async authorize(browser, person) {
    const asked = await this.asks({ prompt: 'consent' });
    return this.redeem(asked, await browser.consent(asked.url, person));
  }

  async userinfo(tokens, subject) {
    const answer = await oauth.userInfoRequest(this.server, this.client, tokens.access_token, OPTIONS);
    const claims = await oauth.processUserInfoResponse(this.server, this.client, subject, answer);
    if (this.client.userinfo_signed_response_alg) await oauth.validateApplicationLevelSignature(this.server, answer, OPTIONS);
    return claims;
  }

  async refresh(tokens) {
    const answer = await oauth.refreshTokenGrantRequest(this.server, this.client, this.authentication, tokens.refresh_token, OPTIONS);
    const fresh = await oauth.processRefreshTokenResponse(this.server, this.client, answer);
    if (fresh.id_token) await oauth.validateApplicationLevelSignature(this.server, answer, OPTIONS);
    assert.notEqual(fresh.refresh_token, tokens.refresh_token);
    return fresh;
  }

  async introspect(token) {
    const answer = await oauth.introspectionRequest(this.server, this.client, this.authentication, token, OPTIONS);
    return oauth.processIntrospectionResponse(this.server, this.client, answer);
  }

  async revoke(token) {
    await oauth.processRevocationResponse(await oauth.revocationRequest(this.server, this.client, this.authentication, token, OPTIONS));
  }
}
