#!/usr/bin/env bash
# evmctl 1.4 (Debian 12) can't verify what it signed itself, with the certificate that gave the signature its key id.
#
# A signature in security.ima names its key by four bytes. The kernel compares them with the end of the certificate's subject
# key identifier. `evmctl ima_sign --keyid-from-cert` takes them from there; `evmctl ima_verify --key CERTIFICATE` computes
# them anew, as the SHA-1 of the public key. They agree only where the certificate's authority chose that very SHA-1, as
# RFC 5280 (4.2.1.2) suggests and doesn't require: newer authorities truncate a SHA-256. So "unknown keyid" from ima_verify
# doesn't mean that the kernel has no such key, and a program that keeps keys by evmctl's id won't find the kernel's.
#
# Seen 2026-11-30: ima-evm-utils 1.4-1.2+b2 on Debian 12.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -q ima-evm-utils=1.4-1.2+b2 >/dev/null 2>apt.log || { cat apt.log; exit 1; }
dpkg -x ima-evm-utils_*.deb root
export PATH=$folder/root/usr/bin:$PATH LD_LIBRARY_PATH=$(dirname "$(find "$folder/root" -name 'libimaevm.so*' | head -n 1)")

openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out certificate.der -outform der -subj /CN=signer \
    -addext subjectKeyIdentifier=00112233445566778899aabbccddeeff00112233 2>openssl.log
echo hello >file

evmctl ima_sign --sigfile --hashalg sha256 --keyid-from-cert certificate.der --key key.pem file >sign.log 2>&1
named=$(od -An -tx1 -j3 -N4 file.sig | tr -d ' \n') # After the type, the version and the hash's number.
echo "the signature names the key $named, the end of the certificate's subject key identifier"
[ "$named" = 00112233 ]

status=0
evmctl ima_verify --sigfile --key certificate.der file >verify.log 2>&1 || status=$?
sed 's/^/    /' verify.log
echo "evmctl ima_verify ends with $status"
[ "$status" = 1 ] && grep -q 'unknown keyid' verify.log
