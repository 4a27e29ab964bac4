"""Reads README.md and Docs/*.md: which blocks they have, and what the comments ask of each. See Tests/Docs/run."""
import re
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
PAGES = [TOP / "README.md", *sorted((TOP / "Docs").glob("*.md"))]
# A new exception changes this number, so that none comes unseen.
EXCEPTIONS = 17
COMMANDS, OTHERS = {"sh", "console"}, {"json", "yaml", "text", "mermaid"}


class Fault(Exception):
    pass


class Block:
    """A fenced block, or a comment's commands, and what is asked of it."""

    def __init__(self, page, line, language, text):
        self.page, self.line, self.language, self.text = page, line, language, text
        self.exit, self.loader, self.exception = 0, None, None

    def fail(self, words):
        raise Fault(f"{self.page.relative_to(TOP)}:{self.line}: {words}")

    def steps(self):
        """Commands, each with what the page shows of its output: None if it shows nothing."""
        if self.language == "run":
            return [(f"set -e\n{self.text}\nset +e", None)]
        if self.loader:
            return [(f'block="$steps/block"; {self.loader}', self.text if self.language == "console" else None)]
        if self.language == "sh":
            lines = re.sub(r"\\\n", "\\\\\0", self.text).splitlines()
            return [(line.replace("\0", "\n"), None) for line in lines if line and not line.startswith("#")]
        if self.language == "console":
            first, *parts = re.split(r"^\$ ", self.text, flags=re.M)
            if first or not parts:
                self.fail("a console begins with \"$ \" and a command")
            return [re.fullmatch(r"((?:.*\\\n)*.*\n)((?:.|\n)*)", part).groups() for part in parts]
        self.fail("neither run nor loaded")


class Reader:
    """Reads one page from its beginning to its end."""

    TOKEN = re.compile(r"^<!-- test: (?P<comment>(?:.|\n)*?)-->$|^```(?P<language>.*)\n(?P<text>(?:.|\n)*?)^```$", re.M)

    def __init__(self, page):
        self.page, self.pending, self.found = page, {}, []
        text, end = page.read_text(), 0
        for match in self.TOKEN.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            self.prose(text[end : match.start()], line)
            if match["comment"] is not None:
                self.comment(match["comment"].split(maxsplit=1), Block(page, line, "run", ""))
            else:
                self.block(Block(page, line, match["language"], match["text"]))
            end = match.end()
        self.prose(text[end:], "the end")
        if self.pending:
            raise Fault(f"{page.name}: the last comment is about no block")

    def prose(self, text, end):
        """What is between blocks has none."""
        for lost in re.finditer(r"(?<=\n\n)    .*|^ *(```|<!-- test).*", text, re.M):
            raise Fault(f"{self.page.name}, before {end}: a block or comment that can't be read: {lost[0].strip()}")

    def comment(self, words, block):
        kind, block.text = words[0], "".join(words[1:]).strip()
        if kind in ("start", "run"):
            if self.pending:
                block.fail("the comment before is about no block")
            self.found.append(("start", block.text) if kind == "start" else block)
        elif re.match(r"exit \d+$|with .|not run: .", f"{kind} {block.text}"):
            self.pending[kind] = block.text
        else:
            block.fail(f"no such comment: {kind} {block.text}")

    def block(self, block):
        block.exit = int(self.pending.pop("exit", 0))
        block.loader = self.pending.pop("with", None)
        block.exception = self.pending.pop("not", None)
        if block.language not in COMMANDS | OTHERS:
            block.fail(f"no such language: {block.language!r}")
        if not block.exception and block.language in OTHERS and not block.loader:
            block.fail("neither loaded nor an exception")
        if (block.loader and block.language == "sh") or (block.exception and (block.loader or block.exit)):
            block.fail("its comments contradict each other")
        self.found.append(block)


def blocks(page):
    """A page's blocks and hidden commands in order; ("start", condition) where another host begins."""
    return Reader(page).found


def hosts(page):
    """A page's blocks that are run, by the host on which they are: (condition, blocks)."""
    runs = []
    for item in blocks(page):
        if isinstance(item, tuple):
            runs.append((item[1], []))
        elif not item.exception:
            if not runs:
                item.fail("no comment says in which condition the host is")
            item.steps()
            runs[-1][1].append(item)
    return [run for run in runs if run[1]]


def check():
    """Whether every block is covered, and the exceptions are as many as were thought right."""
    exceptions = []
    for page in PAGES:
        hosts(page)
        exceptions += [block for block in blocks(page) if isinstance(block, Block) and block.exception]
    for block in exceptions:
        print(f"not run: {block.page.name}:{block.line}: {block.exception[len('run: '):]}")
    if len(exceptions) != EXCEPTIONS:
        raise Fault(f"{len(exceptions)} blocks are excepted, {EXCEPTIONS} were expected: see EXCEPTIONS in Tests/Docs/pages.py")
