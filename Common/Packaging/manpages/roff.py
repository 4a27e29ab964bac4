"""Text as man(7) takes it: what is copied from a page is what was meant, whatever the width of the terminal."""

import itertools
import re
import textwrap

# Characters that troff would print as others, or take for its own.
_SPECIAL = {"\\": r"\(rs", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti", '"': r"\(dq"}
# A word with one of these is copied: an option, a path, a program, a key.
_COPIED = re.compile(r"[-/_=:.@<>$|]|\d")


def escape(text):
    """Characters as they are. Beyond ASCII they are named, so that no locale decides what is read."""
    return "".join(_SPECIAL.get(c, c if ord(c) < 128 else rf"\[u{ord(c):04X}]") for c in text)


def word(text):
    """One word, which isn't broken if it may be copied."""
    return (r"\%" if _COPIED.search(text.rstrip(".,;:")) else "") + escape(text)


def words(text):
    return " ".join(word(each) for each in text.split())


def bold(text):
    return rf"\fB{words(text)}\fP"


def italic(text):
    return rf"\fI{words(text)}\fP"


def inline(text):
    """A paragraph of Markdown, as the help and the pages of the documentation have it."""
    text = re.sub(r"\[([^\]]*)\]\(([^)]*)\)", lambda link: link[2] if link[2].endswith(".md") else link[1], text)
    parts = re.split(r"(`[^`]+`|\*\*[^*]+\*\*)", text)
    shown = []
    for part in parts:
        if re.fullmatch(r"`[^`]+`", part):
            shown.append(bold(part[1:-1]))
        elif re.fullmatch(r"\*\*[^*]+\*\*", part):
            shown.append(bold(part[2:-2]))
        else:
            ends = re.match(r"(\s*)(.*?)(\s*)$", part, re.DOTALL)
            shown.append((" " if ends[1] else "") + words(ends[2]) + (" " if ends[3] and ends[2] else ""))
    return lines("".join(shown))


def lines(text):
    """A source of short lines, none of which is a request."""
    folded = textwrap.wrap(text, 78, break_long_words=False, break_on_hyphens=False) or [""]
    return "\n".join(r"\&" + line if line[0:1] in (".", "'") else line for line in folded)


def whole(line):
    """Within a word the mark of one that isn't hyphenated would be a place to hyphenate it: it stands in front."""
    mark = r"\%"
    return " ".join(mark + each.replace(mark, "") if mark in each else each for each in line.split(" "))


class Page:
    """A page as it grows."""

    def __init__(self, name, section, date, version):
        self.name = name
        self._source = [
            f'.TH {escape(name.upper())} {section} "{date}" "Assay {version}" "Assay"',
            # Never hyphenated, also where a macro goes back to what is usual (HY), and ragged: no blank is stretched.
            ".nr HY 0",
            ".nh",
            ".ad l",
            # Between sentences one blank, as between words: where a line of the source ends is chance.
            ".ss 12 0",
        ]

    def __str__(self):
        return "\n".join(line if line.startswith(".") else whole(line) for line in self._source) + "\n"

    def section(self, title):
        self._source.append(f".SH {escape(title)}")

    def subsection(self, title):
        self._source.append(f'.SS "{words(title)}"')

    def line(self, source):
        """A line of man(7)."""
        self._source.append(source)

    def paragraph(self, text):
        self._part()
        self._source.append(inline(text))

    def example(self, text_lines):
        """Lines as they are, an empty one behind them."""
        self._part()
        self._source += [".RS 4", ".EX"]
        for text in text_lines:
            shown = escape(text)
            self._source.append(r"\&" + shown if shown[:1] in (".", "'") else shown)
        self._source += [".EE", ".RE"]

    def _part(self):
        """A heading brings a blank line of its own."""
        if not self._source[-1].startswith((".SH ", ".SS ")):
            self._source.append(".PP")

    def entry(self, head, *paragraphs):
        """An entry of a list: what it is called, and what it is."""
        self._source += [".TP", head]
        for number, text in enumerate(each for each in paragraphs if each):
            self._source += ([".IP"] if number else []) + [inline(text)]

    def synopsis(self, command, arguments):
        self._source += [f'.SY "{words(command)}"'] + arguments + [".YS"]

    def text(self, discussion):
        """Paragraphs, lists with numbers, and what is indented, as it stands."""
        for block in re.split(r"\n\s*\n", discussion.strip("\n")):
            if re.match(r"\d\. ", block):
                for number, item in re.findall(r"(\d)\. (.*?)(?=\n\d\. |\Z)", block, re.DOTALL):
                    self._source += [f".IP {number}. 4", inline(item)]
                continue
            for indented, run in itertools.groupby(block.split("\n"), lambda line: line.startswith("  ")):
                text = "\n".join(run)
                if indented:
                    self.example(textwrap.dedent(text).split("\n"))
                else:
                    self.paragraph(text)

    def see_also(self, references):
        """References such as ("assay-agent", 1)."""
        self.section("SEE ALSO")
        for number, (name, section) in enumerate(references):
            comma = "," if number + 1 < len(references) else ""
            self._source.append(f".BR {word(name)} ({section}){comma}")
