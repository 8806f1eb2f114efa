"""The boards by themselves: what a reader of a panel must find on it, and what Grafana trips over."""

import json
import re
from pathlib import Path


class Board:
    """A board and its panels, rows left out."""

    def __init__(self, path):
        self.name = path.name
        self.json = json.loads(path.read_text())
        self.panels = [panel for panel in self.json["panels"] if panel["type"] != "row"]

    def expressions(self):
        """Panels with each of their expressions."""
        for panel in self.panels:
            for target in panel.get("targets", []):
                yield panel, target["expr"]

    def annotations(self):
        """The expressions of annotations: they may be empty, but not name what does not exist."""
        return [note["expr"] for note in self.json["annotations"]["list"] if "expr" in note]

    def problems(self):
        yield from self.frame()
        yield from self.places()
        for panel in self.panels:
            for problem in self.panel(panel):
                yield f"{self.name}: {panel.get('title') or panel.get('id')}: {problem}"

    def frame(self):
        board = self.json
        for key in ("uid", "title", "description", "tags"):
            if not board.get(key):
                yield f"{self.name}: no {key}"
        if board.get("schemaVersion", 0) < 36:
            yield f"{self.name}: schemaVersion is older than Grafana 10 writes"
        if "datasource" not in self.variables():
            yield f"{self.name}: no variable for the data source"
        ids = [panel["id"] for panel in board["panels"]]
        if len(set(ids)) != len(ids):
            yield f"{self.name}: two panels have one id"

    def variables(self):
        return {variable["name"] for variable in self.json["templating"]["list"]}

    def places(self):
        taken = {}
        for panel in self.json["panels"]:
            at = panel["gridPos"]
            if at["x"] + at["w"] > 24:
                yield f"{self.name}: {panel['title']}: wider than the board"
            for cell in ((x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])):
                if cell in taken:
                    yield f"{self.name}: {panel['title']} lies over {taken[cell]}"
                    break
                taken[cell] = panel["title"]

    def panel(self, panel):
        for key in ("title", "description"):
            if not panel.get(key):
                yield f"no {key}"
        if not panel["fieldConfig"]["defaults"].get("unit"):
            yield "no unit"
        if panel["datasource"]["uid"] != "${datasource}":
            yield "a data source of its own"
        targets = panel.get("targets") or [{"expr": ""}]
        if len({target.get("refId") for target in targets}) != len(targets):
            yield "two queries have one refId"
        for target in targets:
            yield from self.query(panel, target["expr"])

    def query(self, panel, expr):
        if not expr:
            yield "no query"
        if "$instance" not in expr:
            yield "does not ask for the chosen instance"
        unknown = set(re.findall(r"\$\{?(\w+)", expr)) - self.variables() - {"__rate_interval"}
        if unknown:
            yield f"unknown variables: {unknown}"
        # A table shows one moment: its range is a matter of meaning, not of the board's zoom.
        ranges = set(re.findall(r"\[([^\]]*)\]", expr)) - {"$__rate_interval"}
        if ranges and panel["type"] != "table":
            yield f"ranges that do not follow the board's zoom: {ranges}"


def read(folder):
    """Every board of a folder."""
    return [Board(path) for path in sorted(Path(folder).glob("*.json"))]


def problems(boards):
    """What is wrong with them, each and together."""
    found = [problem for board in boards for problem in board.problems()]
    for key in ("uid", "title"):
        values = [board.json.get(key) for board in boards]
        found += [f"two boards have the {key} {value}" for value in set(values) if values.count(value) > 1]
    return found
