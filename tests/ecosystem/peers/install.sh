#!/usr/bin/env bash
# Installs the programs of others that the tests talk to: Debian packages, and the libraries of
# Python and Node into a folder.
#
# Usage: tests/ecosystem/peers/install.sh FOLDER
set -euo pipefail
folder=${1:?the folder to install into}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

packages=()
for program in chromium haproxy microsocks nginx openssl tinyproxy; do
    PATH=$PATH:/usr/sbin command -v "$program" >/dev/null || packages+=("$program")
done
if ((${#packages[@]})); then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update && apt-get install -y --no-install-recommends "${packages[@]/%nginx/nginx-light}"
fi

mkdir -p "$folder"
if [[ ! -x $folder/python/bin/python ]]; then
    python3 -m venv "$folder/python"
fi
"$folder/python/bin/pip" install --quiet --disable-pip-version-check \
    --requirement "$here/requirements.txt"
cp "$here/package.json" "$folder"
npm install --silent --no-audit --no-fund --prefix "$folder"
