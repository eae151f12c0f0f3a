#!/usr/bin/env python3
"""Writes the dashboards beside this file from the tables below.

Usage: manifests/grafana/generate.py [--check]   --check only tells whether they are up to date.

In a query, $at stands for the site and the choice of role and instance in it, and $RATE for the window that Grafana finds fit.
"""
import json
import pathlib
import sys

FOLDER = pathlib.Path(__file__).parent
AT = 'job="fanone", role=~"$role", instance=~"$instance"'
VECTORS = "fanone_vector_search_duration_seconds"
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
HTTP, SERVED, CALLED, SQL, CACHE, JOB = (
    "http_server_request_duration_seconds", "rpc_server_call_duration_seconds", "rpc_client_call_duration_seconds",
    "db_client_operation_duration_seconds", "fanone_cache_operation_duration_seconds", "fanone_job_duration_seconds")
FAILED = 'http_response_status_code=~"5.."'
# Uploads, media and the chat last as long as the client likes.
QUICK = 'http_route!~"/ws|/upload.*|/media.*|/video/publish"'


def rate(metric, by="", where=""):
    matchers = f"$at, {where}" if where else "$at"
    return f"sum{f' by ({by})' if by else ''} (rate({metric}{{{matchers}}}[$RATE]))"


def quantile(q, histogram, by="", where=""):
    return f"histogram_quantile({q}, {rate(histogram + '_bucket', 'le, ' + by if by else 'le', where)})"


def graph(title, unit, description, *queries, width=8):
    """Each query with the legend of its lines."""
    return {"type": "timeseries", "title": title, "unit": unit, "description": description, "queries": queries, "size": (width, 8)}


def number(title, unit, description, query, alarm=None):
    """One number; red from `alarm` on."""
    return {"type": "stat", "title": title, "unit": unit, "description": description, "queries": [(query, "")],
            "size": (4, 4), "alarm": alarm}


def table(title, description, query, width=8):
    """The series as they are now, with their labels."""
    return {"type": "table", "title": title, "unit": "none", "description": description, "queries": [(query, "")], "size": (width, 8)}


OVERVIEW = {
    "Now": [
        number("Requests", "reqps", "Answers of all fronts.", rate(HTTP + "_count")),
        number("Errors", "percentunit", "Part of the answers with a status of 500 or more.",
               f'({rate(HTTP + "_count", where=FAILED)} or vector(0)) / {rate(HTTP + "_count")}', 0.01),
        number("p99", "s", "99 of 100 requests take less; without uploads, media files and the chat.",
               quantile(0.99, HTTP, where=QUICK), 1),
        number("Processes", "none", "Processes that answer Prometheus.", "sum(up{$at})"),
        number("Processes down", "none", "Processes that Prometheus knows and that do not answer.", "sum(1 - up{$at})", 1),
        number("Parts that fail", "none",
              "Databases, caches and media stores that do not work, each counted by every process that needs it.",
               "sum(1 - fanone_part_ready{$at})", 1),
    ],
    "The front": [
        graph("Requests by route", "reqps", "How much is asked for.", (rate(HTTP + "_count", "http_route"), "{{http_route}}")),
        graph("Answers that are errors", "reqps",
              "By status: 4xx are the clients' faults or limits (429), 503 and 504 a part that fails, 500 a fault of ours.",
              (rate(HTTP + "_count", "http_response_status_code", 'http_response_status_code=~"[45].."'), "{{http_response_status_code}}")),
        graph("Failed requests by route", "reqps", "Where the answers with 5xx come from.",
              (rate(HTTP + "_count", "http_route", FAILED), "{{http_route}}")),
        graph("p50 by route", "s", "Half of the requests take less.",
              (quantile(0.5, HTTP, "http_route", QUICK), "{{http_route}}")),
        graph("p99 by route", "s", "99 of 100 requests take less.",
              (quantile(0.99, HTTP, "http_route", QUICK), "{{http_route}}")),
        graph("In work", "none", "Requests that are not answered yet, and open connections (limit: http.connections_max).",
              ("sum(http_server_active_requests{$at})", "requests"), ("sum(http_server_open_connections{$at})", "connections")),
        graph("Uploads", "Bps", "Bytes of videos that come in.", (rate("fanone_upload_bytes_total", "instance"), "{{instance}}")),
    ],
    "Processes": [
        graph("Parts", "bool", "Each part as the process that needs it least well sees it.",
              ("min by (part) (fanone_part_ready{$at})", "{{part}}")),
        graph("Processor", "none", "Cores in use by each process.",
              (rate("process_cpu_seconds_total", "role, instance"), "{{role}} {{instance}}")),
        graph("Memory", "bytes", "In RAM now, and the most since the start.",
              ("process_resident_memory_bytes{$at}", "{{role}} {{instance}}"),
              ("max(process_resident_memory_peak_bytes{$at})", "the highest peak")),
        graph("Open files", "none", "Files and connections; allow some hundred more than http.connections_max.",
              ("process_open_fds{$at}", "{{role}} {{instance}}")),
        graph("Spans dropped", "none", "Spans of traces a second that no collector got.",
              (rate("fanone_trace_spans_dropped_total", "reason"), "{{reason}}")),
        graph("Live settings", "none", "Processes that can't read their documents, and documents that were refused.",
              ("sum(fanone_config_away{$at})", "can't read"),
              ("sum by (document) (increase(fanone_config_documents_refused_total{$at}[$__rate_interval]))", "{{document}} refused")),
        table("Versions", "Processes of each version; more than one line outside of an upgrade is a forgotten process.",
              "count by (version, role) (fanone_build_info{$at})"),
    ],
}

SERVICES = {
    "What the services do": [
        graph("Calls served by service", "reqps", "Calls that arrive, whatever becomes of them.",
              (f'sum by (service) (label_replace(rate({SERVED}_count{{$at}}[$RATE]), "service", "$1", "rpc_method", "(.*)/.*"))', "{{service}}")),
        graph("Calls served by method", "reqps", "The twenty busiest methods.",
              (f"topk(20, {rate(SERVED + '_count', 'rpc_method')})", "{{rpc_method}}"), width=16),
        graph("p50 by method", "s", "As the service sees it.", (quantile(0.5, SERVED, "rpc_method"), "{{rpc_method}}")),
        graph("p99 by method", "s", "As the service sees it.", (quantile(0.99, SERVED, "rpc_method"), "{{rpc_method}}")),
        graph("Not answered", "reqps",
              "refused: the caller may not, or too many at a time; timeout; fault: a panic or a failed database.",
              (rate(SERVED + "_count", "rpc_method, outcome", 'outcome!="ok"'), "{{rpc_method}} {{outcome}}")),
    ],
    "What their callers see": [
        graph("Calls by caller", "reqps", "Who asks.", (rate(CALLED + "_count", "caller"), "{{caller}}")),
        graph("Calls that did not come back", "reqps",
              "unavailable: no process of the service was reached; timeout: none answered in calls.rpc_timeout_ms.",
              (f'sum by (service, outcome) (label_replace(rate({CALLED}_count{{$at, outcome!="ok"}}[$RATE]), "service", "$1", "rpc_method", "(.*)/.*"))',
               "{{service}} {{outcome}}")),
        graph("p99 by method", "s",
              "With the way there and back. Much more than what the service sees: the network, or a process that is overloaded.",
              (quantile(0.99, CALLED, "rpc_method"), "{{rpc_method}}")),
        graph("Refused at the door", "reqps",
              "forbidden: somebody calls without permission; malformed: bytes that are no message; busy: calls.concurrent_max; "
              "qps_limit, connection_limit: the rule of the service.",
              (rate("fanone_rpc_refused_total", "reason, role"), "{{role}} {{reason}}")),
    ],
    "How calls are governed": [
        graph("Breakers that are not closed", "none",
              "Methods and instances between which calls fail. 2: open, no calls go there; 1: half open, some do.",
              ("max by (rpc_method, address) (fanone_rpc_breaker_state{$at})", "{{rpc_method}} at {{address}}")),
        graph("Calls not made", "reqps", "Because the breaker of every instance is open, or a rule gives up a part of the calls.",
              (rate("fanone_rpc_breaker_rejections_total", "rpc_service"), "{{rpc_service}} breaker"),
              (rate("fanone_rpc_degraded_total", "rpc_service"), "{{rpc_service}} degradation")),
        graph("Attempts after the first", "reqps",
              "retry: the attempt before brought nothing; backup: it took long. late: the other one was quicker after all.",
              (rate("fanone_rpc_repeats_total", "kind, outcome"), "{{kind}} {{outcome}}")),
    ],
}

STORES = {
    "Databases": [
        graph("Statements", "ops", "By service and kind.",
              (rate(SQL + "_count", "db_namespace, db_operation_name"), "{{db_namespace}} {{db_operation_name}}")),
        graph("p50 of statements", "s", "Half of the statements take less.",
              (quantile(0.5, SQL, "db_namespace, db_operation_name"), "{{db_namespace}} {{db_operation_name}}")),
        graph("p99 of statements", "s", "Above some 10 ms look at the slow log of the database.",
              (quantile(0.99, SQL, "db_namespace, db_operation_name"), "{{db_namespace}} {{db_operation_name}}")),
        graph("Connections", "none", "In use and idle, of all processes. Database servers only.",
              ("sum by (db_namespace, shard, state) (db_client_connection_count{$at})", "{{db_namespace}} {{shard}} {{state}}")),
        graph("The fullest pool", "percentunit",
              "Connections in use, as a part of database.connections_max, in the process where it is most.",
              ('max by (db_namespace, shard) (sum by (db_namespace, shard, instance) (db_client_connection_count{$at, state="used"}) '
               "/ sum by (db_namespace, shard, instance) (db_client_connection_max{$at}))", "{{db_namespace}} {{shard}}")),
        graph("Waiting for a connection", "none", "Who waits now, and waits that ended without a connection (a second).",
              ("sum by (db_namespace, shard) (db_client_connection_pending_requests{$at})", "{{db_namespace}} {{shard}} waiting"),
              (rate("db_client_connection_timeouts_total", "db_namespace"), "{{db_namespace}} given up")),
        graph("Transactions run again", "ops",
              "After a deadlock, a lock or a lost connection. Some are normal when many change the same rows.",
              (rate("fanone_db_transaction_repeats_total", "db_namespace"), "{{db_namespace}}")),
    ],
    "The cache": [
        graph("Operations", "ops", "On the Redis server, by what they are.",
              (rate(CACHE + "_count", "operation"), "{{operation}}")),
        graph("p99 of operations", "s", "At cache.timeout_ms the process goes on alone.",
              (quantile(0.99, CACHE, "operation"), "{{operation}}")),
        graph("Outcomes", "ops", "away: no answer in time, an outage begins; refused: the server said no.",
              (rate(CACHE + "_count", "outcome"), "{{outcome}}")),
        graph("Outages", "bool", "1 while a process goes on without the cache server.",
              ("max by (role, instance) (fanone_cache_away{$at})", "{{role}} {{instance}}")),
    ],
    "Vectors": [
        graph("Searches", "ops", "In memory or in Milvus. away: no answer in time, or none a moment ago.",
              (rate(VECTORS + "_count", "outcome"), "{{outcome}}")),
        graph("p99 of searches", "s", "At vectors.timeout_ms image search is temporarily unavailable.",
              (quantile(0.99, VECTORS, "outcome"), "{{outcome}}")),
        graph("Vector database away", "bool", "1 while a process has no image search. What waits is among the counters.",
              ("max by (role, instance) (fanone_vectors_away{$at})", "{{role}} {{instance}}")),
    ],
    "The model of pictures": [
        graph("p99 of a vector", "s", "Of those that were made; at model.timeout_ms an upload goes on without.",
              (quantile(0.99, "fanone_model_embed_duration_seconds", "kind"), "{{kind}}")),
        graph("Vectors that were not made", "ops",
              "unreachable, timeout: the model is away or slow, and left alone (resting) for a second each time; refused, answer: it says "
              "no, or what can't be right; fault: ours. Searches answer 10006; uploads go on and are described later.",
              (rate("fanone_model_failures_total", "reason"), "{{reason}}")),
        graph("Described later", "ops", "Pictures that had no vector of the model, by what came of looking at them again.",
              (rate("fanone_model_described_later_total", "outcome"), "{{outcome}}")),
    ],
}

COUNTERS = {
    "Numbers on their way": [
        graph("Oldest event", "s",
              "How far likes, comments, follows and works are behind: about counters.interval_ms when all is well.",
              ("max by (source, destination) (fanone_outbox_lag_seconds{$at})", "{{source}} to {{destination}}")),
        graph("Events that wait", "none", "In the outboxes; counted up to 10,000 in each shard.",
              ("sum by (source, destination) (max by (source, shard, destination) (fanone_outbox_pending_events{$at}))", "{{source}} to {{destination}}")),
        graph("By shard", "s", "The oldest event of each shard: one alone is behind when its database is.",
              ("max by (source, shard, destination) (fanone_outbox_lag_seconds{$at})", "{{source}} {{shard}} to {{destination}}")),
    ],
    "Batches": [
        graph("Batches", "ops", "Sent to other services, by what became of them; one that fails is sent again.",
              (rate(CALLED + "_count", "caller, rpc_method, outcome", 'rpc_method=~".*/ApplyEvents"'), "{{caller}} {{rpc_method}} {{outcome}}")),
        graph("p99 of a batch", "s", "Until the receiver has stored it.",
              (quantile(0.99, CALLED, "caller, rpc_method", 'rpc_method=~".*/ApplyEvents"'), "{{caller}} {{rpc_method}}")),
        graph("Deliveries that failed", "ops", "Runs of the sending jobs.",
              (rate("fanone_job_failures_total", "job_name", 'job_name=~".*_to_.*"'), "{{job_name}}")),
    ],
}

CHAT_METHODS = 'rpc_method=~"fanone.social/(SendMessage|History|TakeUnread|UnreadSummary|MarkRead)"'
CHAT = {
    "Connections": [
        graph("Open connections", "none", "WebSockets of each front.",
              ("sum by (instance) (fanone_chat_connections{$at})", "{{instance}}")),
        graph("New connections", "reqps", "Handshakes by status: 101 is a connection, 401 no login.",
              (rate(HTTP + "_count", "http_response_status_code", 'http_route="/ws"'), "{{http_response_status_code}}")),
        graph("Frames", "ops", "in: what clients ask; out: answers, and messages of others.",
              (rate("fanone_chat_frames_total", "direction"), "{{direction}}")),
    ],
    "Messages": [
        graph("Calls for the chat", "reqps", "What the frames became at the social service.",
              (rate(CALLED + "_count", "rpc_method, outcome", CHAT_METHODS), "{{rpc_method}} {{outcome}}")),
        graph("p99 of a call", "s", "A message is stored before it is answered.",
              (quantile(0.99, CALLED, "rpc_method", CHAT_METHODS), "{{rpc_method}}")),
        graph("Passed on between fronts", "ops",
              "Messages published on Redis, by outcome; one that is lost there is found unread.",
              (rate(CACHE + "_count", "outcome", 'operation="publish"'), "{{outcome}}")),
    ],
}

JOBS = {
    "Scheduled jobs": [
        graph("Runs", "ops", "In all processes; one without the lease only looks.",
              (rate(JOB + "_count", "job_name"), "{{job_name}}")),
        graph("p99 of a run", "s", "Longer than the interval: the next run comes later.",
              (quantile(0.99, JOB, "job_name"), "{{job_name}}")),
        graph("Failures", "ops", "Failed runs; the log says once why.",
              (rate("fanone_job_failures_total", "job_name"), "{{job_name}}")),
        graph("Since the last success", "s", "In the process that waits longest.",
              ("max by (job_name) (time() - fanone_job_last_success_timestamp_seconds{$at})", "{{job_name}}")),
        table("Intervals", "How often each job runs.", "max by (job_name) (fanone_job_interval_seconds{$at})"),
    ],
    "Leases": [
        table("Who has the leases", "The process that runs a job for a shard. Only with database servers: an embedded database has one process.",
              "max by (job_name, source, shard, instance) (fanone_job_leases{$at}) == 1", width=16),
        graph("Jobs without a process", "bool", "1 when nobody has the lease of a job.",
              ("1 - max by (job_name, source, shard) (fanone_job_leases{$at})", "{{job_name}} {{source}} {{shard}}")),
    ],
}

DASHBOARDS = [("overview", "Overview", OVERVIEW), ("services", "Services", SERVICES), ("stores", "Stores", STORES),
              ("counters", "Counters", COUNTERS), ("chat", "Chat", CHAT), ("jobs", "Jobs", JOBS)]


def finished(query):
    return query.replace("$at", AT).replace("$RATE", "$__rate_interval")


def field_config(panel):
    steps = [{"color": "green", "value": None}]
    if panel.get("alarm") is not None:
        steps.append({"color": "red", "value": panel["alarm"]})
    return {"defaults": {"unit": panel["unit"], "min": 0, "thresholds": {"mode": "absolute", "steps": steps}}, "overrides": []}


def panel_of(panel, number, x, y):
    width, height = panel["size"]
    instant = panel["type"] != "timeseries"
    targets = [{"refId": chr(ord("A") + place), "datasource": SOURCE, "expr": finished(query), "legendFormat": legend or "__auto",
                "instant": instant, "range": not instant, "format": "table" if panel["type"] == "table" else "time_series"}
               for place, (query, legend) in enumerate(panel["queries"])]
    options = {
        "timeseries": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}},
        "stat": {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}, "colorMode": "value", "graphMode": "none"},
        "table": {"showHeader": True},
    }[panel["type"]]
    made = {"id": number, "type": panel["type"], "title": panel["title"], "description": panel["description"], "datasource": SOURCE,
            "gridPos": {"x": x, "y": y, "w": width, "h": height}, "fieldConfig": field_config(panel), "options": options, "targets": targets}
    if panel["type"] == "table":
        made["transformations"] = [{"id": "organize", "options": {"excludeByName": {"Time": True}}}]
    return made


def laid_out(rows):
    """The panels of all rows, from left to right, under their headings."""
    panels, y = [], 0
    for title, row in rows.items():
        panels.append({"id": len(panels) + 1, "type": "row", "title": title, "collapsed": False, "panels": [],
                       "gridPos": {"x": 0, "y": y, "w": 24, "h": 1}})
        x, y, tallest = 0, y + 1, 0
        for panel in row:
            width, height = panel["size"]
            if x + width > 24:
                x, y, tallest = 0, y + tallest, 0
            panels.append(panel_of(panel, len(panels) + 1, x, y))
            x, tallest = x + width, max(tallest, height)
        y += tallest
    return panels


def choice(name, query):
    return {"type": "query", "name": name, "label": name, "datasource": SOURCE, "query": {"query": query, "refId": name},
            "refresh": 2, "sort": 1, "multi": True, "includeAll": True, "allValue": ".*", "current": {"text": ["All"], "value": ["$__all"]}}


def dashboard(name, title, rows):
    datasource = {"type": "datasource", "name": "datasource", "label": "source", "query": "prometheus", "current": {}}
    return {
        "uid": f"fanone-{name}", "title": f"FanOne: {title}", "tags": ["fanone"], "schemaVersion": 38, "version": 1, "editable": True,
        "timezone": "browser", "refresh": "30s", "time": {"from": "now-1h", "to": "now"}, "graphTooltip": 1,
        "links": [{"type": "dashboards", "title": "FanOne", "tags": ["fanone"], "asDropdown": True, "includeVars": True, "keepTime": True}],
        "templating": {"list": [datasource, choice("role", 'label_values(fanone_build_info{job="fanone"}, role)'),
                                choice("instance", 'label_values(fanone_build_info{job="fanone", role=~"$role"}, instance)')]},
        "annotations": {"list": []}, "panels": laid_out(rows),
    }


def main():
    old = []
    for name, title, rows in DASHBOARDS:
        path, text = FOLDER / f"{name}.json", json.dumps(dashboard(name, title, rows), indent=1) + "\n"
        if "--check" not in sys.argv[1:]:
            path.write_text(text)
        elif not path.is_file() or path.read_text() != text:
            old.append(path.name)
    if old:
        sys.exit(f"not up to date: {', '.join(old)}: manifests/grafana/generate.py")


main()
