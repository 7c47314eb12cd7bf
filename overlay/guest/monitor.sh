#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Run commands of QEMU's monitor, and print its answers when all are done.
# usage: monitor.sh SOCKET COMMAND...
exec python3 - "$@" <<'END'
import socket
import sys
with socket.socket(socket.AF_UNIX) as monitor:
    monitor.connect(sys.argv[1])
    for command in ["", *sys.argv[2:]]:
        if command:
            monitor.sendall(command.encode() + b"\n")
        answer = b""
        while not answer.endswith(b"(qemu) "):
            more = monitor.recv(4096)
            if not more:
                break
            answer += more
        # The monitor repeats the command letter by letter.
        if command:
            print(answer.decode(errors="replace").split("\n", 1)[-1])
END
