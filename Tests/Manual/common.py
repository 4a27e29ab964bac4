"""What both kinds of checks stand on."""

import pathlib
import subprocess

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
faults = []


def fault(text):
    faults.append(text)


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def leaves(command, path):
    below = [each for each in command.get("subcommands", []) if each["commandName"] != "help"]
    if not below:
        yield path, command
    for each in below:
        yield from leaves(each, path + " " + each["commandName"])


def own(command):
    for argument in command.get("arguments", []):
        if not {"help", "version"} & {name["name"] for name in argument.get("names", [])}:
            yield argument
