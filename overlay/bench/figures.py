#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Tie the numbers of documents to the rows of overlay/bench/figures.

usage: figures.py check           print numbers that differ, and numbers without a row
       figures.py write           write the figures into the documents
       figures.py merge FILE      take the blocks of a run of make bench from FILE

overlay/bench/places says where the numbers are; its head describes the form.
OVERLAY_TOP is another checkout to work on.
"""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.environ.get("OVERLAY_TOP") or os.path.dirname(os.path.dirname(HERE))
FIGURES = os.path.join(TOP, "overlay/bench/figures")
PLACES = os.path.join(TOP, "overlay/bench/places")

PLACEHOLDER = re.compile(
    r"\{(?:(?P<block>\w+)!)?(?P<row>\w+)(?:@(?P<cpus>\d+))?"
    r"(?::(?P<column>area|stock|ratio|times))?(?:/(?P<divisor>\d+))?(?P<scaled>~)?\}")
NUMBER = r"(n/a|[0-9]+(?:[.,][0-9]+)*(?: [kM]\b)?)"
# A number with one of these units is a figure, wherever it is.
UNIT = re.compile(r"[0-9][0-9,.]*(?: k)?(?: guest)?\s+(?:instructions|ns|nanoseconds)\b")
DIGIT = re.compile(r"(?<![\w-])[0-9]+(?:[.,][0-9]+)*")


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def read_blocks(path):
    """Return {block: lines of the block, its "[name]" line first} and the file's head."""
    head, blocks, name = [], {}, None
    for line in read(path).splitlines():
        begin = re.fullmatch(r"\[(\w+)\]", line)
        if begin:
            name = begin[1]
            blocks[name] = []
        if line:
            (blocks[name] if name else head).append(line)
    return head, blocks


def all_documents():
    """Return the paths of documents, of README.md and of the texts of the series."""
    out = []
    for folder in "Documentation", "overlay/release/series":
        for path, _, files in sorted(os.walk(os.path.join(TOP, folder))):
            out += [os.path.relpath(os.path.join(path, name), TOP)
                    for name in sorted(files) if name.endswith((".rst", ".txt"))]
    return out + [name for name in ["README.md"] if os.path.exists(os.path.join(TOP, name))]


def read_rows():
    """Return {(block, row, cpus): (area, stock)}, both as text."""
    rows = {}
    for block, lines in read_blocks(FIGURES)[1].items():
        for line in lines[1:]:
            if not line.startswith("#"):
                row, cpus, _unit, area, stock = line.split("\t")
                rows[block, row, cpus] = (area, stock)
    return rows


def read_places():
    """Return [(line, path, template)] and [(line, path, title of a section)]."""
    places, sections, path = [], [], None
    for nr, line in enumerate(read(PLACES).splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line.startswith("in "):
            path = line[3:].strip()
            places.append((nr, path, None))
        elif line.startswith("\tsection "):
            sections.append((nr, path, line[9:].strip()))
        else:
            places.append((nr, path, line.strip()))
    return places, sections


def with_commas(value):
    """Format a number as documents do; keep the digits after the point."""
    whole, point, rest = value.partition(".")
    return f"{int(whole):,}{point}{rest}"


def scaled(value):
    if value >= 1000000:
        return f"{value / 1000000:.1f} M"
    return f"{value / 1000:.0f} k"


def value_of(rows, m):
    """Return the text for a placeholder, or None if there is no such row."""
    blocks = [m["block"]] if m["block"] else ["bench", "user", "memory", "other"]
    found = [rows[b, m["row"], m["cpus"] or "4"] for b in blocks
             if (b, m["row"], m["cpus"] or "4") in rows]
    if not found:
        return None
    area, stock = found[0]
    column = m["column"] or "area"
    needed = {"area": [area], "stock": [stock]}.get(column, [area, stock])
    if "-" in needed:
        return "n/a"
    if column == "ratio":
        return f"{float(area) / float(stock):.2f}"
    if column == "times":
        return f"{float(stock) / float(area):.1f}"
    value = area if column == "area" else stock
    if m["divisor"]:
        value = f"{round(float(value) / int(m['divisor']), 1):g}"
    if m["scaled"]:
        return scaled(float(value))
    return with_commas(value)


def regex_of(template):
    """Return the expression that finds a template with any numbers and any blanks."""
    out, end = [], 0

    def literal(text):
        return re.sub(r"(?:\\?\s)+", r"\\s+", re.escape(text))
    for m in PLACEHOLDER.finditer(template):
        out += [literal(template[end:m.start()]), NUMBER]
        end = m.end()
    return re.compile("(?<![0-9])" + "".join(out) + literal(template[end:]) + "(?![0-9])")


def fit(text, begin, end, new):
    """Return TEXT with TEXT[begin:end] replaced; a number of a table keeps its right end."""
    line = text.rfind("\n", 0, begin) + 1
    blanks = begin - line - len(text[line:begin].rstrip(" "))
    if blanks >= 2:
        grow = len(new) - (end - begin)
        pad = max(blanks - grow, 2)
        return text[:begin - blanks] + " " * pad + new + text[end:]
    return text[:begin] + new + text[end:]


class Document:
    """A document, and the parts of it that the templates have found."""

    def __init__(self, path):
        self.path = path
        self.text = read(os.path.join(TOP, path))
        self.covered = []
        self.wanted = []        # (begin, end, text)

    def line(self, offset):
        return self.text.count("\n", 0, offset) + 1

    def place(self, template, rows):
        """Find a template. Return findings."""
        found = list(regex_of(template).finditer(self.text))
        if len(found) != 1:
            return [f"{len(found)} times in {self.path}: {template}"]
        match, out = found[0], []
        self.covered.append(match.span())
        for group, m in enumerate(PLACEHOLDER.finditer(template), 1):
            value = value_of(rows, m)
            if value is None:
                out.append(f"no figure for {m[0]}")
            else:
                self.wanted.append((*match.span(group), value))
        return out

    def differing(self):
        for begin, end, value in sorted(self.wanted):
            if self.text[begin:end] != value:
                yield begin, end, value

    def section(self, title):
        """Return the span from a heading to the next one of its level, or None."""
        text = self.text
        if title == "*":
            return 0, len(text)
        form = r"^{}\n(([=~^-])\2{{2,}})$" if not self.path.endswith(".md") else r"^(#+) {}$"
        head = re.search(form.format(re.escape(title)), text, re.M)
        if not head:
            return None
        again = (rf"^\S.*\n(?:{re.escape(head[2])}{{3,}}|={{3,}})$" if not self.path.endswith(".md")
                 else rf"^#{{1,{len(head[1])}}} ")
        after = re.compile(again, re.M).search(text, head.end())
        return head.end(), after.start() if after else len(text)

    def untied(self, span, what):
        """Yield the numbers in a part of the document that no template covers."""
        for m in what.finditer(self.text, *span):
            if not any(b <= m.start() < e for b, e in self.covered):
                yield m

    def write(self):
        for begin, end, value in sorted(self.wanted, reverse=True):
            if self.text[begin:end] != value:
                self.text = fit(self.text, begin, end, value)
        with open(os.path.join(TOP, self.path), "w", encoding="utf-8") as f:
            f.write(self.text)


def examine():
    """Return the documents and the findings about them, but for different numbers."""
    rows = read_rows()
    places, sections = read_places()
    documents = {path: Document(path) for path in all_documents()}
    findings = []
    for nr, path, template in places:
        if path not in documents:
            findings.append(f"overlay/bench/places:{nr}: PLACE: there is no document {path}")
            continue
        doc = documents[path]
        if template:
            findings += [f"overlay/bench/places:{nr}: PLACE: {f}" for f in doc.place(template, rows)]
    for nr, path, title in sections:
        doc = documents.get(path)
        span = doc and doc.section(title)
        if not span:
            findings.append(f"overlay/bench/places:{nr}: PLACE: {path} has no section {title}")
            continue
        findings += [f"{path}:{doc.line(m.start())}: UNTIED: {m[0]}, in the section {title}"
                     for m in doc.untied(span, DIGIT)]
    for doc in documents.values():
        findings += [f"{doc.path}:{doc.line(m.start())}: UNTIED: {' '.join(m[0].split())}"
                     for m in doc.untied((0, len(doc.text)), UNIT)]
    return documents, findings


def check():
    documents, findings = examine()
    tied = with_figures = 0
    for doc in documents.values():
        tied += len(doc.wanted)
        with_figures += bool(doc.wanted)
        findings += [f"{doc.path}:{doc.line(b)}: DIFFERS: {doc.text[b:e]}, the figure is {value}"
                     for b, e, value in doc.differing()]
    print("\n".join(sorted(set(findings))), end="\n" if findings else "")
    if not tied:
        print("overlay/bench/places: EMPTY: no number is tied to a figure")
    print(f"    {tied} numbers in {with_figures} of {len(documents)} documents are figures",
          file=sys.stderr)


def write():
    documents, findings = examine()
    for doc in documents.values():
        n = len(list(doc.differing()))
        if n:
            doc.write()
            print(f"{doc.path}: {n} numbers")
    print("\n".join(findings), end="\n" if findings else "", file=sys.stderr)
    return bool(findings)


def merge(path):
    """Replace blocks of the home by those of a run."""
    head, home = read_blocks(FIGURES)
    _, run = read_blocks(path)
    for name, lines in run.items():
        if home.get(name) != lines:
            print(f"block {name}: " + ", ".join(line[2:] for line in lines if line.startswith("# date")))
        home[name] = lines
    with open(FIGURES, "w", encoding="utf-8") as f:
        f.write("\n".join(head) + "\n")
        for lines in home.values():
            f.write("\n" + "\n".join(lines) + "\n")


def main():
    match sys.argv[1:]:
        case ["check"]:
            return check()
        case ["write"]:
            return write()
        case ["merge", path]:
            return merge(path)
    sys.exit(__doc__)


if __name__ == "__main__":
    sys.exit(main())
