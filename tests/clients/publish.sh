#!/bin/bash
# curl in all its forms: `URL LINE...` publishes each line in a request of its own, then all in one that has no length.
set -u
url=$1
shift
post() { curl -sS -w '' -H "Authorization: Bearer $TOKEN" "$@" | sed 's/^/200 /'; }
for line in "$@"; do
  # The same again under its key publishes nothing.
  post -H "Idempotency-Key: \"$line\"" -d "$line" "$url"
  printf '%s\n' "$line" | post --fail --http1.0 -H "Idempotency-Key: \"$line\"" --data-binary @- "$url"
done
printf '%s\n' "$@" | post --fail -T - "$url"
