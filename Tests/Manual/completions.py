"""What the shells offer, out of the completions that were laid out."""

import os

from common import TOP, fault, leaves, own, run


def has_completions(program, root, share):
    """A file is offered where one is taken, words where there are only some."""
    for path, command in leaves(root, program):
        for argument in own(command):
            kind = argument.get("completionKind") or {}
            value = argument.get("valueName")
            wanted = {"file": "file", "folder": "directory"}.get(value)
            if argument["kind"] != "flag" and wanted and wanted not in kind:
                fault(f"{path}: no {wanted} is offered for {argument.get('preferredName', {}).get('name', value)}")
    bash = share / "bash-completion" / "completions" / program
    zsh = share / "zsh" / "vendor-completions" / f"_{program}"
    fish = share / "fish" / "vendor_completions.d" / f"{program}.fish"
    if bash.read_text(encoding="utf-8").startswith("#!"):
        fault(f"{bash}: it is read, not run")
    if not zsh.read_text(encoding="utf-8").startswith(f"#compdef {program}\n"):
        fault(f"{zsh}: zsh doesn't know whose it is")
    for shell, file in (("bash", bash), ("zsh", zsh), ("fish", fish)):
        if said := run(shell, "-n", str(file)).stderr:
            fault(f"{file}: {said}")


# As readline calls it: the words, the cursor at the end of the last.
OFFERED = r"""
source "$1"; shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMPREPLY=()
COMP_POINT=${#COMP_LINE}
"_$1" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\n' "${COMPREPLY[@]}"
"""


def is_offered(programs, share, folder, words, wanted):
    script = share / "bash-completion" / "completions" / words[0]
    path = f"{programs}:{os.environ['PATH']}"
    bash = run("bash", "-c", OFFERED, "bash", str(script), *words, cwd=folder, env={**os.environ, "PATH": path})
    offered = set(bash.stdout.split())
    if bash.stderr or not set(wanted) <= offered or (not wanted and offered):
        fault(f"bash, {' '.join(words)!r}: {wanted} expected, offered are {sorted(offered)} {bash.stderr}")


def is_offered_by_fish(script, folder, words, wanted):
    fish = run("fish", "--no-config", "-c", f"source {script}; complete -C '{words}'", cwd=folder)
    offered = {line.split("\t")[0].rstrip("/") for line in fish.stdout.splitlines()}
    if fish.stderr or not set(wanted) <= offered:
        fault(f"fish, {words!r}: {wanted} expected, offered are {sorted(offered)} {fish.stderr}")


def offers(programs, share, folder):
    (folder / "web.json").touch()
    (folder / "webs").mkdir()
    offered = [
        (["assay-agent", "sh"], ["shards"]),
        (["assay-agent", "shards", "c"], ["cat", "clean"]),
        (["assay-agent", "attest", "--o"], ["--once"]),
        (["assay-agent", "configure", "--trim", "s"], ["staged"]),
        (["assay-agent", "join", "--config", "web"], ["web.json", "webs"]),
        (["assay-agent", "join", "--state", "web"], ["webs"]),
        (["assay-agent", "run", "--log-level", "d"], ["debug"]),
        (["assay-verifier", "policy", "check", "web"], ["web.json"]),
        (["assay-verifier", "policy", "put", "web", "web"], ["web.json"]),
        (["assay-verifier", "appraise", "--violations", ""], ["ignore", "warn", "fail"]),
        (["assay-verifier", "appraise", "--bank", "sha3"], ["sha384"]),
        (["assay-verifier", "agents", "show", "--store", "webs", ""], []),
    ]
    for words, wanted in offered:
        is_offered(programs, share, folder, words, wanted)
        if wanted:
            script = share / "fish" / "vendor_completions.d" / f"{words[0]}.fish"
            is_offered_by_fish(script, folder, " ".join(words), wanted)
    store = ["--config", "verifier.yaml"]
    keys = TOP / "Tests" / "Fixtures" / "generated" / "no-boot-aggregate"
    log = TOP / "Tests" / "Fixtures" / "kernel" / "k612-imasig-sha256" / "boot1" / "log" / "binary_runtime_measurements"
    for command in (
        ["init", "--name", "localhost", "--dir", folder / "verifier", *store],
        ["policy", "create", "--log", log, "--out", "policy.json"],
        ["policy", "put", "web", "policy.json", *store],
        ["agents", "add", "web-1", "--ak", keys / "noagg-ak.pub", *store],
        # Whoever is offered this name must not run it.
        ["agents", "add", "web-$(>run)", "--ak", keys / "bypass-ak.pub", *store],
    ):
        run(programs / "assay-verifier", *command, cwd=folder).check_returncode()
    is_offered(programs, share, folder, ["assay-verifier", "policy", "show", *store, "w"], ["web"])
    is_offered(programs, share, folder, ["assay-verifier", "policy", "show", *store, "x"], [])
    is_offered(programs, share, folder, ["assay-verifier", "agents", "show", *store, ""], ["web-1"])
    is_offered(programs, share, folder, ["assay-verifier", "agents", "show", *store, "web-$"], [])
    if (folder / "run").exists():
        fault("bash runs an agent's name that it is offered")
