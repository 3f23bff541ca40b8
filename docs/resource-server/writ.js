// Asks Writ about the access token of a request, for nginx's auth_request: 204 lets it through, 401 and 403 do not (RFC 6750 §3).
// Everything that is not a clear yes is a no. Nothing is kept between requests, so a sign-out holds at once.

export default { decide };

// RFC 6750 §2.1; a token in the query or in a form is not looked for.
const BEARER = /^Bearer +([A-Za-z0-9\-._~+\/]+=*)$/i;

async function decide(r) {
  const found = BEARER.exec(r.headersIn.Authorization || '');
  if (!found) return refuse(r, 401, '');

  const reply = await r.subrequest('/_writ/introspect', { method: 'POST', body: `token=${encodeURIComponent(found[1])}&token_type_hint=access_token` });
  // Writ is busy, or does not believe the credentials of this resource server: nobody is let through, and auth_request answers 500.
  if (reply.status !== 200) {
    r.error(`introspection answered ${reply.status}`);
    return r.return(500);
  }

  const token = JSON.parse(reply.responseText);
  // A refresh token may be active as well, but it opens no API: only an access token has a type (RFC 7662 §2.2).
  if (token.active !== true || token.token_type !== 'Bearer') return refuse(r, 401, 'error="invalid_token", error_description="This is no active access token"');
  if (token.site !== r.variables.writ_site) return refuse(r, 401, 'error="invalid_token", error_description="The token is for another site"');

  const needed = r.variables.writ_scope;
  if (!token.scope.split(' ').includes(needed)) return refuse(r, 403, `error="insufficient_scope", scope="${needed}"`);

  r.headersOut['X-Writ-Sub'] = token.sub;
  r.headersOut['X-Writ-Client'] = token.client_id;
  r.headersOut['X-Writ-Scope'] = token.scope;
  r.return(204);
}

// A request without any token is told no error, only what it lacks (RFC 6750 §3.1).
function refuse(r, status, error) {
  r.headersOut['X-Writ-Challenge'] = error ? `Bearer realm="writ", ${error}` : 'Bearer realm="writ"';
  r.return(status);
}
