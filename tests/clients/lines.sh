#!/bin/bash
# curl: lines over HTTP, told as report.mjs has it. curl says nothing at opening; the first line stands for it.
set -u
url=${1/#ws/http} connections=${2:-1} stop_after=${3:-0}
one() {
  local texts=0 line
  echo "$1 open -"
  while IFS= read -r line; do
    echo "$1 text $line"
    texts=$((texts + 1))
    [ "$texts" = "$stop_after" ] && break
  done < <(exec curl -sSN "$url")
  echo "$1 close -"
}
for ((index = 0; index < connections; index++)); do one "$index" & done
wait
