"""What no argument parser knows: files, environment, examples."""

import pathlib
import re

DOCUMENTATION = "The documentation."


class Content:
    """What stands on the pages of one program beside what it says of itself."""

    def __init__(self, program):
        own = _PROGRAMS[program]
        self.settings_page = own["settings"]
        self.others = [other for other in _PROGRAMS if other != program]
        self.other_settings = [_PROGRAMS[other]["settings"] for other in self.others]
        prefix = program.upper().replace("-", "_")
        self.environment = [
            (
                f"{prefix}_KEY",
                f"Any setting: the key in capitals, with `_` for `.`, such as `{prefix}_LOGGING_LEVEL`. It is over the "
                f"configuration; `--set` is over it. `{self.settings_page}`(5) has every one.",
            ),
            ("NO_COLOR", "If it isn't empty, nothing is coloured."),
            ("TERM", "Where it is `dumb`, nothing is coloured and no line is overwritten."),
            ("COLUMNS", "The width of the terminal, over its own."),
            ("LC_ALL", "The locale; the first of `LC_ALL`, `LC_CTYPE` and `LANG` counts. Bars and trees are drawn in "
                       "ASCII unless it is of UTF-8."),
            ("LC_CTYPE", "As `LC_ALL`."),
            ("LANG", "As `LC_ALL`."),
        ]
        self.files = own["files"]
        self.examples = _examples(pathlib.Path(__file__).with_name("examples").read_text(encoding="utf-8"))


_PROGRAMS = {
    "assay-agent": {
        "settings": "assay-agent.yaml",
        "files": [
            ("/etc/assay/agent.yaml", "The configuration."),
            ("/etc/default/assay-agent", "Environment of the service: any setting, over the configuration."),
            ("/etc/ima-shards.conf", "Where every program finds the measurement log in shards."),
            ("/var/lib/assay-agent", "The attestation key, the certificate and its key."),
            ("/var/lib/ima-shards", "The measurement log in shards."),
            ("/sys/kernel/security/integrity/ima", "The measurement log, as the kernel has it."),
            ("/dev/tpmrm0", "The TPM."),
            ("/usr/share/doc/assay-agent", DOCUMENTATION),
        ],
    },
    "assay-verifier": {
        "settings": "assay-verifier.yaml",
        "files": [
            ("/etc/assay/verifier.yaml", "The configuration."),
            ("/etc/default/assay-verifier", "Environment of the service: any setting, over the configuration."),
            ("/var/lib/assay-verifier", "The store, the authority and the server's certificate."),
            ("/usr/share/doc/assay-verifier", DOCUMENTATION),
        ],
    },
}


def _examples(text):
    """By page, what each example is for, and its commands."""
    pages = {}
    for name, body in re.findall(r"^\[(.+)\]\n((?:(?!\[).*\n?)*)", text, re.MULTILINE):
        blocks = re.findall(r"((?:^\S.*\n)+)((?:^    .*\n?)+)", body, re.MULTILINE)
        pages.setdefault(name, []).extend(
            (" ".join(sentence.split()), [line[4:] for line in commands.splitlines()]) for sentence, commands in blocks
        )
    return pages
