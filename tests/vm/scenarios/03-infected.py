# SPDX-License-Identifier: GPL-2.0-or-later
"""What is infected, refused by type or beyond the limits does not open, in whatever way it is asked for.

Serves MAL-1, MAL-4, MAL-6.
"""
import os
import tempfile
from pathlib import Path

from lab import clinic_pc, content, images, media

CLEAN = ["clean.txt", "clean.pdf", "samples/clean.png"]
REFUSED = {"EPERM", "EACCES"}
TYPES = {"setup.exe": "SK-1204", "holiday.jpg": "SK-1204", "tool": "SK-1204", "run.sh": "SK-1205",
         "invoice.docm": "SK-1206", "locked.zip": "SK-1207"}
LIMITS = "[Scan]\nMaxFileSize=1M\nMaxArchiveDepth=4\n"


def infected_with_links():
    """ext4, and each sample once more under an innocent name in another folder: the same file."""
    def make(path):
        with tempfile.TemporaryDirectory() as folder:
            images.stage(content.infected(), folder)
            os.mkdir(f"{folder}/letters")
            for sample in Path(folder, "samples").iterdir():
                os.link(sample, f"{folder}/letters/{sample.name}.txt")
            images.MAKERS["ext4"](path, folder, 64 << 20, "LINKED")

    return images.cached("linked", make, "linked", *[x for row in sorted(content.infected().items()) for x in row])


def nested(depth):
    data = content.archive({"innermost.txt": content.text()})
    for level in range(depth):
        data = content.archive({f"level-{level}.zip": data})
    return data


def beyond_limits():
    files = {"big.txt": content.text() * 12000, "nested.zip": nested(12), "small.txt": content.text(3),
             "shallow.zip": nested(1)}
    return images.filesystem("vfat", files, label="LIMITS")


def found_by_clamscan(pc):
    """Paths of the samples, relative to the medium, that ClamAV's own scanner finds with the same definitions."""
    result = pc.run("clamscan --infected --no-summary /usr/share/clamav-testfiles/*", timeout=300)
    return sorted("samples/" + Path(line.rsplit(": ", 1)[0]).name for line in result.out.splitlines() if "FOUND" in line)


def recorded(pc, place, code="SK-1203"):
    """{path below the medium: how often} of the refusals of a code."""
    counts = {}
    for body in media.bodies(pc, "file.refused", code):
        name = body["file"].removeprefix(place + "/").lstrip("/")
        counts[name] = counts.get(name, 0) + 1
    return counts


def refuses(check, pc, what, place, bad):
    paths = [f"{place}/{name}" for name in bad]
    first = media.openways(pc, ["open"], paths, timeout=180)
    check(f"{what}: no infected file opens", not media.differing(first, REFUSED), media.differing(first, REFUSED))
    every = media.openways(pc, media.EVERY_WAY, paths, timeout=180)
    for way in media.EVERY_WAY:
        mine = {k: v for k, v in every.items() if k[0] == way}
        check(f"{what}: nor by {way}", not media.differing(mine, REFUSED), media.differing(mine, REFUSED))
    sly = media.openways(pc, ["execve", "handle", "overlay", "write"], paths[:6])
    check(f"{what}: nor by execve, file handle, overlay, or for writing", "read" not in sly.values(),
          media.differing(sly, REFUSED))
    counts = recorded(pc, place)
    missing = [name for name in bad if not counts.get(name)]
    check(f"{what}: each refusal is recorded", not missing, missing[:5])
    often = [name for name in bad if counts.get(name, 0) > 1]
    check(f"{what}: each once, however often it was tried", not often, often[:5])
    actors = {r["actor"] for r in pc.records("file.refused")}
    check.equal(f"{what}: the records say who", actors, {"user:1000"})


def clean_opens(check, pc, what, place, ways=media.EVERY_WAY):
    results = media.openways(pc, ways, [f"{place}/{name}" for name in CLEAN])
    check(f"{what}: the clean files beside them open in every way", not media.differing(results, {"read"}),
          media.differing(results, {"read"}))


def one_stick(check, pc, what, image, place, bad):
    stick = pc.plug("stick", image=image, serial=f"BAD-{what}")
    if check.within(f"{what}: mounted", media.wait_mounted(pc, place), media.WAIT):
        clean_opens(check, pc, what, place)
        refuses(check, pc, what, place, bad)
        check(f"{what}: what the scan found is recorded",
              len(media.bodies(pc, "file.found", "SK-1203")) + len(media.bodies(pc, "file.refused", "SK-1203"))
              >= len(bad))
    scanned = media.wait_body(pc, "medium.scanned", "SK-1221", 60, label=place.split("/")[-1])
    stick.unplug()
    return scanned or {}


def second_time(check, pc, image, place, bad, before):
    stick = pc.plug("stick", image=image, serial="AGAIN")
    mark = pc.last_record()
    check.within("second insertion: mounted", media.wait_mounted(pc, place), media.WAIT)
    found = pc.wait_record(lambda r: r["kind"] == "medium.scanned" and r["seq"] > mark, 60) or {"body": {}}
    again = found["body"]
    # What somebody opened before the scan came to it is remembered by then, and so are two equal texts.
    check("first insertion: most files were scanned",
          before.get("remembered_files", 99) < before.get("files", 0) / 2, before)
    check("second insertion: verdicts are remembered", again.get("remembered_files", 0) >= len(bad) + len(CLEAN), again)
    check.equal("second insertion: as many files are refused", again.get("refused_files"), before.get("refused_files"))
    results = media.openways(pc, ["open"], [f"{place}/{name}" for name in bad])
    check("second insertion: no infected file opens", not media.differing(results, REFUSED))
    stick.unplug()


def by_type(check, pc, image):
    stick = pc.plug("stick", image=image, serial="TYPES")
    check.within("types: mounted", media.wait_mounted(pc, "/media/staff/PROGRAMS"), media.WAIT)
    for name, code in TYPES.items():
        result = media.openways(pc, ["open", "execve"], [f"/media/staff/PROGRAMS/{name}"])
        check(f"types: {name} does not open", not media.differing(result, REFUSED), result)
        check(f"types: {name} is recorded as {code}", name in recorded(pc, "/media/staff/PROGRAMS", code))
    stick.unplug()


def by_limit(check, pc, image):
    pc.sh("mkdir -p /etc/sekisho/sekisho.conf.d")
    pc.put(LIMITS.encode(), "/etc/sekisho/sekisho.conf.d/10-lab.conf")
    reload = pc.agent("Reload")
    check("limits: the settings are taken", reload.ok, reload.err)
    stick = pc.plug("stick", image=image, serial="LIMITS")
    check.within("limits: mounted", media.wait_mounted(pc, "/media/staff/LIMITS"), media.WAIT)
    for name in ("big.txt", "nested.zip"):
        result = media.openways(pc, ["open"], [f"/media/staff/LIMITS/{name}"])
        check(f"limits: {name} does not open", not media.differing(result, REFUSED), result)
        check(f"limits: {name} is recorded as SK-1208", name in recorded(pc, "/media/staff/LIMITS", "SK-1208"))
    result = media.openways(pc, ["open"], [f"/media/staff/LIMITS/{name}" for name in ("small.txt", "shallow.zip")])
    check("limits: what is within them opens", not media.differing(result, {"read"}), media.differing(result, {"read"}))
    stick.unplug()


def run(check):
    vfat, linked, types, limits = images.infected("vfat"), infected_with_links(), images.refused_types(), beyond_limits()
    with clinic_pc.installed() as pc:
        bad = found_by_clamscan(pc)
        check("clamscan finds most samples", len(bad) >= 40, len(bad))
        before = one_stick(check, pc, "vfat", vfat, "/media/staff/INFECTED", bad + ["eicar.com"])
        second_time(check, pc, vfat, "/media/staff/INFECTED", bad + ["eicar.com"], before)
        by_type(check, pc, types)
        by_limit(check, pc, limits)
        check("the chain of records is whole", pc.chain_verifies())
    with clinic_pc.installed() as pc:
        one_stick(check, pc, "ext4", linked, "/media/staff/LINKED", bad)
        links = [f"/media/staff/LINKED/letters/{Path(name).name}.txt" for name in bad]
        stick = pc.plug("stick", image=linked, serial="LINKS")
        check.within("hard links: mounted", media.wait_mounted(pc, "/media/staff/LINKED"), media.WAIT)
        results = media.openways(pc, ["open", "mmap"], links)
        check("hard links: no infected file opens by its other name", not media.differing(results, REFUSED),
              media.differing(results, REFUSED))
        stick.unplug()
