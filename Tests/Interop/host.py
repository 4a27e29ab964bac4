"""A host to attest: a measurement log of its own making, and a TPM that tpm2-tools speaks to (TPM2TOOLS_TCTI)."""

import hashlib
import re
import struct
import subprocess
import sys

SHA256 = 0x000B
PCRS = list(range(11))


def sized(content):
    return struct.pack("<I", len(content)) + content


def record(path, digest):
    """An ima-ng record as the kernel writes it, and its template data."""
    data = sized(b"sha256:\0" + digest) + sized(path + b"\0")
    name = b"ima-ng"
    head = struct.pack("<I", 10) + hashlib.sha1(data).digest() + sized(name)
    return head + sized(data), data


def file_record(number, content=None):
    digest = hashlib.sha256(content or b"content of %d" % number).digest()
    return record(b"/usr/bin/tool-%d" % number, digest)


def boot_aggregate():
    """Of a TPM into which no firmware has measured: PCRs 0 to 9 are zero."""
    return record(b"boot_aggregate", hashlib.sha256(bytes(32 * 10)).digest())


def tool(*arguments):
    return subprocess.run(arguments, check=True, capture_output=True).stdout


def flush():
    """There is no resource manager: what the tools have loaded stays, and the TPM has room for three objects."""
    tool("tpm2_flushcontext", "--transient-object")


class Host:
    """The log, and the keys that the TPM keeps for it, in files of the working folder."""

    def __init__(self):
        self.records = []
        tool("tpm2_createek", "-c", "ek.ctx", "-G", "ecc", "-u", "ek.pub")
        flush()
        tool(
            "tpm2_createak", "-C", "ek.ctx", "-c", "ak.ctx", "-G", "ecc", "-g", "sha256", "-s", "ecdsa",
            "-u", "ak.pub", "-n", "ak.name", "-f", "tss",
        )
        flush()

        clock = tool("tpm2_readclock").decode()
        self.reset_count, self.restart_count = (
            int(re.search(name + r": (\d+)", clock).group(1)) for name in ("reset_count", "restart_count")
        )

    def key(self, name):
        with open(name + ".pub", "rb") as file:
            return file.read()

    @property
    def key_name(self):
        with open("ak.name", "rb") as file:
            return file.read()

    def measure(self, *records):
        specifications = []
        for raw, data in records:
            self.records.append(raw)
            specifications.append("10:sha256=" + hashlib.sha256(data).hexdigest())
        tool("tpm2_pcrextend", *specifications)

    def quote(self, qualifying_data):
        selection = "sha256:" + ",".join(str(pcr) for pcr in PCRS)
        tool(
            "tpm2_quote", "-c", "ak.ctx", "-l", selection, "-q", qualifying_data.hex(), "-g", "sha256",
            "-m", "quote.msg", "-s", "quote.sig", "-f", "tss",
        )
        flush()
        tool("tpm2_pcrread", selection, "-o", "quote.pcrs")
        with open("quote.msg", "rb") as message, open("quote.sig", "rb") as signature, open("quote.pcrs", "rb") as pcrs:
            values = pcrs.read()
            return message.read(), signature.read(), [values[32 * i : 32 * i + 32] for i in PCRS]

    def activate(self, credential_blob, encrypted_secret):
        """Opens a credential; tpm2-tools want it in a file of their own form."""
        with open("credential", "wb") as file:
            file.write(struct.pack(">II", 0xBADCC0DE, 1))
            file.write(struct.pack(">H", len(credential_blob)) + credential_blob)
            file.write(struct.pack(">H", len(encrypted_secret)) + encrypted_secret)
        tool("tpm2_startauthsession", "--policy-session", "-S", "session.ctx")
        tool("tpm2_policysecret", "-S", "session.ctx", "-c", "e")
        tool(
            "tpm2_activatecredential", "-c", "ak.ctx", "-C", "ek.ctx", "-i", "credential", "-o", "secret",
            "-P", "session:session.ctx",
        )
        tool("tpm2_flushcontext", "session.ctx")
        flush()
        with open("secret", "rb") as file:
            return file.read()


if __name__ == "__main__":
    # The log of a host that is trusted, for a policy: the first hundred files.
    sys.stdout.buffer.write(boot_aggregate()[0] + b"".join(file_record(number)[0] for number in range(100)))
