"""kill -9 while apps charge, hold, capture, release, refund, save and grant: a write is there whole, or not at all."""

import os
import random
import signal
import threading
import time

import pytest

from unified.tests.test_serve import call, database_url, environment, manage, serving

__all__ = ["database_url", "environment"]

pytestmark = pytest.mark.serve

WORKERS = 4
PERSON = {"user_id": "crash"}
PAID = {**PERSON, "app_name": "penora"}
TEXT = {**PERSON, "app_source": "penora", "project_type": "text"}
# Enough that nobody runs short before the plug is pulled.
PLENTY = 100_000


class Worker(threading.Thread):
    """An app at work until the server is gone. Every write carries a key; what it sent and was answered is kept."""

    def __init__(self, environment, key, number):
        super().__init__()
        self.environment, self.key = environment, key
        self.number = number
        self.random = random.Random(number)
        # Idempotency key, path, body, and the answer: None for the one that the plug cut short.
        self.sent = []

    def run(self):
        while True:
            turn = self.random.choice([self.charge_and_refund, self.hold_and_settle, self.save, self.give])
            try:
                turn()
            except OSError:
                return

    def write(self, path, body):
        name = f"{self.number}-{len(self.sent)}"
        self.sent.append([name, path, body, None])
        answer = call(self.environment, self.key, "POST", path, body, name)
        self.sent[-1][3] = answer
        assert answer[0] in {200, 201}, answer
        return answer[1]

    def charge_and_refund(self):
        paid = self.write("deduct-credits", {**PAID, "amount": 5, "description": f"{self.number}-{len(self.sent)}"})
        self.write(f"transaction/{paid['transaction_id']}/refund", {**PERSON, "amount": 2, "reason": "Torn"})

    def hold_and_settle(self):
        held = self.write("holds", {**PAID, "amount": 7, "storage_bytes": 10})["hold_id"]
        if self.random.random() < 0.5:
            self.write(f"hold/{held}/release", PERSON)
        else:
            self.write(f"hold/{held}/capture", {**PERSON, "amount": 3})

    def save(self):
        title = f"{self.number}-{len(self.sent)}"
        self.write("save-project", {**TEXT, "title": title, "content": title, "charge": {"amount": 1}})

    def give(self):
        self.write("give-bonus-credits", {**PERSON, "amount": 4, "reason": f"{self.number}-{len(self.sent)}"})


def everything(environment, key):
    """The person's entries, oldest first, and projects."""
    entries, url = [], "transactions?user_id=crash&limit=100"
    while url:
        _, page = call(environment, key, "GET", url)
        entries += page["results"]
        url = page["next"] and page["next"].split("/api/unified/")[1]
    projects, url = [], "projects?user_id=crash&limit=100"
    while url:
        _, page = call(environment, key, "GET", url)
        projects += page["all_projects"]
        url = page["next"] and page["next"].split("/api/unified/")[1]
    return entries[::-1], projects


def entry_of(path, answer):
    """The entry that a write answered with, if it made one."""
    if path == "give-bonus-credits":
        return answer["results"][0]["transaction_id"]
    return answer.get("transaction_id")


def test_every_answered_write_is_there_once_and_every_other_whole_or_not_at_all(environment):
    environment["DEMO"] = "0"
    with serving(environment, until="Unified is at") as (process, _):
        scopes = "users:write credits:read credits:charge credits:grant credits:refund workspace:read workspace:write"
        asked = [part for scope in scopes.split() for part in ("--scope", scope)]
        key = manage(environment, "create_api_key", "penora", *asked).stdout.split()[-1]
        newcomer = {**PERSON, "username": "Crash", "email": "crash@example.com"}
        assert call(environment, key, "POST", "create-user", newcomer)[0] == 201
        rich = {**PERSON, "amount": PLENTY, "reason": "Plenty"}
        assert call(environment, key, "POST", "give-bonus-credits", rich)[0] == 200
        workers = [Worker(environment, key, number) for number in range(WORKERS)]
        for worker in workers:
            worker.start()
        while sum(len(worker.sent) for worker in workers) < 120:
            assert all(worker.is_alive() for worker in workers)
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
        for worker in workers:
            worker.join()

    for check in ("check_ledger", "check_storage"):
        result = manage(environment, check)
        assert result.returncode == 0, result.stdout + result.stderr
    sent = [write for worker in workers for write in worker.sent]
    answered = [write for write in sent if write[3] is not None]
    cut = [write for write in sent if write[3] is None]
    assert len(answered) >= 100
    assert len(cut) <= WORKERS
    kinds = {path.split("/")[-1] for _, path, _, _ in answered}
    assert kinds == {"deduct-credits", "refund", "holds", "capture", "release", "save-project", "give-bonus-credits"}

    with serving(environment, until="Unified is at"):
        entries, projects = everything(environment, key)
        known = [entry["transaction_id"] for entry in entries]
        expected = {entry_of(path, answer[1]) for _, path, _, answer in answered} - {None}
        assert expected <= set(known)
        # Beside the sign-up and the plenty, only what was cut short may have been done as well.
        assert len(known) - len(expected) - 3 <= len(cut)
        titles = [project["title"] for project in projects]
        saved = {body["title"] for _, path, body, _ in answered if path == "save-project"}
        assert saved <= set(titles)
        assert len(titles) == len(set(titles))
        paid_for = [entry["project_code"] for entry in entries if entry["project_code"]]
        assert sorted(paid_for) == sorted(project["project_code"] for project in projects)

        for name, path, body, answer in answered:
            assert call(environment, key, "POST", path, body, name) == answer
        assert everything(environment, key) == (entries, projects)

        for name, path, body, _ in cut:
            first = call(environment, key, "POST", path, body, name)
            assert first[0] in {200, 201}, first
            assert call(environment, key, "POST", path, body, name) == first
        # Done once each, whether before the plug was pulled or now.
        made = {entry_of(path, call(environment, key, "POST", path, body, name)[1]) for name, path, body, _ in cut}
        entries, projects = everything(environment, key)
        assert len(entries) == len(expected | (made - {None})) + 3
        assert len(projects) == sum(path == "save-project" for _, path, _, _ in sent)

    for check in ("check_ledger", "check_storage"):
        result = manage(environment, check)
        assert result.returncode == 0, result.stdout + result.stderr
