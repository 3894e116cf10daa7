#!/usr/bin/env python3
# roots.py CASE: the lines of a case against its checkpoints, by RFC 6962 and nothing of quis. Status 1 and one line if they differ.
import base64, glob, hashlib, os, re, subprocess, sys

def sha(data):
    return hashlib.sha256(data).digest()

def root(leaves):
    if len(leaves) < 2:
        return leaves[0] if leaves else sha(b"")
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return sha(b"\1" + root(leaves[:half]) + root(leaves[half:]))

case = sys.argv[1]
leaves = []
for path in sorted(glob.glob(case + "/facts-*.ndjson*")):
    data = subprocess.check_output(["zstd", "-dcq", path]) if path.endswith(".zst") else open(path, "rb").read()
    leaves += [sha(b"\0" + line) for line in data.split(b"\n")[:-1]]
    number = re.search(r"facts-(\d+)", path).group(1)
    if os.path.exists(case + "/checkpoints/" + number):
        origin, size, encoded = open(case + "/checkpoints/" + number).read().split("\n")[:3]
        if int(size) != len(leaves) or base64.b64decode(encoded) != root(leaves):
            sys.exit("checkpoints/%s: the lines do not have the root that it signs" % number)
origin, size, encoded = open(case + "/checkpoint").read().split("\n")[:3]
if int(size) > len(leaves) or base64.b64decode(encoded) != root(leaves[:int(size)]):
    sys.exit("checkpoint: the lines do not have the root that it signs")
print(size, "of", len(leaves), "lines")
