# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's Chromium without a window, told what to do over a pipe (Chrome DevTools Protocol)."""
import base64
import json
import os
import shutil
import subprocess
import tempfile

SKIPPED = 77  # of meson: the test did not run


def is_there():
    return shutil.which("chromium") is not None


class Browser:
    """with Browser() as browser: one page, which answers events by handlers[METHOD](parameters)."""

    def __enter__(self):
        self.home = tempfile.mkdtemp(prefix="sekisho-browser-")
        to_child, to_us = os.pipe(), os.pipe()

        def give():
            # The child reads at 3 and writes at 4; what is there by chance is moved out of the way first.
            read, write = os.dup2(to_child[0], 63, inheritable=True), os.dup2(to_us[1], 64, inheritable=True)
            os.dup2(read, 3, inheritable=True)
            os.dup2(write, 4, inheritable=True)

        self.process = subprocess.Popen(
            ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--disable-extensions", "--disable-background-networking", "--ignore-certificate-errors",
             "--remote-debugging-pipe", f"--user-data-dir={self.home}/profile"], preexec_fn=give, close_fds=False,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "HOME": self.home})
        os.close(to_child[0])
        os.close(to_us[1])
        self.out, self.into = os.fdopen(to_child[1], "wb", 0), os.fdopen(to_us[0], "rb", 0)
        self.count, self.rest, self.handlers, self.page = 0, b"", {}, None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.page = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        return self

    def __exit__(self, *exception):
        self.process.kill()
        self.process.wait()
        self.out.close()
        self.into.close()
        shutil.rmtree(self.home, ignore_errors=True)

    def read(self):
        while b"\0" not in self.rest:
            piece = self.into.read(65536)
            assert piece, "the browser ended"
            self.rest += piece
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def send(self, method, parameters):
        self.count += 1
        message = {"id": self.count, "method": method, "params": parameters}
        if self.page:
            message["sessionId"] = self.page
        self.out.write(json.dumps(message).encode() + b"\0")
        return self.count

    def call(self, method, **parameters):
        """Waits for the answer; handlers answer what happens meanwhile."""
        number = self.send(method, parameters)
        while True:
            message = self.read()
            if message.get("id") == number:
                assert "error" not in message, (method, message["error"])
                return message["result"]
            if message.get("method") in self.handlers:
                self.handlers[message["method"]](message["params"])

    def run(self, script):
        """The value of a promise, or what went wrong as text."""
        done = self.call("Runtime.evaluate", expression=f"(async () => {{ {script} }})()", awaitPromise=True,
                         returnByValue=True)
        if "exceptionDetails" in done:
            return done["exceptionDetails"].get("exception", {}).get("description", "an exception")
        return done["result"].get("value")

    def serve(self, address, page):
        """The page stands at the address, whatever the server there would say."""
        def answer(event):
            self.send("Fetch.fulfillRequest", {
                "requestId": event["requestId"], "responseCode": 200,
                "responseHeaders": [{"name": "Content-Type", "value": "text/html"}],
                "body": base64.b64encode(page.encode()).decode()})

        self.handlers["Fetch.requestPaused"] = answer
        self.call("Page.enable")
        self.call("Fetch.enable", patterns=[{"urlPattern": address, "requestStage": "Request"}])
        self.call("Page.navigate", url=address)
