import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';

// A small app on a loopback port: it starts the authorization, redeems the code and shows what it got.
export class SmallApp {
  static async start(issuer) {
    const app = new SmallApp();
    app.issuer = issuer;
    app.server = createServer((request, response) => {
      app.#answer(new URL(request.url, app.origin), response).catch((error) => response.writeHead(500).end(String(error.stack)));
    });
    await new Promise((listening) => app.server.listen(0, '127.0.0.1', listening));
    app.origin = `http://127.0.0.1:${app.server.address().port}`;
    const answer = await postJson(`${issuer}/registration`, {
      client_name: 'Growth Chart',
      redirect_uris: [`${app.origin}/callback`],
      post_logout_redirect_uris: [`${app.origin}/signed-out`],
      policy_uri: 'https://growth-chart.example.org/privacy',
      scope: 'openid profile email offline_access patient/Patient.rs patient/Observation.rs',
    });
    assert.equal(answer.status, 201);
    app.client = await answer.json();
    return app;
  }

  authorizationUrl() {
    const verifier = randomBytes(32).toString('base64url');
    this.pending = { verifier, state: randomBytes(8).toString('hex') };
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: this.client.client_id,
      redirect_uri: `${this.origin}/callback`,
      scope: this.client.scope,
      state: this.pending.state,
      nonce: randomBytes(8).toString('hex'),
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    });
    return `${this.issuer}/authorize?${query}`;
  }

  logoutUrl(withHint) {
    const query = { post_logout_redirect_uri: `${this.origin}/signed-out`, state: 'bye' };
    if (withHint) query.id_token_hint = this.tokens.id_token;
    return `${this.issuer}/logout?${new URLSearchParams(query)}`;
  }

  async userinfoStatus() {
    return (await fetch(`${this.issuer}/userinfo`, { headers: { authorization: `Bearer ${this.tokens.access_token}` } })).status;
  }

  async #answer(url, response) {
    const text = url.pathname === '/callback' ? await this.#callback(url.searchParams) : `${url.pathname} ${url.searchParams.get('state')}`;
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
    response.end(`<!DOCTYPE html><html lang="en"><title>Growth Chart</title><p id="told">${text}</p></html>`);
  }

  async #callback(params) {
    assert.equal(params.get('state'), this.pending.state);
    assert.equal(params.get('iss'), this.issuer);
    if (params.has('error')) return `refused: ${params.get('error')}`;
    const { client_id, client_secret } = this.client;
    const answer = await fetch(`${this.issuer}/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa(`${client_id}:${client_secret}`)}` },
      body: new URLSearchParams({
        grant_type: 'authorization_code',
        code: params.get('code'),
        redirect_uri: `${this.origin}/callback`,
        code_verifier: this.pending.verifier,
      }),
    });
    this.tokens = await answer.json();
    return `scope: ${this.tokens.scope}`;
  }
}

function postJson(url, body) {
  return fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
}
