#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Count the words of overlay/lint/language in comments, messages and documents.

usage: language.py [-v] [ROOT]

Prints a row for each group of files.  The exit status is 3 if a group has more than
one hit in 1,000 lines.  With -v, every hit is printed as "file:line: word: replacement".

Of C files only comments and string literals are read.  Of patches of documents
and Kconfig files only added lines are.  All other files are read whole.
"""
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
LIMIT = 1.0

# A file belongs to the first group that matches its path.
GROUPS = [
    ("mm/percpu, tests", r"mm/percpu/tests/"),
    ("mm/percpu", r"mm/percpu/"),
    ("bigref and tags", r"(kernel|lib|include/linux)/(bigref|percpu_tag|Kconfig\.percpu_tag)"),
    ("percpu_cache", r"(mm|include/linux)/(percpu_cache|Kconfig\.percpu_cache)"),
    ("interface headers", r"include/linux/percpu"),
    ("test programs, tools", r"tools/"),
    ("documents", r"Documentation/|README\.md|[a-z]+/Kconfig[^/]*\.patch"),
    ("overlay", r"overlay/|Makefile|\.ci/"),
]
# The list of words, and traces of programs, are not prose.
SKIPPED = re.compile(r"overlay/lint/language$|/corpus\.txt$|/patches/")

C_TOKEN = re.compile(r"""
    (?P<comment>/\*.*?(?:\*/|\Z) | //(?:\\\n|[^\n])*)
  | (?P<include>^[ \t]*\#[ \t]*include[^\n]*)
  | (?P<string>"(?:\\.|[^"\\\n])*")
  | (?P<char>'(?:\\.|[^'\\\n])*')
""", re.X | re.S | re.M)
CODE = re.compile(r"[^\n]")
# What begins the lines of a comment: it must not separate the words of a phrase.
LEADER = re.compile(r"^[ \t]*(?:/?\*+/?|#+|//+|\+)", re.M)


def hide(text):
    """Replace code by a character that is neither a word nor a blank."""
    return CODE.sub("\0", text)


def prose_of_c(text):
    """Keep comments and string literals, each character at its place."""
    out, end = [], 0
    for m in C_TOKEN.finditer(text):
        out.append(hide(text[end:m.start()]))
        kept = m.lastgroup in ("comment", "string")
        out.append(m.group() if kept else hide(m.group()))
        end = m.end()
    out.append(hide(text[end:]))
    return "".join(out)


def prose_of_patch(text):
    """Keep added lines."""
    lines = text.split("\n")
    return "\n".join(l if re.match(r"\+(?!\+\+ )", l) else hide(l) for l in lines)


def prose(path, text):
    if re.search(r"\.[ch]$", path):
        text = prose_of_c(text)
    elif path.endswith(".patch"):
        text = prose_of_patch(text)
    return LEADER.sub(lambda m: " " * len(m.group()), text)


def read_words(path):
    """One expression for all words, and the replacement of each entry."""
    expressions, replacements = [], []
    with open(path) as f:
        for line in f:
            if not line.strip() or line.startswith("#"):
                continue
            expression, replacement = line.rstrip("\n").split("\t")
            expressions.append(expression.replace(" ", r"\s+"))
            replacements.append(replacement)
    named = ("(?P<w%d>%s)" % (i, e) for i, e in enumerate(expressions))
    return re.compile(r"\b(?:%s)\b" % "|".join(named), re.I), replacements


def files_below(root):
    """Files that git tracks or would add, else all files."""
    git = subprocess.run(
        ["git", "-C", root, "ls-files", "-co", "--exclude-standard"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, universal_newlines=True)
    if git.returncode == 0:
        return sorted(set(git.stdout.splitlines()))
    return sorted(os.path.relpath(os.path.join(folder, name), root)
                  for folder, _, names in os.walk(root) for name in names)


def group_of(path):
    if SKIPPED.search(path):
        return None
    if path.endswith(".patch") and not re.search(r"Kconfig|Documentation/", path):
        return None
    for name, pattern in GROUPS:
        if re.match(pattern, path):
            return name
    return None


def main(args):
    verbose = "-v" in args or bool(os.environ.get("VERBOSE"))
    args = [a for a in args if a != "-v"]
    root = args[0] if args else os.path.dirname(os.path.dirname(HERE))
    words, replacements = read_words(os.path.join(HERE, "language"))
    lines = {name: 0 for name, _ in GROUPS}
    hits = {name: 0 for name, _ in GROUPS}
    for path in files_below(root):
        group = group_of(path)
        full = os.path.join(root, path)
        if not group or not os.path.isfile(full) or os.path.islink(full):
            continue
        with open(full, errors="replace") as f:
            text = prose(path, f.read())
        if path.endswith(".patch"):
            lines[group] += len(re.findall(r"^[^\0\n]", text, re.M))
        else:
            lines[group] += text.count("\n")
        for m in words.finditer(text):
            hits[group] += 1
            if verbose:
                print("%s:%d: %s: %s" % (
                    path, text.count("\n", 0, m.start()) + 1,
                    " ".join(m.group().split()), replacements[int(m.lastgroup[1:])]))
    failed = False
    print("%-22s %7s %6s %11s" % ("language", "lines", "hits", "per 1,000"))
    for name, _ in GROUPS:
        if not lines[name]:
            continue
        rate = 1000 * hits[name] / lines[name]
        # A short group may have one hit.
        bad = rate > LIMIT and hits[name] > 1
        failed |= bad
        print("%-22s %7d %6d %11.1f%s" % (name, lines[name], hits[name], rate,
                                          "  too many" if bad else ""))
    return 3 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
