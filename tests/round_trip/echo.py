"""The server: a program that reads requests into our types and writes answers from them, a line each."""

import json
import subprocess


class Echo:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")

    def call(self, kind, what):
        self.process.stdin.write(json.dumps({kind: what}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"the echo has died: {self.process.wait()}"
        reply = json.loads(line)
        assert "error" not in reply or isinstance(reply, list), reply["error"]
        return reply

    def stop(self):
        self.process.stdin.close()
        self.process.wait()
