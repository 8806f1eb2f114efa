"""Lists of exceptions: a name, white space, and the reason, one a line."""


def read(path):
    """Names and reasons. A line without a reason is an error: nobody could judge it later."""
    exceptions = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, reason = line.partition("  ")
        if not reason.strip():
            raise SystemExit(f"{path.name}, line {number}: no reason")
        exceptions[name.strip()] = reason.strip()
    return exceptions
