#!/usr/bin/env python3
"""Verifies bundles (tar) of `writ audit export`. Written from docs/format.md alone; needs Python and the package `cryptography`.

    verify_bundle.py [--key VKEY] FILE...     says VERIFIED or FAILED of each; ends with 3 if any failed, else with 0
"""
import argparse, base64, hashlib, json, re, sys, unicodedata
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FILES = ["manifest.json", "README.txt", "vkey.txt", "checkpoint.txt", "range.proof", "events.ndjson"]
COUNTS = ["events", "shown", "withheld", "fields_shown", "fields_withheld", "fields_erased"]
NUMBER, HASH, TIME = "(0|[1-9][0-9]{0,18})", "([A-Za-z0-9+/]{43}=)", "[0-9]{4}(-[0-9]{2}){2}T[0-9]{2}(:[0-9]{2}){2}\\.[0-9]{3}Z"
NOTE = f"([^\n]+)\n{NUMBER}\n{HASH}\n(?:[^\n]+\n)*\n((?:\u2014 [^\\s+]+ [A-Za-z0-9+/=]+\n){{1,32}})"
PROOF = f"writ/range-proof@v1\nsize {NUMBER}\nrange {NUMBER} {NUMBER}\n((?:left {HASH}\n)*)((?:block {HASH}\n)*)((?:right {HASH}\n)*)"

def need(holds, code, seq=None):
    if not holds: raise AssertionError(code if seq is None else f"{code} at #{seq}")
    return holds

def sha256(*parts): return hashlib.sha256(b"".join(parts)).digest()

def match(pattern, data, code):
    try: return need(re.fullmatch(pattern, data.decode()), code)
    except UnicodeDecodeError: need(False, code)

def unbase64(text, least=32):
    """The bytes, if the text is the only base64 of them."""
    try: data = base64.b64decode(text, validate=True)
    except (ValueError, TypeError): return None
    return data if base64.b64encode(data).decode() == text and len(data) >= least else None

def strict(source, is_sorted=True):
    """The value of JSON that is written in the only way that it may be; None of all else."""
    def members(pairs):
        names = [name.encode("utf-16-be") for name, _ in pairs]
        return dict(pairs) if len(set(names)) == len(names) and (names == sorted(names) or not is_sorted) else refuse()
    def integer(digits): return int(digits) if abs(int(digits)) < 2**53 else refuse()
    def refuse(_=None): raise ValueError
    try:
        value = json.loads(source.decode(), object_pairs_hook=members, parse_int=integer, parse_float=refuse, parse_constant=refuse)
        return value if json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() == source else None
    except (ValueError, RecursionError): return None

def unpack(data):
    """The files, the last one as far as it goes, and a check of what has to follow it."""
    at, files = 0, []
    for name in FILES:
        head = data[at:at + 512]
        need(len(head) == 512, "E_TRUNCATED")
        need(re.fullmatch(b"[0-7]{11}\0", head[124:136]), "E_FILE")
        plain = name.encode().ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2 + head[124:136] + b"0" * 11 + b"\0" + b" " * 8
        plain += b"0" + bytes(100) + b"ustar\x0000" + bytes(247)
        need(head == plain[:148] + b"%07o\0" % sum(plain) + plain[156:], "E_FILE")
        size, start = int(head[124:135], 8), at + 512
        at = start + -(-size // 512) * 512
        need(name == FILES[5] or len(data) >= at, "E_TRUNCATED")
        need(name == FILES[5] or not any(data[start + size:at]), "E_FILE")
        files.append(data[start:start + size])
    def end():
        need(len(data) >= at + 1024, "E_TRUNCATED")
        need(len(data) == at + 1024 and not any(data[start + size:]), "E_FILE")
    return files, end

def read_note(note, vkey):
    """Origin, size and root of the checkpoint, signed by this key."""
    name, key_id, public = match("([^\\s+]+)\\+([0-9a-f]{8})\\+([A-Za-z0-9+/=]+)\n", vkey, "E_KEY").groups()
    public = need(unbase64(public, 33), "E_KEY")
    need(len(public) == 33 and public[0] == 1 and sha256(name.encode(), b"\n", public)[:4].hex() == key_id, "E_KEY")
    origin, size, root, lines = match(NOTE, note, "E_SIGNATURE").groups()
    need(len(note) <= 16384 and not any(unicodedata.category(c) == "Cc" and c != "\n" for c in note.decode()), "E_SIGNATURE")
    tree_root, signed = need(unbase64(root), "E_SIGNATURE"), False
    for _, signer, blob in (line.split(" ") for line in lines.split("\n")[:-1]):
        blob = need(unbase64(blob, 5), "E_SIGNATURE")
        if (signer, blob[:4].hex()) == (name, key_id):
            try: Ed25519PublicKey.from_public_bytes(public[1:]).verify(blob[4:], note[:note.rindex(b"\n\n") + 1])
            except Exception: need(False, "E_SIGNATURE")
            signed = signed or signer == origin
    need(signed, "E_KEY")
    return origin, int(size), tree_root

def cover(at, end, most, is_full=True):
    """Subtrees from left to right, as (first leaf, leaf after the last)."""
    while at < end:
        leaves = min(at & -at or 2**63, most, 1 << (end - at).bit_length() - 1 if is_full else end - at)
        yield at, at + leaves
        at += leaves

def root(known, first, end):
    """RFC 6962 section 2.1, over subtrees that are known."""
    if (first, end) in known: return known[first, end]
    middle = first + (1 << (end - first - 1).bit_length() - 1)
    return sha256(b"\1", root(known, first, middle), root(known, middle, end))

def read_event(line, seq, site, last_t):
    """Leaf hash and time of an event; whether it is shown, how many fields with it, and how many it has."""
    event = strict(line, is_sorted=False)
    form = list(event) if type(event) is dict else None
    need(form in (["seq", "withheld"], ["seq", "hash", "leaf"], ["seq", "hash", "leaf", "dis"]) and type(event["seq"]) is int, "E_FILE", seq)
    leaf_hash, dis = unbase64(event.get("hash", event.get("withheld"))), event.get("dis", [""])
    need(leaf_hash and len(leaf_hash) == 32 and event["seq"] >= 0 and type(event.get("leaf", "")) is str, "E_FILE", seq)
    need(type(dis) is list and dis and all(type(one) is str for one in dis), "E_FILE", seq)
    need(event["seq"] == seq, "E_GAP", seq)
    if "leaf" not in event: return leaf_hash, last_t, (0, 0, 0)
    need(sha256(b"\0", event["leaf"].encode()) == leaf_hash, "E_LEAF", seq)
    leaf, dis = strict(event["leaf"].encode()), event.get("dis", [])
    need(type(leaf) is dict and type(leaf.get("t")) is str and re.fullmatch(TIME, leaf["t"], re.ASCII), "E_LEAF", seq)
    need(type(leaf.get("seq")) is int and leaf["seq"] == seq, "E_GAP", seq)
    need(leaf.get("site") == site, "E_LEAF", seq)
    need(leaf["t"] >= last_t, "E_ORDER", seq)
    sealed = leaf.get("_sd", [])
    need(type(sealed) is list and all(type(one) is str for one in sealed), "E_LEAF", seq)
    digests = [base64.urlsafe_b64encode(sha256(one.encode())).decode().rstrip("=") for one in dis]
    need(len(set(digests)) == len(digests) and all(sealed.count(one) == 1 for one in digests), "E_DISCLOSURE", seq)
    return leaf_hash, leaf["t"], (1, len(dis), len(sealed))

def verify(data, key=None):
    files, end = unpack(data)
    manifest = strict(files[0][:-1]) if files[0].endswith(b"\n") else None
    need(type(manifest) is dict and manifest.get("format") == "writ-bundle@v1" and type(manifest.get("site")) is str, "E_FILE")
    counts, named = manifest.get("counts"), manifest.get("files")
    need(type(counts) is dict and type(named) is dict and sorted(named) == sorted(FILES[1:]), "E_FILE")
    numbers = [manifest.get(name) for name in ("from", "to", "checkpoint_size")] + [counts.get(name) for name in COUNTS]
    need(all(type(n) is int and n >= 0 for n in numbers) and all(type(n) is str for n in named.values()), "E_FILE")
    origin, tree_size, tree_root = read_note(files[3], key or files[2])
    need(all(sha256(files[n]).hex() == named[FILES[n]] for n in range(1, 5)), "E_FILE")
    need(origin.endswith("/writ/" + manifest["site"]), "E_FILE")
    size, first, past, *hashes = match(PROOF, files[4], "E_PROOF").group(1, 2, 3, 4, 6, 8)
    size, first, past = int(size), int(first), int(past)
    left, blocks, right = ([need(unbase64(line.split(" ")[1]), "E_PROOF") for line in part.split("\n")[:-1]] for part in hashes)
    need([first, past, size] == numbers[:3], "E_COUNT")
    need(first < past <= size and past - first <= 256 * len(blocks), "E_PROOF")
    places = list(cover(0, first, 2**63)), list(cover(first, past, 256)), list(cover(past, size, 2**63, is_full=False))
    need([len(part) for part in places] == [len(left), len(blocks), len(right)], "E_PROOF")
    known = dict(zip(sum(places, []), left + blocks + right))
    need(root(known, 0, size) == tree_root and size == tree_size, "E_PROOF")
    *lines, rest = files[5].split(b"\n")
    seq, t, found, leaves, block_ends = first, "", [0, 0, 0], {}, {block[1]: block for block in places[1]}
    for line in lines:
        need(seq < past, "E_COUNT", seq)
        leaves[seq, seq + 1], t, more = read_event(line, seq, manifest["site"], t)
        found, seq = [a + b for a, b in zip(found, more)], seq + 1
        if seq in block_ends:
            block = block_ends[seq]
            need(root(leaves, *block) == known[block], "E_LEAF", block[0])
            leaves = {}
    need(seq == past and not rest, "E_TRUNCATED", seq)
    end()
    need(sha256(files[5]).hex() == named[FILES[5]], "E_FILE")
    events, (shown, fields_shown, fields) = past - first, found
    need(numbers[3:7] == [events, shown, events - shown, fields_shown] and sum(numbers[6:]) == fields, "E_COUNT")

def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--key", metavar="VKEY", help="the key to trust, instead of the one in the bundle")
    parser.add_argument("files", nargs="+")
    arguments, failed = parser.parse_args(), 0
    for path in arguments.files:
        try:
            with open(path, "rb") as file: verify(file.read(), arguments.key and (arguments.key + "\n").encode())
            print("VERIFIED", path, sep="\t")
        except AssertionError as finding:
            failed = 3
            print(f"FAILED {finding}", path, sep="\t")
    sys.exit(failed)

if __name__ == "__main__":
    main()
