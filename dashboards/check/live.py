"""The boards and rules against a running demo: every query gives data, every name exists, every metric is seen."""

import re
import time

import promql

# As a board of an hour would ask a Prometheus that scrapes every second; the demo talks every five.
INTERVAL = "10s"
# How long the demo may take to show everything.
PATIENCE = 50.0


def catalogue(text):
    """Names and kinds of a scrape."""
    return dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))


def recorded(groups):
    return {rule["name"] for group in groups for rule in group["rules"] if rule["type"] == "recording"}


def names(boards, groups, known, unseen):
    """What is named and does not exist, and what exists and is not shown."""
    found, seen, records = [], set(), recorded(groups)
    # `up` is Prometheus's own.
    extra = {"up"}
    for board in boards:
        for panel, expr in board.expressions():
            for name in promql.metrics(expr):
                family = promql.family(name, known)
                seen.add(family)
                if family is None:
                    found.append(f"{board.name}: {panel['title']}: {name} does not exist")
        for name in set().union(*map(promql.metrics, board.annotations())):
            if promql.family(name, known) is None:
                found.append(f"{board.name}: annotations: {name} does not exist")
    for group in groups:
        for rule in group["rules"]:
            for name in promql.metrics(rule["query"]) - records - extra:
                if promql.family(name, known) is None:
                    found.append(f"rule {rule['name']}: {name} does not exist")
    found += [f"{name} is on no board and on no list" for name in known if name not in seen and name not in unseen]
    found += [f"not_on_a_board: {name} is on a board, or does not exist" for name in unseen if name in seen or name not in known]
    return found


def empty_panels(prometheus, boards, may_be_empty):
    """Panels' queries that gave nothing, looked at until all give something or the patience ends."""
    waiting = [
        (f"{board.name}: {panel['title']}", promql.filled(expr, INTERVAL), panel["type"] == "table")
        for board in boards
        for panel, expr in board.expressions()
        if f"{board.name}: {panel['title']}" not in may_be_empty
    ]
    total, end = len(waiting), time.monotonic() + PATIENCE
    while waiting and time.monotonic() < end:
        waiting = [one for one in waiting if not prometheus.series(one[1], None if one[2] else 15)]
        time.sleep(1 if waiting else 0)
    return total, [f"{where}: no data for {expr}" for where, expr, _ in waiting]


def rules(prometheus, groups, may_be_empty):
    """Rules that do not work, name labels that nothing has, or fire although nothing is wrong."""
    found = []
    for group in groups:
        for rule in group["rules"]:
            if rule["health"] != "ok":
                found.append(f"rule {rule['name']}: {rule['health']} {rule.get('lastError', '')}")
            if rule.get("state") == "firing":
                found.append(f"rule {rule['name']} fires in a healthy demo: {rule['alerts']}")
            for selector in promql.selectors(rule["query"]):
                if selector not in may_be_empty and not prometheus.series(selector):
                    found.append(f"rule {rule['name']}: nothing is {selector}")
            if rule["type"] == "alerting":
                missing = {"summary", "description", "action"} - set(rule["annotations"])
                found += [f"rule {rule['name']}: no {part}" for part in missing]
                if "severity" not in rule["labels"]:
                    found.append(f"rule {rule['name']}: no severity")
    return found
