"""What an expression of PromQL names, as far as the checks need it: no parser, Prometheus itself is the judge of syntax."""

import re

WORDS = {"and", "or", "unless", "bool", "offset", "by", "without", "on", "ignoring", "group_left", "group_right", "inf", "nan"}


def bare(expr):
    """The expression without strings, matchers, ranges and lists of labels."""
    text = re.sub(r'"(?:[^"\\]|\\.)*"', "", expr)
    text = re.sub(r"\{[^}]*\}", "", text)
    text = re.sub(r"\[[^\]]*\]", "", text)
    return re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", "", text)


def metrics(expr):
    """The names of metrics in it. A name in front of a bracket is a function's."""
    names = re.findall(r"(?<![\w:.])[a-zA-Z_:][\w:]*(?![\w:]|\s*\()", bare(expr))
    return {name for name in names if name.lower() not in WORDS}


def selectors(expr):
    """Every `name{matchers}` in it."""
    return re.findall(r"[a-zA-Z_:][\w:]*\{[^}]*\}", expr)


def filled(expr, interval):
    """The expression as Grafana would send it, with every variable at All."""
    expr = expr.replace("$__rate_interval", interval)
    return re.sub(r"\$\{?(\w+)\}?", ".+", expr)


def family(name, known):
    """The family that a name belongs to, or None."""
    if name in known:
        return name
    for ending in ("_bucket", "_sum", "_count"):
        if name.endswith(ending) and known.get(name.removesuffix(ending)) == "histogram":
            return name.removesuffix(ending)
    return None
