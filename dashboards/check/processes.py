"""The demo and a Prometheus that scrapes it: started here, ended here."""

import contextlib
import json
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait(what, look, patience=60.0):
    """Looks until there is something, or gives up with its name."""
    end = time.monotonic() + patience
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > end:
            raise SystemExit(f"waited in vain for {what}")
        time.sleep(0.1)


@contextlib.contextmanager
def running(command, log):
    """A process that ends with the block, whatever ends it."""
    with open(log, "wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Demo:
    """`wasup demo` with its address and key, as it prints them for people."""

    def __init__(self, process, log):
        def printed():
            if process.poll() is not None:
                raise SystemExit(f"the demo ended:\n{log.read_text()}")
            text = log.read_text()
            return re.search(r"metrics +(http://(\S+))/metrics", text), re.search(r"Bearer (\S+?)'", text)

        address, key = wait("the demo's address", lambda: (lambda found: all(found) and found)(printed()))
        self.base, self.address, self.key = address[1], address[2], key[1]

    def scrape(self):
        """The text of /metrics."""
        request = urllib.request.Request(f"{self.base}/metrics", headers={"Authorization": f"Bearer {self.key}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read().decode()


def prometheus_folder(work, source, demo):
    """The shipped configuration with the demo's address and key, scraping and judging every second."""
    shutil.copytree(Path(source) / "rules", work / "rules")
    key = work / "key"
    key.touch(mode=0o600)
    key.write_text(demo.key)
    text = (Path(source) / "prometheus.yml").read_text()
    changes = (
        ("/etc/prometheus/wasup_api_key", str(key)),
        ("127.0.0.1:8080", demo.address),
        ("scrape_interval: 15s", "scrape_interval: 1s"),
        ("evaluation_interval: 15s", "evaluation_interval: 1s"),
    )
    for old, new in changes:
        # The install line above the config names the key's place too.
        if old not in text:
            raise SystemExit(f"prometheus.yml does not say {old}")
        text = text.replace(old, new)
    config = work / "prometheus.yml"
    config.write_text(text)
    return config


class Prometheus:
    """The API of a Prometheus."""

    def __init__(self, port):
        self.base = f"http://127.0.0.1:{port}"

    def ready(self):
        try:
            with urllib.request.urlopen(f"{self.base}/-/ready", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def ask(self, path, **query):
        url = f"{self.base}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as refusal:
            # Only a wrong query is refused so; its reader wants to know why.
            return {"error": json.load(refusal).get("error", str(refusal))}

    def series(self, expr, seconds=None):
        """The series that an expression gives, now or over the last seconds; None where all of it is no number."""
        if seconds is None:
            data = self.ask("query", query=expr)
        else:
            now = time.time()
            data = self.ask("query_range", query=expr, start=now - seconds, end=now, step=1)
        if "error" in data:
            raise SystemExit(f"Prometheus refuses {expr}: {data['error']}")
        return [row["metric"] for row in data["result"] if any(v != "NaN" for _, v in row.get("values", [row.get("value")]))]
