#!/bin/bash
# curl: lines over HTTP, printed in the format of report.mjs. curl does not announce the opening, so "open" comes at the start.
set -u
url=${1/#ws/http} connections=${2:-1} stop_after=${3:-0}
one() {
  local stop=""
  [ "$stop_after" = 0 ] || stop="${stop_after}q"
  echo "$1 open -"
  curl -sSN ${TOKEN:+-H "Authorization: Bearer $TOKEN"} "$url" 2>/dev/null | stdbuf -oL sed -e "s/^/$1 text /" -e "$stop"
  echo "$1 close -"
}
for ((index = 0; index < connections; index++)); do one "$index" & done
wait
