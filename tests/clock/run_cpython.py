"""Runs a module of CPython's own tests and prints, as JSON, which tests did not pass: run_cpython.py MODE MODULE SKIPPED...

MODE: `plain`, without us; `outside`, with our patches; `inside`, each test in a bubble.
"""

import json
import os
import re
import sys
import unittest


def single_tests(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from single_tests(test)
        else:
            yield test


def in_a_bubble(test):
    from pytest_agentperf.clock.bubble import bubble

    run = test.run

    def run_inside(result=None):
        try:
            with bubble():
                return run(result)
        except BaseException:
            return result.addError(test, sys.exc_info())

    test.run = run_inside


def main(mode, module, *skipped):
    if mode != "plain":
        from pytest_agentperf.clock.bubble import install

        install()
    from test import support

    support.use_resources = ["cpu"]
    tests = list(single_tests(unittest.defaultTestLoader.loadTestsFromName(module)))
    tests = [test for test in tests if not any(re.search(pattern, test.id()) for pattern in skipped)]
    if mode == "inside":
        for test in tests:
            in_a_bubble(test)
    with open(os.devnull, "w") as nowhere:
        result = unittest.TextTestRunner(stream=nowhere).run(unittest.TestSuite(tests))
    failed = {test.id(): text.strip().splitlines()[-1] for test, text in result.failures + result.errors}
    print("\nRESULT", json.dumps({"run": result.testsRun, "failed": failed}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
