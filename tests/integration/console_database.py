# SPDX-License-Identifier: GPL-2.0-or-later
"""The database of a console under test, one of each engine: where it is (address), and the rows that a test puts in and
looks at (sql). Statements are written for SQLite; "?" stands for a value."""
import os
import sqlite3
import subprocess
import threading


class Sqlite:
    def __init__(self, directory):
        self.file = directory / "db/console.sqlite"
        self.address = f"sqlite:{self.file}"

    def sql(self, statement, *values):
        database = sqlite3.connect(self.file, timeout=30)
        try:
            with database:
                return database.execute(statement, values).fetchall()
        finally:
            database.close()

    def stop(self):
        pass


class Postgresql:
    """A server of its own, run by the program PG_RUN (tests/lib/pg_run.c)."""

    def __init__(self, _directory):
        import psycopg2  # pylint: disable=import-outside-toplevel

        self.server = subprocess.Popen([os.environ["PG_RUN"]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.address = self.server.stdout.readline().strip()
        assert self.address, "no PostgreSQL: run tools/unpack-packages, or install postgresql"
        self.connection = psycopg2.connect(self.address)
        self.connection.autocommit = True
        self.lock = threading.Lock()

    def sql(self, statement, *values):
        with self.lock, self.connection.cursor() as cursor:
            cursor.execute(statement.replace("%", "%%").replace("?", "%s"), values)
            return [tuple(bytes(v) if isinstance(v, memoryview) else v for v in row)
                    for row in cursor.fetchall()] if cursor.description else []

    def stop(self):
        self.connection.close()
        self.server.stdin.close()
        self.server.wait(30)


ENGINES = {"sqlite": Sqlite, "pgsql": Postgresql}
