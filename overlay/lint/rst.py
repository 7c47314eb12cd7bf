#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Print what docutils says of pages: FILE:LINE: LEVEL: MESSAGE. What it does not know,
as the directives of Sphinx, is left out; make lint-docs has Sphinx itself.
usage: rst.py FILE..."""

import io
import re
import sys

import docutils.core

UNKNOWN = re.compile(r"Unknown (directive type|interpreted text role)|"
                     r"No (directive|role) entry for|not found in .*language")


def check(path):
    said = io.StringIO()
    with open(path) as f:
        docutils.core.publish_doctree(f.read(), path, settings_overrides={
            "warning_stream": said, "report_level": 2, "halt_level": 5})
    for line in said.getvalue().splitlines():
        found = re.match(r"(.*:\d+): \(([A-Z]+)/\d\) (.*)", line)
        if found and not UNKNOWN.search(found[3]):
            print("%s: %s: %s" % found.groups())


for page in sys.argv[1:]:
    check(page)
