#!/usr/bin/env bash
# tpm2_quote writes the signature as the TPM marshals it, and the PCR values beside it as an image of its own memory.
#
# Both files have the one format that the manual calls "serialized" (--pcrs_format). A reader of TPM structures expects
# TPML_PCR_SELECTION and TPML_DIGEST in big-endian order and as long as what they hold. The file has the C structures: host
# byte order, all sixteen slots of the selection, of which one is used, and the digests in slots of a fixed size. Two PCRs
# of 32 bytes take 668 bytes. So the file isn't portable between byte orders, nor between versions of tpm2-tss with other
# bounds, and a parser for one must not be used for the other.
#
# Seen 2026-11-30: tpm2-tools 5.4-1 with libtss2-esys 3.2.1 and swtpm 0.7.1-1.3 on Debian 12, on a little-endian machine.
set -euo pipefail
folder=$(mktemp -d)
tpm=
trap '[ -z "$tpm" ] || kill "$tpm" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -q tpm2-tools=5.4-1 swtpm=0.7.1-1.3 swtpm-libs=0.7.1-1.3 >/dev/null 2>apt.log || { cat apt.log; exit 1; }
for package in *.deb; do dpkg -x "$package" root; done
export PATH=$folder/root/usr/bin:$PATH LD_LIBRARY_PATH=$(dirname "$(find "$folder/root" -name 'libswtpm_libtpms.so*' | head -n 1)")

mkdir state
swtpm socket --tpm2 --tpmstate dir=state --server type=unixio,path=tpm --ctrl type=unixio,path=tpm.ctrl \
    --flags not-need-init,startup-clear >swtpm.log 2>&1 &
tpm=$!
for _ in $(seq 50); do [ -S tpm.ctrl ] && break; sleep 0.1; done
export TPM2TOOLS_TCTI=swtpm:path=$folder/tpm

tpm2_createek -c ek.ctx -G rsa >/dev/null
tpm2_createak -C ek.ctx -c ak.ctx >/dev/null
tpm2_flushcontext -t
tpm2_quote -c ak.ctx -l sha256:0,10 -m quote -s signature -o pcrs -q 00112233 >/dev/null

signature=$(od -An -tx1 -N4 signature | tr -d ' \n')
selection=$(od -An -tx1 -N10 pcrs | tr -d ' \n')
size=$(stat -c %s pcrs)
echo "signature begins $signature: TPM_ALG_RSASSA (0014), TPM_ALG_SHA256 (000b), big-endian"
echo "pcrs begins      $selection: one selection (01000000), TPM_ALG_SHA256 (0b00), three bytes (03) 010400, little-endian"
echo "pcrs has $size bytes for two digests of 32 bytes"
[ "$signature" = 0014000b ] && [ "$selection" = 010000000b0003010400 ] && [ "$size" = 668 ]
