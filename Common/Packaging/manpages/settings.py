"""The page of a configuration, out of Docs/configuration.md, whose tables are tested to be what the programs declare."""

import re

import roff


def part(document, program):
    """What the document says of both programs, the table of this one, and the text behind that."""
    before, *rest = re.split(r"^## ", document, flags=re.MULTILINE)
    own = next(each for each in rest if each.startswith(program + " "))
    heading, body = own.split("\n", 1)
    rows = re.findall(r"^\| (.*) \|$", body, re.MULTILINE)[2:]
    behind = body[body.rindex(" |\n") + 3 :]
    return before.split("\n", 1)[1], re.search(r"`([^`]+)`", heading)[1], [row.split(" | ") for row in rows], behind


def kinds(values):
    """The column of the values that are taken, as it is said in a sentence."""
    if values == "any":
        return None
    return "one of " + values if values.startswith("`") else values


def page(document, program, version, date, content, example):
    common, file, rows, behind = part(document, program)
    prefix = program.upper().replace("-", "_") + "_"
    shown = roff.Page(content.settings_page, 5, date, version)
    shown.section("NAME")
    shown.line(f"{roff.escape(content.settings_page)} \\- {roff.escape(f'configuration of {program}')}")
    shown.section("SYNOPSIS")
    shown.line(roff.italic(file))
    shown.section("DESCRIPTION")
    shown.text(common)
    shown.section("SETTINGS")
    for key, unit, default, values, meaning in rows:
        key = key.strip("`")
        facts = [fact for fact in (unit, kinds(values)) if fact]
        shown.entry(
            roff.bold(key),
            f"{meaning[:1].upper()}{meaning[1:]}" + (f" ({'; '.join(facts)})" if facts else "") + ".",
            ("It must be set. " if default == "required" else f"Without it: {default}. ")
            + f"Environment: `{prefix}{re.sub('[.-]', '_', key).upper()}`.",
        )
    if behind.strip():
        shown.section("NOTES")
        shown.text(behind)
    shown.section("EXAMPLES")
    shown.paragraph("What must be set; the rest of the example in the documentation says what each default is:")
    shown.example(example)
    shown.section("FILES")
    shown.entry(roff.italic(file), "The file, unless `--config` names another.")
    shown.entry(
        roff.italic(f"/etc/default/{program}"), "Environment of the service: any setting, over those of the file.")
    shown.entry(
        roff.italic(f"/usr/share/doc/{program}/examples/{file.rsplit('/', 1)[1]}"),
        "An example with every setting explained.")
    shown.see_also([(program, 1)] + [(other, 5) for other in content.other_settings])
    return shown
