#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""console_access.py PROGRAM CONTRACT [ENGINE [slice]]: the access matrix, made from the contract and tested whole: every
call of people, by every role, held in the own facility, in another one, and everywhere, on rows of the own facility. A
slice has every fourth cell. Serves ACC-2."""
import sys

from console_contract import Contract
from console_fixture import Fixture
from console_server import ROLES, Console

PLACES = ("own", "other", "everywhere")


class Matrix:
    def __init__(self, console):
        self.console, self.contract, self.fixture = console, Contract(console.contract), Fixture(console)
        self.people = {(role, place): console.person((role, {"own": self.fixture.own, "other": self.fixture.other,
                                                             "everywhere": None}[place]))
                       for role in ROLES for place in PLACES}
        self.nobody = console.person()
        self.failures, self.calls, self.table = [], 0, {}

    def call(self, operation, person, target):
        path = self.fixture.path(operation, target)
        body = self.fixture.body(operation, target)
        session = self.console.session(person) if person else None
        answer = self.console.call(operation.method, path, body, session)
        self.calls += 1
        for fault in self.contract.judge(operation, answer):
            self.failures.append(f"{operation.id}: {fault}")
        return answer

    @staticmethod
    def expected(operation, role, place):
        """The codes of refusal that may come; None: it is done, or refused for what it says and not for who says it."""
        if operation.roles and (role not in operation.roles or (operation.everywhere and place != "everywhere")):
            return {"SK-5105"}
        if operation.scope != "none" and operation.roles and place == "other" and (
                operation.path_names or operation.scope == "facility"):
            return {"SK-5003"}
        return None

    def check(self, operation, role, place):
        answer = self.call(operation, self.people[role, place], self.fixture.own)
        wanted, where = self.expected(operation, role, place), f"{operation.id} by {role} of {place}"
        self.table[operation.id, role, place] = answer.code or str(answer.status)
        if wanted:
            if answer.code not in wanted:
                self.failures.append(f"{where}: {answer.status} {answer.code}, expected {wanted}")
        elif answer.code in ("SK-5101", "SK-5103", "SK-5105", "SK-5106", "SK-5107", "SK-5110") or (
                answer.code == "SK-5003"):
            self.failures.append(f"{where}: {answer.status} {answer.code}, should be allowed")
        if answer.status == 200 and operation.scope == "row" and place == "other":
            self.check_leak(operation, answer, where)

    def check_leak(self, operation, answer, where):
        """A list for somebody of another facility holds nothing of ours."""
        if self.fixture.own in answer.body.decode():
            self.failures.append(f"{where}: the answer names our facility")

    def run(self, part):
        cells = 0
        operations = [o for o in self.contract.operations if o.audience == "people"]
        for operation in operations:
            answer = self.call(operation, None, self.fixture.own)
            if answer.code != "SK-5101":
                self.failures.append(f"{operation.id} without a session: {answer.status} {answer.code}")
            answer = self.call(operation, self.nobody, self.fixture.own)
            if operation.roles and answer.code != "SK-5105":
                self.failures.append(f"{operation.id} without a role: {answer.status} {answer.code}")
            for role in ROLES:
                for place in PLACES:
                    cells += 1
                    if cells % part == 0:
                        self.check(operation, role, place)
        self.check_disabled(operations)

    def check_disabled(self, operations):
        """An account that was closed has no session, however new it is."""
        person = self.console.person(("administrator", None))
        session = self.console.session(person)
        self.console.sql("UPDATE people SET state = 'disabled' WHERE id = ?", person)
        for operation in operations:
            answer = self.console.call(operation.method, self.fixture.path(operation, self.fixture.own),
                                       self.fixture.body(operation, self.fixture.own), session)
            if answer.code != "SK-5101":
                self.failures.append(f"{operation.id} by a closed account: {answer.status} {answer.code}")


def main():
    program, contract, engine, part = (sys.argv[1:] + ["sqlite", "whole"][len(sys.argv) - 3:])[:4]
    with Console(program, contract, engine=engine) as console:
        matrix = Matrix(console)
        matrix.run(4 if part == "slice" else 1)
    for operation in sorted({key[0] for key in matrix.table}):
        cells = " ".join(matrix.table.get((operation, role, place), "-") for role in ROLES for place in PLACES)
        print(f"{operation:20} {cells}")
    print(f"{len(matrix.table)} cells, {matrix.calls} calls")
    for failure in matrix.failures[:60]:
        print("FAIL", failure)
    return 1 if matrix.failures or len(matrix.table) < 100 else 0


if __name__ == "__main__":
    sys.exit(main())
