#!/usr/bin/env bash
# Pastes the lines that `writ demo` printed into a shell, against the demo that is still up, and looks at what they leave behind.
# usage: paste.sh WRIT_BINARY
set -euo pipefail
writ=$(realpath "$1")
work=$(mktemp -d)
trap 'kill "$demo" 2>/dev/null || true; wait "$demo" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
"$writ" demo --listen 127.0.0.1:0 >story 2>words &
demo=$!
for _ in $(seq 300); do grep -q 'stays up' words && break; kill -0 "$demo"; sleep 0.1; done
grep -q 'stays up' words
PATH="$(dirname "$writ"):$PATH" bash -e story >pasted
expect() { grep -q -- "$1" pasted || { echo "not in what the pasted lines printed: $1"; cat pasted; exit 1; }; }
expect '"client_id":'
expect '<h1>Sign in</h1>'
expect '<h1>Allow A Private App?</h1>'
expect '"refresh_token":'
expect '"name":"Jane Doe"'
expect '"status":"active"'
expect '302 https://app.example.org/signed-out?state=bye'
expect '"status":"revoked"'
expect 'session.ended'
expect 'VERIFIED'
kill "$demo"
wait "$demo"
echo "the demo's lines, pasted into a shell, tell the same story"
