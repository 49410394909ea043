#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""console_metrics.py PROGRAM CONTRACT: /metrics is what Prometheus reads, by the parser of its own library, counts what
happened, and is told to nobody who has neither the token nor this machine."""
import sys
import tempfile
import time
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from console_fixture import Fixture
from console_server import Console, new_id

TOKEN = "a-token-of-the-test-0123456789"


def read(console, headers=None):
    answer = console.call("GET", "/metrics", headers=headers or {})
    if answer.status != 200:
        return answer.status
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4"), answer.headers
    text = answer.body.decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert all(family.documentation and family.type in ("gauge", "counter", "histogram") for family in families.values())
    assert sum(len(family.samples) for family in families.values()) < 300, "few series"
    return families


def value(families, family, name=None, **labels):
    found = [s.value for s in families[family].samples if s.name == (name or family) and s.labels == labels]
    assert len(found) == 1, (family, labels, families[family].samples)
    return found[0]


def check_figures(console):
    fixture = Fixture(console)
    fixture.make_request(fixture.own)
    before = read(console)
    for _ in range(10):
        assert console.call("GET", "/api/v1/media").status == 401
    after = read(console)
    refused = ("sekisho_http_answers", "sekisho_http_answers_total")
    labels = {"audience": "people", "class": "4xx"}
    assert value(after, *refused, **labels) == value(before, *refused, **labels) + 10
    count = "sekisho_http_answer_seconds_count"
    assert value(after, "sekisho_http_answer_seconds", count, audience="people") >= value(
        before, "sekisho_http_answer_seconds", count, audience="people") + 10
    buckets = [s.value for s in after["sekisho_http_answer_seconds"].samples
               if s.name.endswith("_bucket") and s.labels["audience"] == "people"]
    assert buckets == sorted(buckets) and buckets[-1] == value(after, "sekisho_http_answer_seconds", count,
                                                               audience="people")
    assert value(after, "sekisho_requests", state="waiting") == 1
    assert value(after, "sekisho_terminals", state="enrolled") == 1
    assert value(after, "sekisho_build_info", version="0.1.0") == 1
    console.sql("INSERT INTO terminal_status (terminal_id, facility_id, last_contact, software, mode, clock_state, disk_free, posture) "
                "SELECT id, facility_id, 1, '9.8.\"7', 'enforce', 'synchronised', 4711, '{\"posture\":{\"failing\":true}}' FROM terminals")
    told = read(console)
    assert value(told, "sekisho_terminals_software", version='9.8."7') == 1
    assert value(told, "sekisho_terminals_mode", mode="enforce") == 1
    assert value(told, "sekisho_terminals_clock", clock="synchronised") == 1
    assert value(told, "sekisho_terminals_posture_failing") == 1
    assert value(told, "sekisho_terminals_disk_free_bytes_min") == 4711
    assert value(told, "sekisho_key_copies_outdated") == 0
    console.sql("INSERT INTO outbox (id, kind, target, body, next_attempt, created) VALUES (?, 'mail', 'x', 'x', ?, 1)",
                new_id(), int(time.time() * 1000) + 10**9)
    assert value(read(console), "sekisho_messages", state="waiting") == 1
    for _ in range(100):
        done = {s.labels["duty"]: s.value for s in read(console)["sekisho_duty_success_timestamp_seconds"].samples}
        if done.get("alerts-raise", 0) > time.time() - 600 and done.get("outbox-send", 0) > time.time() - 600:
            break
        time.sleep(0.1)
    else:
        raise AssertionError(done)


def main():
    with Console(sys.argv[1], sys.argv[2]) as console:
        check_figures(console)
    with tempfile.TemporaryDirectory() as directory:
        token = Path(directory) / "token"
        token.write_text(TOKEN + "\n")
        with Console(sys.argv[1], sys.argv[2], {"Metrics": {"TokenFile": token}}) as console:
            assert read(console) == 404
            for wrong in ("Bearer ", "Bearer " + TOKEN[:-1], "Bearer " + TOKEN + "x", "Basic " + TOKEN, "x" * 5000):
                assert read(console, {"Authorization": wrong}) == 404, wrong
            assert "sekisho_build_info" in read(console, {"Authorization": "Bearer " + TOKEN})
    print("ok")
    return 0


if __name__ == "__main__":
    sys.exit(main())
