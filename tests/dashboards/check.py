#!/usr/bin/env python3
"""Evaluates every query of the dashboards and the alerts at a Prometheus, over the time in which the black-box tests ran.

Each query of a panel must have given a number, and what an alert looks at must have been there; every metric of the program
must stand in some panel; every alert must have its tests, and its paragraph in the document that it names.

Usage: tests/dashboards/check.py PROMETHEUS FROM TO   (Unix times)
"""
import json
import math
import pathlib
import re
import sys
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).parents[2]
STEP_S = 2
# Sites of tests live for seconds: rates are taken over less time than in production.
WINDOW = "15s"
VARIABLES = {"$role": ".*", "$instance": ".*", "$__rate_interval": WINDOW}


class Prometheus:
    def __init__(self, url, start, end):
        self.url, self.start, self.end = url, start, end

    def get(self, path, **arguments):
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(arguments)}"
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise ValueError(json.load(error).get("error", error)) from error

    def numbers(self, query):
        """How many numbers a query gave in the whole time."""
        data = self.get("query_range", query=query, start=self.start, end=self.end, step=STEP_S)
        values = [float(value) for series in data["result"] for _, value in series["values"]]
        return sum(not math.isnan(value) for value in values)


def panel_queries():
    """(where it stands, the query) of every panel."""
    for path in sorted((ROOT / "manifests/grafana").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel.get("targets", []):
                yield f"{path.name}: {panel['title']}", target["expr"]


def filled_in(query):
    for name, value in VARIABLES.items():
        query = query.replace(name, value)
    return query


def anchors(document):
    headings = re.findall(r"^#+ (.+)$", document, re.MULTILINE)
    return {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def metrics():
    """The names in the document's table, which a test holds to the program."""
    document = (ROOT / "docs/observability.md").read_text()
    return re.findall(r"^\| `([a-z_]+)` \| (?:counter|gauge|histogram) ", document, re.MULTILINE)


def selectors(query):
    """What a query looks at: metrics, with what they are chosen by."""
    names = "|".join(metrics())
    return re.findall(rf"\b(?:(?:{names})(?:_bucket|_count|_sum)?|up)\b(?:\{{[^}}]*\}})?", query)


def ask(faults, prometheus, where, query):
    """Notes a query that is wrong, or gave nothing."""
    try:
        if prometheus.numbers(query) == 0:
            faults.append(f"{where}: nothing is there for\n    {query}")
    except ValueError as error:
        faults.append(f"{where}: {error}\n    {query}")


def check_panels(faults, prometheus):
    queries = list(panel_queries())
    for where, query in queries:
        ask(faults, prometheus, where, filled_in(query))
    shown = " ".join(query for _, query in queries)
    for name in metrics():
        if not re.search(rf"\b{name}(_bucket|_count|_sum)?\b", shown):
            faults.append(f"{name}: no panel shows it")
    return len(queries)


def check_alerts(faults, prometheus):
    tests = (ROOT / "manifests/prometheus/alerts_test.yml").read_text()
    rules = [rule for group in prometheus.get("rules")["groups"] for rule in group["rules"]]
    for rule in rules:
        name = rule["name"]
        if rule["health"] != "ok":
            faults.append(f"{name}: {rule['health']}: {rule.get('lastError')}")
        for selector in selectors(rule["query"]):
            ask(faults, prometheus, name, f"count({selector})")
        if f'"{name}",alertstate="firing",' not in tests and f"- alertname: {name}\n" not in tests:
            faults.append(f"{name}: no test in which it fires")
        document, _, anchor = rule["annotations"].get("runbook", "").partition("#")
        if not document or anchor not in anchors((ROOT / document).read_text()):
            faults.append(f"{name}: {document} has no #{anchor}")
    if not rules:
        faults.append("the Prometheus has no alerts")
    return len(rules)


def main():
    url, start, end = sys.argv[1:]
    prometheus, faults = Prometheus(url, float(start), float(end)), []
    queries, rules = check_panels(faults, prometheus), check_alerts(faults, prometheus)
    for fault in faults:
        print(f"✗ {fault}", file=sys.stderr)
    if faults:
        sys.exit(f"{len(faults)} faults in {queries} queries of panels and {rules} alerts")
    print(f"{queries} queries of panels gave numbers, {rules} alerts find what they look at")


main()
