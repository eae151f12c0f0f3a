"""What schemathesis can't know of the site: things that exist, so that requests get further than "not found".

Reads SITE, TOKEN and CLIP from the environment; writes the operations that never succeeded to the file NEVER.
"""

import atexit
import collections
import os
import pathlib
import random

import requests
import schemathesis
from hypothesis import strategies

SITE, TOKEN, NEVER = (os.environ[name] for name in ("SITE", "TOKEN", "NEVER"))
CLIP = pathlib.Path(os.environ["CLIP"]).read_bytes()
HEADERS = {"Access-Token": TOKEN}
# How many of each thing there are, and how many of them may be deleted.
EACH, DOOMED = 12, 6


def call(method, path, **options):
    answer = requests.request(method, SITE + path, headers=HEADERS, timeout=30, **options).json()
    assert answer["base"]["code"] == 10000, f"{method} {path}: {answer}"
    return answer.get("data")


def upload():
    headers = {**HEADERS, "Tus-Resumable": "1.0.0", "Upload-Length": "100", "Upload-Metadata": "title QQ=="}
    answer = requests.post(f"{SITE}/upload", headers=headers, timeout=30)
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"].rsplit("/", 1)[1]


def things():
    """Things that exist, by the name of the parameter that names them; the last of them may be deleted."""
    requests.post(f"{SITE}/user/register", data={"username": "other", "password": "a-long-password"}, timeout=30)
    other = requests.post(f"{SITE}/user/login", data={"username": "other", "password": "a-long-password"}, timeout=30)
    for number in range(EACH):
        call("POST", "/video/publish", files={"data": CLIP}, data={"title": f"fuzz {number}"})
    videos = call("GET", "/video/feed")["items"]
    first = videos[0]
    for number in range(EACH):
        call("POST", "/comment/publish", data={"video_id": first["id"], "content": str(number)})
    comments = call("GET", "/comment/list", params={"video_id": first["id"], "page_size": EACH})["items"]
    for number in range(EACH):
        call("POST", "/group/create", data={"name": f"fuzz {number}"})
    groups = call("GET", "/group/list", params={"page_size": EACH})["items"]
    users = [first["user_id"], other.json()["data"]["id"]]
    return {
        "video_id": [video["id"] for video in videos],
        "comment_id": [comment["id"] for comment in comments],
        "group_id": [group["id"] for group in groups],
        "user_id": users,
        "to_user_id": users,
        "id": [upload() for _ in range(EACH)],
        "key": [video["video_url"].split("/media/", 1)[1] for video in videos],
    }


THINGS = things()
calls, successes = collections.Counter(), collections.Counter()

schemathesis.openapi.media_type("application/offset+octet-stream", strategies.binary(max_size=200))


@schemathesis.hook
def before_call(_context, case, _kwargs):
    """Puts things that exist in the place of most ids that were made up, without chance."""
    dice = random.Random(repr((case.operation.label, case.path_parameters, case.query, case.body)))
    ends = case.method == "DELETE" or case.path == "/group/leave"
    for part in (case.path_parameters, case.query, case.body):
        for name in sorted(THINGS.keys() & part.keys()) if isinstance(part, dict) else ():
            known = THINGS[name]
            if dice.random() < 0.7:
                part[name] = dice.choice(known[-DOOMED:] if ends else known[:-DOOMED] or known)
    if case.path == "/video/publish" and isinstance(case.body, dict) and dice.random() < 0.3:
        case.body["data"] = CLIP


@schemathesis.hook
def after_call(_context, case, response):
    # Some cases are about methods that the operation does not have.
    if response.request.method != case.operation.method.upper():
        return
    calls[case.operation.label] += 1
    refused = b'{"base":{"code":' in response.content and b'{"base":{"code":10000,' not in response.content
    successes[case.operation.label] += response.status_code < 300 and not refused


@atexit.register
def report():
    with open(NEVER, "w") as file:
        file.writelines(f"{label}\n" for label in sorted(calls) if not successes[label])
    print(f"{sum(calls.values())} calls, {sum(successes.values())} of them successful")
