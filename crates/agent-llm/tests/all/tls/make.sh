#!/usr/bin/env bash
# Makes the certificates of the tests anew: an authority and its certificate for `localhost`, and a stranger's authority.
# They are for tests only, and trusted by nobody else.
set -euo pipefail
cd "$(dirname "$0")"
keys=$(mktemp -d)
trap 'rm -r "$keys"' EXIT

# A key and a certificate that is signed by itself, good for a hundred years: NAME
authority() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500 -subj "/CN=$1 of the tests" \
        -keyout "$keys/$1.key" -out "$1.pem" 2>/dev/null
}

authority authority
authority stranger
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -keyout "$keys/server.key" 2>/dev/null |
    openssl x509 -req -days 36500 -CA authority.pem -CAkey "$keys/authority.key" -outform der -out server.der 2>/dev/null \
        -extfile <(printf 'subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:false\n')
openssl pkcs8 -topk8 -nocrypt -in "$keys/server.key" -outform der -out server.key.der
