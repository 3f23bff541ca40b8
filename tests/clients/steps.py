"""One line a step, and the count at the end decides the exit code."""

import sys
import traceback

_counts = {"passed": 0, "failed": 0}


def step(name, run, *arguments):
    """Runs a step that others build on: its failure ends the chapter."""
    try:
        result = run(*arguments)
    except Exception:
        _counts["failed"] += 1
        print(f"FAIL  {name}")
        raise
    _counts["passed"] += 1
    print(f"ok    {name}")
    return result


def chapter(name, run, *arguments, **named):
    """A row of steps. One that fails does not keep the next chapter from running."""
    print(f"-- {name}")
    failed = _counts["failed"]
    try:
        run(*arguments, **named)
    except Exception:
        _counts["failed"] = max(_counts["failed"], failed + 1)
        traceback.print_exc(file=sys.stdout)


def finish():
    """The exit code."""
    print(f"{_counts['passed']} passed, {_counts['failed']} failed")
    return 0 if _counts["failed"] == 0 and _counts["passed"] else 1
