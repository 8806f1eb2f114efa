"""Checks the boards and, with a binary, runs them against a demo: `python3 dashboards/check [WASUP]`."""

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import boards
import live
import lists
from processes import Demo, Prometheus, free_port, prometheus_folder, running, wait

HERE = Path(__file__).resolve().parent
SHIPPED = HERE.parent / "prometheus"


def untested():
    """Alerts that no unit test shows firing and quiet."""
    tests = "".join(path.read_text() for path in (SHIPPED / "tests").glob("*.yml"))
    for path in (SHIPPED / "rules").glob("*.yml"):
        for alert in re.findall(r"- alert: (\w+)", path.read_text()):
            for kind in ("fires", "is quiet"):
                if f"name: {alert} {kind}\n" not in tests:
                    yield f"{path.name}: no test shows that {alert} {kind}"


def promtool(*arguments, text=None):
    done = subprocess.run(["promtool", *arguments], input=text, text=True, capture_output=True)
    said = (done.stdout + done.stderr).strip()
    return [] if done.returncode == 0 else [f"promtool {' '.join(arguments)}: {said}"]


def run(wasup, all_boards):
    """A demo, a Prometheus, and what they say."""
    with tempfile.TemporaryDirectory(prefix="wasup-dashboards-") as folder:
        work = Path(folder)
        with running([wasup, "demo", "--accounts", "4", "--messages", "10"], work / "demo.log") as process:
            demo = Demo(process, work / "demo.log")
            config = prometheus_folder(work, SHIPPED, demo)
            found = promtool("check", "config", str(config))
            port = free_port()
            command = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={work / 'tsdb'}"]
            command += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"]
            with running(command, work / "prometheus.log"):
                prometheus = Prometheus(port)
                wait("Prometheus", prometheus.ready)
                wait("the first scrape with the key's file", lambda: prometheus.series('up{job="wasup"} == 1'), 15)
                return found + judge(demo, prometheus, all_boards)


def judge(demo, prometheus, all_boards):
    text = demo.scrape()
    found = promtool("check", "metrics", text=text)
    known = live.catalogue(text)
    may_be_empty = lists.read(HERE / "may_be_empty.txt")
    total, empty = live.empty_panels(prometheus, all_boards, may_be_empty)
    groups = prometheus.ask("rules")["groups"]
    found += live.names(all_boards, groups, known, lists.read(HERE / "not_on_a_board.txt"))
    found += empty
    found += live.rules(prometheus, groups, may_be_empty)
    count = sum(len(group["rules"]) for group in groups)
    print(f"{len(known)} metrics, {len(all_boards)} boards with {total} queries, {count} rules, against a running demo")
    return found


def main():
    begun = time.monotonic()
    all_boards = boards.read(HERE.parent / "grafana")
    found = boards.problems(all_boards) + list(untested())
    if len(sys.argv) > 1:
        found += run(sys.argv[1], all_boards)
    for problem in found:
        print(problem, file=sys.stderr)
    print(f"{'failed' if found else 'ok'} after {time.monotonic() - begun:.0f} s")
    sys.exit(1 if found else 0)


main()
