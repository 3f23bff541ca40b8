// What a site may offer besides: the hybrid flow and signed authorization requests, with the library `oauth4webapi`.
//
//     node oauth4webapi-front.mjs ISSUER USERNAME PASSWORD
import assert from 'node:assert/strict';
import * as oauth from 'oauth4webapi';
import { FormBrowser } from './form-browser.mjs';
import { OauthApp } from './oauth4webapi-app.mjs';
import { chapter, finish, step } from './steps.mjs';

const [issuer, username, password] = process.argv.slice(2);
if (!password) throw new Error('usage: node oauth4webapi-front.mjs ISSUER USERNAME PASSWORD');
const person = { username, password };
const HYBRID = { response_types: ['code id_token'], grant_types: ['authorization_code', 'implicit', 'refresh_token'] };

// Each algorithm has its own hash for `c_hash`.
for (const idTokenAlg of ['RS256', 'ES256', 'EdDSA']) {
  await chapter(`oauth4webapi with response_type=code id_token and ${idTokenAlg}`, () => hybrid(idTokenAlg));
}
for (const alg of ['RS256', 'ES256']) {
  await chapter(`oauth4webapi with request objects signed by ${alg}`, () => requestObjects(alg));
}
finish();

async function hybrid(idTokenAlg) {
  const app = await step('registers', () => OauthApp.register(issuer, { alg: 'ES256', idTokenAlg, metadata: HYBRID }));
  const browser = new FormBrowser(issuer);
  for (const response_mode of ['fragment', 'form_post']) {
    await step(`an ID token and a code come by ${response_mode}, the code becomes tokens`, async () => {
      const asked = await app.asks({ response_type: 'code id_token', response_mode, prompt: 'consent' });
      const answer = await browser.leave(asked.url, person);
      const inForm = response_mode === 'form_post';
      assert.deepEqual([answer.left.search, Boolean(answer.left.hash), Boolean(answer.posted)], ['', !inForm, inForm]);
      const { tokens, header } = await app.redeemHybrid(asked, answer);
      assert.equal(header.alg, idTokenAlg);
      const { sub } = oauth.getValidatedIdTokenClaims(tokens);
      assert.equal((await app.userinfo(tokens, sub)).sub, sub);
    });
  }
  await step('an ID token beside another code is not taken', async () => {
    const asked = await app.asks({ response_type: 'code id_token', prompt: 'consent' });
    const { left } = await browser.leave(asked.url, person);
    const params = new URLSearchParams(left.hash.slice(1));
    params.set('code', 'another');
    left.hash = params;
    await assert.rejects(app.redeemHybrid(asked, { left }), { code: oauth.JWT_CLAIM_COMPARISON });
  });
}

async function requestObjects(alg) {
  const metadata = { request_object_signing_alg: alg };
  const app = await step('registers', () => OauthApp.register(issuer, { alg, metadata }));
  const browser = new FormBrowser(issuer);
  await step('what the object says is what is answered', async () => {
    const asked = await app.asksSigned();
    const { tokens } = await app.redeem(asked, await browser.consent(asked.url, person));
    assert.match(tokens.scope, /offline_access/);
  });
  await step('an object that another key signed is refused', async () => {
    const stranger = await OauthApp.register(issuer, { alg, metadata });
    stranger.client = app.client;
    const { url } = await stranger.asksSigned();
    const at = await browser.open(url);
    const told = at.left ? at.left.searchParams.get('error') : at.page.dom.text;
    assert.match(told, /invalid_request_object/);
  });
}
