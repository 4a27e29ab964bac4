#!/usr/bin/env bash
# PCRE2: the same pattern, subject and match limit give an error without JIT, and an answer with it.
#
# The match limit reads like a bound of the work: "match limit exceeded" at 50 should mean that more than 50 steps were
# needed, whatever carries them out. The interpreter counts its backtracking points; compiled code counts far fewer of
# them, so that here a limit under the interpreter's need is no limit at all. A program that treats the error as an answer
# of its own (as one must, with patterns or subjects of strangers) answers by whether JIT was there: it isn't on some
# processors, where memory that is writable and executable is forbidden (systemd's MemoryDenyWriteExecute=), or where
# pcre2_jit_compile was out of memory. Programs that must agree with each other should match without JIT.
#
# Seen 2026-11-30: pcre2-utils 10.42-1+deb12u2 on Debian 12, x86-64.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get download -q pcre2-utils=10.42-1+deb12u2 libpcre2-8-0=10.42-1+deb12u2 >/dev/null 2>apt.log || { cat apt.log; exit 1; }
for package in *.deb; do dpkg -x "$package" root; done
export PATH=$folder/root/usr/bin:$PATH LD_LIBRARY_PATH=$(dirname "$(find "$folder/root" -name 'libpcre2-8.so*' | head -n 1)")
[ "$(pcre2test -C jit)" = 1 ] || { echo "this PCRE2 was built without JIT"; exit 1; }

answer() { # modifiers of the pattern
    printf '/(?:a|ab)*?c(?:b|bc)+x/%s\n    abababababcbbb\\=match_limit=20\n' "$1" >script
    pcre2test -q script | tail -n 1
}
interpreted=$(answer no_start_optimize)
compiled=$(answer no_start_optimize,jit)
echo "interpreter: $interpreted"
echo "JIT:         $compiled"
[ "$interpreted" = 'Failed: error -47: match limit exceeded' ] && [ "$compiled" = 'No match' ]
