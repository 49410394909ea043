#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""console_ledger_csv.py PROGRAM CONTRACT ENGINE: an existing ledger comes in over HTTP, in Shift_JIS as Excel writes it or in
UTF-8 with a mark, with headings of its own; every wrong row is named and nothing comes in by half; what goes out comes in
again. Serves OUT-6."""
import base64
import csv
import io
import sys

from console_server import Console

HEADINGS = {"台帳番号": "number", "媒体の名前": "label", "区分": "kind", "大きさ": "capacity", "作った日": "dataCreated", "担当": "custodian",
            "旧システムのID": ""}
failures = []


def check(condition, text):
    print("ok  " if condition else "FAIL", text)
    if not condition:
        failures.append(text)


def table(*rows, headings=HEADINGS):
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows([headings, *rows])
    return out.getvalue()


class Test:
    def __init__(self, console):
        self.console, self.number = console, 0
        self.facility, self.other = console.facility("甲"), console.facility("乙")
        self.officer = console.session(console.person(("security-officer", self.facility)))
        self.there = console.session(console.person(("security-officer", self.other)))
        self.login = console.sql("SELECT login FROM people WHERE id = ?", self.officer["person"])[0][0]

    def bring(self, data, names=None, facility=None, session=None):
        body = {"fileName": "台帳.csv", "list": base64.b64encode(data).decode()} | ({"map": names} if names else {})
        return self.console.call("POST", f"/api/v1/facilities/{facility or self.facility}/ledger", body, session or self.officer)

    def count(self, facility=None):
        return self.console.sql("SELECT COUNT(*) FROM media WHERE facility_id = ?", facility or self.facility)[0][0]

    def rows(self):
        """All of each: a list of the API leaves out what is long."""
        return {number: self.console.call("GET", f"/api/v1/media/{identity}", None, self.officer).json for number, identity in
                self.console.sql("SELECT number, id FROM media WHERE facility_id = ?", self.facility)}

    def check_shift_jis(self):
        text = table(("S-1", "髙橋①の画像", "USBメモリ", "32 GB", "令和8年4月1日", self.login, "x9"), ("S-2", "外付け\n二行", "外付けHDD", "2TB", "", "", ""))
        unmapped = self.bring(text.encode("cp932"))
        check(unmapped.code == "SK-5208" and self.count() == 0, f"headings of their own are not guessed {unmapped.code}")
        done = self.bring(text.encode("cp932"), HEADINGS)
        check(done.status == 200 and (done.json["rows"], done.json["encoding"]) == (2, "shift_jis"), f"Shift_JIS comes in {done.json}")
        rows = self.rows()
        check(rows["S-1"]["label"] == "髙橋①の画像", f"with the letters that only Windows has {rows['S-1']['label']}")
        check(rows["S-1"]["capacity"] == 32 * 10 ** 9 and rows["S-1"]["custodian"] == self.officer["person"], "numbers and people")
        check(rows["S-1"]["dataCreated"] == "2026-03-31T15:00:00.000Z", f"days of the Japanese calendar {rows['S-1']['dataCreated']}")
        again = self.bring(text.encode("cp932"), HEADINGS)
        check(again.code == "SK-5208" and self.count() == 2, f"the same list a second time is refused as a whole {again.code}")

    def check_marked(self):
        text = "\ufeff" + table(("U-1", "写真", "SDカード", "", "2026/4/1", "", ""))
        done = self.bring(text.encode(), HEADINGS)
        check(done.status == 200 and done.json["encoding"] == "utf-8", f"UTF-8 with the mark of Excel comes in {done.json}")
        check(self.rows()["U-1"]["label"] == "写真", "and its first heading is known")

    def check_errors(self):
        before = self.count()
        text = table(("E-1", "よい", "", "", "", "", ""), ("E-2", "", "", "たくさん", "", "", ""), ("S-1", "", "", "", "", "", ""),
                     ("E-3", "", "", "", "2026-02-30", "", ""), ("", "", "", "", "", "", ""), ("E-4", "", "", "", "", "nobody-here", ""))
        for encoding in ("cp932", "utf-8"):
            refused = self.bring(text.encode(encoding), HEADINGS)
            named = {error["pointer"]: error["detail"] for error in refused.json.get("errors", [])}
            check(refused.status == 422 and refused.code == "SK-5208", f"one that is wrong is refused {refused.status} {refused.code}")
            check(set(named) == {"/list/3", "/list/5", "/list/6", "/list/7"}, f"and each row is named that is wrong of itself {named}")
            check("大きさ" in named.get("/list/3", ""), "with its heading")
            check(self.count() == before, "and nothing came in by half")
        twice = self.bring(table(("T-1", "", "", "", "", "", ""), ("S-1", "", "", "", "", "", ""), ("T-2", "", "", "", "", self.login, "")).encode(), HEADINGS)
        named = [error["pointer"] for error in twice.json.get("errors", [])]
        check(twice.code == "SK-5208" and named == ["/list/3"], f"a number that is there already is named {twice.status} {twice.json}")
        check(self.count() == before, "and what stood before it did not stay")
        for what, data in (("half a letter", "番号\nあ".encode("cp932")[:-1]), ("bytes of nothing", b"number\n\xff\xfe\xfd\n"),
                           ("nothing", b"\n"), ("a quote that nobody ends", b'number,label\nQ-1,"x\n')):
            refused = self.bring(data)
            check(refused.status == 422 and self.count() == before, f"{what} is refused {refused.status} {refused.code}")
        self.check_kept(before)

    def check_kept(self, before):
        imports = self.console.sql("SELECT COUNT(*) FROM imports WHERE facility_id = ?", self.facility)[0][0]
        records = self.console.sql("SELECT COUNT(*) FROM console_records WHERE kind = 'ledger.imported'")[0][0]
        check(imports == records == 2, f"only what came in is on record {imports} {records}")
        stranger = self.bring(table(("Z-1", "", "", "", "", "", "")).encode(), HEADINGS, session=self.there)
        check(stranger.status == 404 and self.count() == before, "nobody brings a list into another clinic")

    def check_out_and_in(self):
        out = self.console.call("GET", f"/api/v1/facilities/{self.facility}/ledger", None, self.officer, headers={"Accept-Language": "ja"})
        check(out.type == "text/csv" and out.body.startswith("\ufeff".encode()), "it goes out with the mark that Excel needs")
        back = self.bring(out.body, facility=self.other, session=self.there)
        check(back.status == 200 and back.json["rows"] == self.count() == self.count(self.other), f"and comes in again {back.json}")
        shifted = out.body.decode("utf-8-sig").replace("S-", "R-").replace("U-", "R-U").encode("cp932")
        back = self.bring(shifted, facility=self.other, session=self.there)
        check(back.status == 200 and back.json["encoding"] == "shift_jis", f"also as Excel saved it {back.json}")
        fields = "label, kind, capacity, data_created, custodian_id"
        mine, theirs = (self.console.sql(f"SELECT {fields} FROM media WHERE facility_id = ? AND number LIKE 'S-%' ORDER BY number", f)
                        for f in (self.facility, self.other))
        check(mine == theirs and len(mine) == 2, f"nothing is lost on the way {mine} {theirs}")


def main():
    program, contract, engine = sys.argv[1:4]
    with Console(program, contract, engine=engine) as console:
        test = Test(console)
        test.check_shift_jis()
        test.check_marked()
        test.check_errors()
        test.check_out_and_in()
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
