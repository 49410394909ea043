#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the real sekisho-probe, its jail on, over media made by the usual tools and over damaged ones.

usage: probe.py PROBE PROBE_CLIENT PROBE_JAIL DESCRIPTORS_DIR [--campaign full]

The full campaign gives it 10,000 damaged images instead of a few hundred.
"""
import hashlib
import os
import random
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

PROBE, CLIENT, JAIL, DESCRIPTORS = (os.path.abspath(argument) for argument in sys.argv[1:5])
FULL = sys.argv[5:] == ["--campaign", "full"]
# At its exit the leak checker of a sanitised build starts a thread, which the jail rightly ends.
ENVIRONMENT = dict(os.environ, ASAN_OPTIONS="detect_leaks=0", LC_ALL="C", PATH=os.environ["PATH"] + ":/usr/sbin:/sbin")
CONTENT = ["empty", "partitions", "vfat", "exfat", "ntfs", "ext", "iso9660", "udf", "luks1", "luks2", "other", "erased"]
STATE = ["ok", "unreadable", "ambiguous"]
MIB = 1 << 20

failures = 0


def check(what, condition, detail=""):
    global failures
    if not condition:
        failures += 1
    print(f"{'ok  ' if condition else 'FAIL'} {what} {detail}")


def client(*arguments):
    run = subprocess.run([CLIENT, PROBE, *arguments], capture_output=True, text=True, env=ENVIRONMENT, check=False)
    if run.returncode != 0:
        return None, run.stderr.strip()
    return dict(part.split("=", 1) for part in run.stdout.split()), run.stderr.strip()


def block(path):
    facts, error = client("block", path)
    if facts is None:
        return None, error
    return facts | {"state": STATE[int(facts["state"])], "content": CONTENT[int(facts["content"])]}, error


def tool(*command, text=None):
    subprocess.run(command, input=text, text=True, check=True, capture_output=True, env=ENVIRONMENT)


def image(name, size=8 * MIB):
    with open(name, "wb") as file:
        file.truncate(size)
    return name


def write_at(name, offset, data):
    with open(name, "r+b") as file:
        file.seek(offset)
        file.write(data)


def make_luks(version):
    name = image(f"luks{version}", 20 * MIB)
    tool("cryptsetup", "luksFormat", "--batch-mode", "--type", f"luks{version}", "--pbkdf-force-iterations", "1000",
         *(["--pbkdf", "pbkdf2"] if version == 2 else []), "--uuid", f"00000000-0000-4000-8000-00000000000{version}",
         name, "-", text="not a secret")
    return name


def make_costly(json, name):
    """A LUKS2 header with right checksums and JSON made to cost memory."""
    size = 4 * MIB
    image(name, 20 * MIB)
    for start, magic in ((0, b"LUKS\xba\xbe"), (size, b"SKUL\xba\xbe")):
        copy = bytearray(magic + struct.pack(">HQQ48s32s", 2, size, 1, b"", b"sha256"))
        copy = copy.ljust(256, b"\0") + struct.pack(">Q", start)
        copy = (copy.ljust(4096, b"\0") + json).ljust(size, b"\0")
        copy[448:480] = hashlib.sha256(copy).digest()
        write_at(name, start, bytes(copy))
    return name


def make_hybrid():
    """An ISO image with a partition table, as installation sticks have."""
    name = shutil.copy("iso", "hybrid")
    entry = struct.pack("<B3sB3sII", 0x80, b"\0\1\0", 0x17, b"\xfe\xff\xff", 0, os.path.getsize(name) // 512)
    write_at(name, 446, entry + bytes(48) + b"\x55\xaa")
    return name


def make_media():
    """name -> (state, content, further facts)"""
    os.mkdir("files")
    with open("files/report.txt", "w", encoding="ascii") as file:
        file.write("a file\n")
    tool("mkfs.vfat", "-n", "STICK", "-i", "12345678", image("vfat"))
    tool("mkfs.vfat", image("floppy", 1440 * 1024))
    tool("mkfs.exfat", "-L", "CARD", image("exfat"))
    tool("mkntfs", "-F", "-Q", "-L", "DISK", image("ntfs"))
    tool("mkfs.ext4", "-q", "-F", "-L", "linux", image("ext4"))
    tool("mkfs.ext4", "-q", "-F", "-O", "none", image("ext2"))
    tool("genisoimage", "-quiet", "-V", "DISC", "-o", "iso", "files")
    tool("genisoimage", "-quiet", "-udf", "-V", "DISC", "-o", "bridge", "files")
    tool("sfdisk", "-q", image("mbr", 20 * MIB), text=",8M,c\n,,7\n")
    tool("sfdisk", "-q", image("gpt", 20 * MIB), text="label: gpt\n,5M\n,\n")
    tool("mkswap", "-q", image("swap"))
    make_luks(1)
    make_luks(2)
    most = 128 * 1024
    make_costly((b"[" + b"{}," * most)[:most - 3] + b"{}]", "luks2-objects")
    make_costly((b"[" + b"[]," * most)[:most - 3] + b"[]]", "luks2-lists")
    make_costly(b"[" * (most // 2) + b"]" * (most // 2), "luks2-deep")
    make_costly(b'{"a":"' + b"a" * most + b'"}', "luks2-large")
    make_hybrid()
    # The keys are gone, the second copy of the header is there still.
    shutil.copy("luks2", "erased")
    mark = b"SEKISHO ERASURE 1\n".ljust(24, b"\0") + b"begun\0\0\0" + b"01J00000000000000000000001".ljust(32, b"\0")
    write_at("erased", 0, (mark + b"00000000-0000-4000-8000-000000000002").ljust(4096, b"\0"))
    shutil.copy("erased", "erased-odd")
    write_at("erased-odd", 511, b"x")
    image("blank")
    image("nothing", 0)
    write_at(image("one-byte", 1), 0, b"\0")
    # An ext4 and a VFAT on one medium: each of two systems would read another one.
    shutil.copy("ext4", "two")
    with open("vfat", "rb") as file:
        write_at("two", 0, file.read(1024))
    # A whole-disk file system beside a partition table
    shutil.copy("ext4", "beside")
    with open("mbr", "rb") as file:
        write_at("beside", 0, file.read(512))
    return {
        "vfat": ("ok", "vfat", {"label": "STICK", "uuid": "1234-5678", "size": str(8 * MIB), "table": ""}),
        "floppy": ("ok", "vfat", {}),
        "exfat": ("ok", "exfat", {"label": "CARD", "table": ""}),
        "ntfs": ("ok", "ntfs", {"label": "DISK"}),
        "ext4": ("ok", "ext", {"label": "linux", "type": "ext4"}),
        "ext2": ("ok", "ext", {"type": "ext2"}),
        "iso": ("ok", "iso9660", {"label": "DISC", "table": ""}),
        "hybrid": ("ok", "iso9660", {"label": "DISC", "table": "dos", "partitions": "1"}),
        "bridge": ("ok", "udf", {}),
        "mbr": ("ok", "partitions", {"table": "dos", "partitions": "2"}),
        "gpt": ("ok", "partitions", {"table": "gpt", "partitions": "2"}),
        "swap": ("ok", "other", {"type": "swap"}),
        "luks1": ("ok", "luks1", {"uuid": "00000000-0000-4000-8000-000000000001"}),
        "luks2": ("ok", "luks2", {"uuid": "00000000-0000-4000-8000-000000000002", "luks_cipher": "aes-xts-plain64",
                                  "luks_uuid": "00000000-0000-4000-8000-000000000002", "luks_keyslots": "1",
                                  "luks_problems": "00002000"}),
        "erased": ("ok", "erased", {"type": "begun", "label": "01J00000000000000000000001",
                                    "uuid": "00000000-0000-4000-8000-000000000002"}),
        "erased-odd": ("ok", "luks2", {}),
        # The largest text that is parsed, as the smallest values there are; one byte more is not looked at.
        "luks2-objects": ("ok", "luks2", {"luks_problems": "00000020"}),
        "luks2-lists": ("ok", "luks2", {"luks_problems": "00000020"}),
        "luks2-deep": ("ok", "luks2", {"luks_problems": "00000020"}),
        "luks2-large": ("ok", "luks2", {"luks_problems": "00000020"}),
        "blank": ("ok", "empty", {"type": "", "partitions": "0"}),
        "nothing": ("unreadable", "empty", {"size": "0"}),
        "one-byte": ("ok", "empty", {"size": "1"}),
        "two": ("ambiguous", None, {}),
        "beside": ("ambiguous", None, {}),
    }


def check_media(media):
    for name, (state, content, further) in media.items():
        facts, error = block(name)
        fits = facts is not None and facts["state"] == state and content in (None, facts["content"])
        fits = fits and all(facts[key] == value for key, value in further.items())
        check(f"medium {name}", fits, "" if fits else f"{facts} {error}")


def check_identity():
    first, _ = block("vfat")
    shutil.copy("vfat", "other")
    check("a copy has the same identity", block("other")[0]["digest"] == first["digest"])
    write_at("other", 40000, b"x")
    check("a change in the first 64 KiB changes the identity", block("other")[0]["digest"] != first["digest"])
    shutil.copy("gpt", "other")
    before = block("other")[0]["digest"]
    write_at("other", 20 * MIB - 1000, b"x")
    check("a change in the second GPT changes the identity", block("other")[0]["digest"] != before)


def check_block_devices():
    """The same through a real block device, where the kernel gives us one."""
    if os.geteuid() != 0 or not shutil.which("losetup", path=ENVIRONMENT["PATH"]):
        print("skip block devices: not root")
        return
    for name in ("vfat", "exfat", "gpt", "luks2", "hybrid", "blank"):
        run = subprocess.run(["losetup", "-r", "-f", "--show", name], capture_output=True, text=True, check=False,
                             env=ENVIRONMENT)
        if run.returncode != 0:
            print(f"skip block devices: {run.stderr.strip()}")
            return
        try:
            (device, error), (file, _) = block(run.stdout.strip()), block(name)
            check(f"block device {name} gives what the file gives", device == file, error)
        finally:
            tool("losetup", "-d", run.stdout.strip())


def check_damage(media):
    """Random damage to each medium, and media of random bytes: always an answer, never a crash or a hang."""
    names = [name for name in media if name not in ("nothing", "one-byte")]
    with open(image("noise"), "r+b") as file:
        file.write(random.Random(3).randbytes(2 * MIB))
    names.append("noise")
    total = 10000 if FULL else 200
    each = -(-total // len(names))
    for seed, name in enumerate(names):
        states, error = client("mutate", str(seed), str(each), name)
        check(f"{each} damaged versions of {name}", states is not None, error or states)


def usb_files(directory, **contents):
    os.makedirs(directory, exist_ok=True)
    for name, content in contents.items():
        with open(os.path.join(directory, name), "wb") as file:
            file.write(content)
    return directory


def check_usb():
    with open(os.path.join(DESCRIPTORS, "stick-smi-usb-disk.bin"), "rb") as file:
        raw = file.read()
    facts, error = client("usb", usb_files("usb", descriptors=raw, product=b"Cruzer Blade\n", serial=b"4C53\n"))
    check("a stick", facts is not None and facts["state"] == "0" and facts["id"] == "090c:1000"
          and facts["product"] == "Cruzer\\x20Blade" and facts["manufacturer"] == "" and len(facts["hash"]) == 44, error)
    for size in range(len(raw)):
        facts, error = client("usb", usb_files("cut", descriptors=raw[:size]))
        if facts is None or facts["state"] != "1" or facts["hash"]:
            check(f"descriptors cut at {size}", False, f"{facts} {error}")
    check(f"descriptors cut at each of {len(raw)} bytes are malformed", True)
    facts, error = client("usb", usb_files("long", descriptors=raw + bytes(600000)))
    check("endless descriptors are malformed", facts is not None and facts["state"] == "1", error)
    facts, error = client("usb", usb_files("name", descriptors=raw, product=b"x" * 5000))
    check("an endless name is unreadable", facts is not None and facts["state"] == "2", error)
    facts, error = client("usb", usb_files("zero", descriptors=raw, serial=b"a\0b\n"))
    check("a zero byte in a serial is unreadable", facts is not None and facts["state"] == "2", error)
    generator = random.Random(5)
    for index in range(2000 if FULL else 100):
        damaged = bytearray(raw)
        for _ in range(generator.randint(1, 6)):
            damaged[generator.randrange(len(damaged))] = generator.choice([0, 1, 2, 4, 5, 9, 255, generator.randrange(256)])
        facts, error = client("usb", usb_files("damaged", descriptors=bytes(damaged)))
        if facts is None or facts["state"] not in ("0", "1"):
            check(f"damaged descriptors {index}", False, error)
    check("damaged descriptors always have an answer", True)


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def check_waiting_probe():
    """What the kernel says of a probe that waits for its first byte."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    user = 64123 if os.geteuid() == 0 else os.geteuid()
    group = 64123 if os.geteuid() == 0 else os.getegid()
    with open("/dev/null", "rb") as null:
        process = subprocess.Popen([PROBE, "--uid", str(user), "--gid", str(group)], env=ENVIRONMENT, stdin=null,
                                   pass_fds=[theirs.fileno()] if theirs.fileno() == 3 else [3],
                                   preexec_fn=lambda: os.dup2(theirs.fileno(), 3, inheritable=True))
    theirs.close()
    deadline = time.monotonic() + 10
    while status_of(process.pid).get("Seccomp") != "2" and time.monotonic() < deadline:
        time.sleep(0.01)
    status = status_of(process.pid)
    check("it waits under a system call filter", status.get("Seccomp") == "2")
    check("without new privileges", status["NoNewPrivs"] == "1")
    check("without capabilities", all(int(status[name], 16) == 0 for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")))
    check("as the user it was given", status["Uid"].split() == [str(user)] * 4 and status["Gid"].split() == [str(group)] * 4)
    if os.geteuid() == 0:
        check("without further groups", status["Groups"].split() == [])
        descriptors = sorted(int(name) for name in os.listdir(f"/proc/{process.pid}/fd"))
        check("with no descriptors but its own", descriptors == [0, 1, 2, 3], descriptors)
    ours.close()
    check("it ends when the monitor is gone", process.wait(10) == 0)


def check_arguments():
    for arguments in ([], ["--uid", "0", "--gid", "5"], ["--uid", "5"], ["--uid", "x", "--gid", "5"], ["--uid", "5", "--gid", "5", "more"]):
        run = subprocess.run([PROBE, *arguments], capture_output=True, env=ENVIRONMENT, check=False)
        check(f"arguments {arguments} are refused", run.returncode == 1)


def main():
    with tempfile.TemporaryDirectory(prefix="sekisho-probe-") as directory:
        os.chmod(directory, 0o755)
        os.chdir(directory)
        media = make_media()
        check_media(media)
        check_identity()
        check_block_devices()
        check_usb()
        check_waiting_probe()
        check_arguments()
        hostile = subprocess.run([CLIENT, PROBE, "hostile"], capture_output=True, text=True, env=ENVIRONMENT, check=False)
        check("hostile jobs", hostile.returncode == 0, hostile.stdout.strip() if hostile.returncode == 0 else hostile.stderr)
        jail = subprocess.run([JAIL], capture_output=True, text=True, env=ENVIRONMENT, check=False)
        check("the jail", jail.returncode == 0, "" if jail.returncode == 0 else jail.stdout)
        times, error = client("time", "20", "vfat")
        check("a waiting probe answers", times is not None, error or times)
        check_damage(media)
        os.chdir("/")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
