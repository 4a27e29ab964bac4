"""The pages of a program and of its commands, out of its argument parser."""

import re

import roff

# What most commands take is explained once, on the program's page.
COMMON_SHARE = 1 / 3


def option(name):
    return ("--" if name["kind"] == "long" else "-") + name["name"]


def own(command):
    """The arguments of a command, but for those that every command has."""
    for argument in command.get("arguments", []):
        names = {name["name"] for name in argument.get("names", [])}
        if argument.get("shouldDisplay", True) and not names & {"help", "version"}:
            yield argument


def inner(command):
    """The commands that a command has."""
    return [
        each for each in command.get("subcommands", []) if each.get("shouldDisplay", True) and each["commandName"] != "help"
    ]


def leaves(command, path):
    """What can be run, by its whole name."""
    below = inner(command)
    if not below:
        yield path, command
    for each in below:
        yield from leaves(each, path + " " + each["commandName"])


def likeness(argument):
    """Of two arguments the same if they need to be explained once only."""
    names = tuple(option(name) for name in argument.get("names", []))
    return names, argument.get("valueName"), argument.get("abstract"), argument.get("defaultValue")


def head(argument, joint=" "):
    value = roff.italic(argument["valueName"].upper() if argument["kind"] == "positional" else argument["valueName"])
    if argument["kind"] == "positional":
        return value
    names = ", ".join(roff.bold(option(name)) for name in argument["names"])
    return names if argument["kind"] == "flag" else names + joint + value


def explain(page, argument):
    text = argument.get("abstract", "")
    default = argument.get("defaultValue")
    values = argument.get("allValues") or []
    known = [value for value in values if value not in text]
    page.entry(
        head(argument), text,
        "One of " + ", ".join(f"`{value}`" for value in values) + "." if known else None,
        f"Without it: `{default}`." if default else None,
    )


def usage(argument):
    """An argument in a synopsis, as a line of man(7)."""
    # An option and its value stay on one line; dots that end no sentence have no wide blank behind them.
    names = [argument["preferredName"]] if argument["kind"] != "positional" else []
    words = head({**argument, "names": names}, joint="\\~")
    if argument.get("isRepeating"):
        words += "\\~...\\&"
    return "[" + words + "]\\&" if argument.get("isOptional") else words


def parted(discussion):
    """A discussion without what is for `--help` alone; and the line of exits, if there is one."""
    exits, rest = None, []
    for block in re.split(r"\n\s*\n", (discussion or "").strip("\n")):
        if block.startswith("Exit: "):
            exits = re.findall(r"(\d) (.*?)(?:; (?=\d)|\.$)", block.removeprefix("Exit: "))
        elif not block.startswith("More: man "):
            rest.append(block)
    return "\n\n".join(rest).strip("\n"), exits


class Program:
    """A program, as its pages tell of it."""

    def __init__(self, root, version, date, content):
        self.root, self.version, self.date, self.content = root, version, date, content
        self.name = root["commandName"]
        commands = [command for _, command in leaves(root, self.name)]
        seen = [likeness(argument) for command in commands for argument in own(command) if argument["kind"] != "positional"]
        common = {each for each in seen if seen.count(each) >= COMMON_SHARE * len(commands)}
        self.common = {}
        for command in commands:
            for argument in own(command):
                if likeness(argument) in common:
                    self.common[likeness(argument)] = argument
        self.exits = parted(root["discussion"])[1]

    def pages(self):
        yield self.program_page()
        for command in inner(self.root):
            yield self.command_page(command)

    def page(self, name, abstract):
        page = roff.Page(name, 1, self.date, self.version)
        page.section("NAME")
        abstract = re.sub(r"\.$", "", abstract)
        page.line(f"{roff.escape(name)} \\- {roff.escape(abstract[:1].lower() + abstract[1:])}")
        page.section("SYNOPSIS")
        return page

    def program_page(self):
        page = self.page(self.name, self.root["abstract"])
        page.synopsis(self.name, [roff.italic("command"), "[" + roff.italic("options") + "]"])
        page.synopsis(self.name, [roff.bold("--help") + " | " + roff.bold("--version")])
        page.section("DESCRIPTION")
        page.text(parted(self.root["discussion"])[0])
        page.section("COMMANDS")
        for command in inner(self.root):
            names = [name for name, _ in leaves(command, command["commandName"])]
            page.entry(
                f"\\fB\\%{roff.escape(self.own_page(command))}\\fP(1)", command["abstract"],
                "Its commands: " + ", ".join(f"`{name}`" for name in names) + "." if len(names) > 1 else None,
            )
        page.section("OPTIONS")
        page.paragraph("Most commands take these:")
        for argument in sorted(self.common.values(), key=lambda each: option(each["preferredName"])):
            explain(page, argument)
        page.paragraph("The program and every command take these:")
        page.entry(roff.bold("-h") + ", " + roff.bold("--help"), "Show what a command does, and its options.")
        page.entry(roff.bold("--version"), "Show the version.")
        self.end(page, self.exits, self.content.environment, self.content.files)
        return page

    def command_page(self, command):
        page = self.page(self.own_page(command), command["abstract"])
        found = list(leaves(command, self.name + " " + command["commandName"]))
        for name, leaf in found:
            page.synopsis(name, [usage(each) for each in self.not_common(leaf)] + self.common_usage(leaf))
        text, exits = parted(command.get("discussion"))
        page.section("DESCRIPTION")
        # It says more than the name line: a group's, what its commands share; a command's, what it does.
        page.text(text or command["abstract"])
        if len(found) == 1 and not inner(command):
            if any(own(command)):
                page.section("OPTIONS")
                self.arguments(page, command)
            self.end(page, exits or self.exits)
            return page
        page.section("COMMANDS")
        for name, leaf in found:
            page.subsection(name)
            page.paragraph(leaf["abstract"])
            text, own_exits = parted(leaf.get("discussion"))
            if text:
                page.text(text)
            self.arguments(page, leaf)
            if own_exits:
                page.paragraph("Exit status: " + "; ".join(f"{status} {meaning}" for status, meaning in own_exits) + ".")
        self.end(page, exits or self.exits)
        return page

    def own_page(self, command):
        return self.name + "-" + command["commandName"]

    def not_common(self, command):
        return [argument for argument in own(command) if likeness(argument) not in self.common]

    def taken(self, command):
        return sorted(option(each["preferredName"]) for each in own(command) if likeness(each) in self.common)

    def common_usage(self, command):
        return ["[" + r"\fIcommon\~options\fP" + "]"] if self.taken(command) else []

    def arguments(self, page, command):
        for argument in self.not_common(command):
            explain(page, argument)
        taken = [f"`{name}`" for name in self.taken(command)]
        if taken:
            listed = taken[0] if len(taken) == 1 else ", ".join(taken[:-1]) + " and " + taken[-1]
            also = "also " if self.not_common(command) else ""
            which = "which is" if len(taken) == 1 else "which are"
            page.paragraph(f"It {also}takes {listed}, {which} explained in `{self.name}`(1).")

    def end(self, page, exits, environment=(), files=()):
        examples = self.content.examples.get(page.name, [])
        if examples:
            page.section("EXAMPLES")
        for sentence, commands in examples:
            page.paragraph(sentence)
            page.example(commands)
        page.section("EXIT STATUS")
        for status, meaning in exits:
            page.entry(roff.bold(status), meaning[:1].upper() + meaning[1:] + ".")
        if environment:
            page.section("ENVIRONMENT")
        for name, meaning in environment:
            page.entry(roff.bold(name), meaning)
        if files:
            page.section("FILES")
        for path, meaning in files:
            page.entry(roff.italic(path), meaning)
        page.see_also(self.references(page.name))

    def references(self, name):
        """The program's own pages from its page; from a command's, the program and the settings."""
        if name == self.name:
            pages = [(self.own_page(command), 1) for command in inner(self.root)]
            return pages + [(other, 1) for other in self.content.others] + [(self.content.settings_page, 5)]
        return [(self.name, 1), (self.content.settings_page, 5)]
