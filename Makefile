# Assay. `make demo` shows the main job on real input; `make test` builds and runs every test.
# Both install what is missing with apt, so that they pass on a bare Debian 12 with Swift.

BUILD_PACKAGES = libssl-dev libprotobuf-c-dev libtss2-dev liblmdb-dev libpcre2-dev libyaml-dev pkg-config dpkg-dev python3
TEST_PACKAGES = protobuf-c-compiler swtpm swtpm-tools openssl xz-utils ima-evm-utils debootstrap systemd python3-seccomp \
    groff-base man-db mandoc zsh fish
SWIFT_SOURCES = Package.swift Agent Common Tests Verifier

PREFIX = /usr
DESTDIR =
# The programs bring Swift's libraries along, so that they run on a Debian without Swift. Docs/developing.md says what is
# linked; packed relocations are a tenth as long as plain ones, and need lld, and glibc 2.36 (Debian 12).
RELEASE = -c release --static-swift-stdlib -Xswiftc -use-ld=lld -Xlinker -z -Xlinker pack-relative-relocs \
    -Xlinker --no-export-dynamic
PACKAGES = .build/packages

.PHONY: all
all: dependencies
	swift build -c release

.PHONY: release
release: dependencies
	swift build $(RELEASE) --product assay-agent
	swift build $(RELEASE) --product assay-verifier

# Programs, manual pages, units, users, example configurations.
.PHONY: install
install: release
	for program in assay-agent assay-verifier; do \
	    Common/Packaging/install $$program "$$(swift build $(RELEASE) --show-bin-path)" "$(DESTDIR)" "$(PREFIX)" || exit; \
	done

.PHONY: deb
deb: release
	Common/Packaging/deb "$$(swift build $(RELEASE) --show-bin-path)" $(PACKAGES)

# The same for Fedora and openSUSE, if what the programs are linked with has the same names there.
.PHONY: rpm
rpm: BUILD_PACKAGES += rpm
rpm: release
	Common/Packaging/rpm "$$(swift build $(RELEASE) --show-bin-path)" $(PACKAGES)

.PHONY: test-rpm
test-rpm: rpm
	Tests/Packages/rpm $(PACKAGES) "$$(swift build $(RELEASE) --show-bin-path)"

# Both packages under lintian, then on a clean Debian, in a chroot: installed, run, removed, purged, installed again.
.PHONY: test-packages
test-packages: TEST_PACKAGES += lintian
test-packages: deb
	Tests/Packages/run $(PACKAGES)

# The packages as services, with systemd as PID 1, on Debian 12 and 13; `make test-services SUITES=trixie` runs one.
.PHONY: test-services
test-services: deb
	swift build $(RELEASE) --product replay-kernel-log
	Tests/Services/run $(PACKAGES) "$$(swift build $(RELEASE) --show-bin-path)" $(SUITES)

# Every command of README.md and Docs as it is printed, on Debian 12 and 13, and what it prints beside what is shown:
# `make test-docs PAGES="policy store" SUITES=trixie` runs some; with WRITE=1 the pages then show what was printed.
.PHONY: test-docs
test-docs: deb
	swift build $(RELEASE) --product replay-kernel-log
	Tests/Docs/run $(PACKAGES) "$$(swift build $(RELEASE) --show-bin-path)" $(SUITES:%=--suite %) $(PAGES:%=--page %) \
	    $(if $(WRITE),--write)

.PHONY: dependencies
dependencies:
	@missing=; for package in $(BUILD_PACKAGES) $(TEST_PACKAGES); do \
	    dpkg-query -W -f='$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$package"; \
	done; \
	if [ -n "$$missing" ]; then \
	    echo "installing$$missing"; \
	    sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
	    $$sudo apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	fi

# The whole of it: a TPM, a log of a real kernel, both programs, three attestations.
.PHONY: demo
demo: dependencies
	swift build -c release --product assay-agent
	swift build -c release --product assay-verifier
	swift build -c release --product replay-kernel-log
	Tests/Demo/run "$$(swift build -c release --show-bin-path)"

.PHONY: test
test: dependencies
	Proto/generate --check
	Tests/Docs/run --check
	swift build --build-tests
	swift test --skip-build --no-parallel
	Tests/Manual/check "$$(swift build --show-bin-path)"

# Every appraisal case of a folder of fixtures, N of M: `make test-conformance FIXTURES=DIR`.
FIXTURES = Tests/Fixtures
.PHONY: test-conformance
test-conformance: dependencies
	swift build --build-tests
	Tests/Conformance/run $(FIXTURES)

# Every example of the manual pages, in a world of its own; needs root.
.PHONY: test-manual
test-manual: dependencies
	swift build
	Tests/Manual/check "$$(swift build --show-bin-path)"
	Tests/Manual/examples "$$(swift build --show-bin-path)"

# What the log of a real kernel says of the agent's own reading, and of its freeing records if the kernel can: Debian's
# can't, `make staging-kernel` builds one that can, for `make test-kernel KERNEL=.build/kernel/staging-bzImage`.
.PHONY: test-kernel
test-kernel: TEST_PACKAGES += qemu-system-x86 busybox cpio libtss2-tcti-device0
test-kernel: dependencies
	swift build -c release --product assay-agent
	Tests/Install/measuring-kernel "$$(swift build -c release --show-bin-path)" .build/kernel $(KERNEL)

.PHONY: staging-kernel
staging-kernel: TEST_PACKAGES += bc bison flex gcc libelf-dev
staging-kernel: dependencies
	Tests/Install/staging-kernel .build/kernel

# An agent that was written from the contract alone, in Python, against the verifier.
.PHONY: test-interop
test-interop: TEST_PACKAGES += tpm2-tools python3-venv
test-interop: dependencies
	swift build --product assay-verifier
	Tests/Interop/run "$$(swift build --show-bin-path)" .build/interop

# The same tests on Debian 13, in a chroot: OpenSSL 3.5 has ML-DSA. `make test-debian13 ONLY='CryptoTests|AppraisalTests'`
# runs some; `make vectors` makes the test vectors of ML-DSA anew there.
.PHONY: test-debian13
test-debian13: dependencies
	[ -d .build/checkouts -a -e Package.resolved ] || swift package resolve
	Tests/Debian13/run .build-debian13 "$(BUILD_PACKAGES) $(TEST_PACKAGES)" $(if $(ONLY),'$(ONLY)')

.PHONY: vectors
vectors: dependencies
	Tests/Debian13/run .build-debian13 "$(BUILD_PACKAGES) $(TEST_PACKAGES)" --vectors

# Where C and Swift meet, memory errors would hide: the same tests under AddressSanitizer. What lives until a process ends,
# such as its meters, it would call leaked.
.PHONY: test-address
test-address: dependencies
	ASAN_OPTIONS=detect_leaks=0 swift test --sanitize=address --scratch-path .build-address --no-parallel

# Speed and memory as ratios to the yardsticks in Tests/Benchmarks/Floor, of what is packaged. `make bench ONLY=signatures`
# runs one topic; `make bench ONLY=process BASE=FOLDER` compares file, start and memory with an earlier build in a folder.
.PHONY: bench
bench: release
	swift build $(RELEASE) --product benchmarks
	bin="$$(swift build $(RELEASE) --show-bin-path)"; \
	"$$bin/benchmarks" --verifier "$$bin/assay-verifier" $(if $(ONLY),--only $(ONLY)) $(if $(BASE),--base $(BASE)) \
	    $(BENCH_FLAGS)

# Every reader of hostile bytes under libFuzzer, so many seconds for each target: `make fuzz SECONDS=600`.
SECONDS ?= 60
.PHONY: fuzz
fuzz: dependencies
	Tests/Fuzz/run $(SECONDS) $(ONLY)

# What surprised us in others' software, each shown by a script of its own (CONTRIBUTING.md). Outside of `make test`.
.PHONY: findings
findings:
	@failed=; for finding in findings/*.sh; do \
	    echo "== $$finding"; "$$finding" || failed="$$failed $$finding"; \
	done; \
	[ -z "$$failed" ] || { echo "no longer so:$$failed"; exit 1; }

.PHONY: format
format:
	swift format -i -r $(SWIFT_SOURCES)

.PHONY: lint
lint:
	swift format lint --strict -r $(SWIFT_SOURCES)

.PHONY: clean
clean:
	rm -rf .build .build-address .build-debian13
