#!/usr/bin/env python3
"""Predicts with a model file of Comity, written from docs/format/learned.md alone.

Standard input is {"model": the file's text, "rows": a CSV with a header}; standard
output is one prediction a line. Only the standard library is used.
"""
import base64, bisect, csv, datetime, hashlib, io, json, math, struct, sys

MISSING = {"na", "n/a", "#n/a", "nan", "null", "none", "?", "-", "."}
LN2 = 799144290325165979  # ln 2 times 2^60.


def div(a, b):  # Half away from zero.
    q = (2 * abs(a) + abs(b)) // (2 * abs(b))
    return q if (a < 0) == (b < 0) else -q


def exp(x):  # e^(x/2^16) is m/2^60 2^k.
    x = max(-44 << 16, min(44 << 16, x))
    k = div(x << 44, LN2)
    rest, m = (x << 44) - k * LN2, 1 << 60
    for i in range(17, 0, -1):
        m = (1 << 60) + div(div(rest * m, 1 << 60), i)
    return m, k


def prediction(model, score):
    target = model["target"]
    if target["task"] == "binary":
        m, k = exp(-abs(score))
        p = div(1 << 100, (1 << 60) + (m >> min(62, -k)))
        return math.ldexp(p if score >= 0 else (1 << 40) - p, -40)
    if target["task"] == "count":
        m, k = exp(score)
        down = 60 - k
        m, down = m >> max(0, down - 62), min(62, down)
        score = div(m << 16, 1 << down) if down > 0 else (1 << 63) - 1
    return math.ldexp(float(score + int(target["offset"])), -target["exponent"])


def number(text):
    try:
        return float(text)
    except ValueError:
        return None


def plain(text):  # A category that is a number is named by its shortest decimal.
    x = number(text)
    if x is None or text.strip().lower() in MISSING:
        return text
    return repr(x + 0.0).removesuffix(".0") if x else "0"


def value(column, text):  # Of a number or date; None if it is missing.
    if text == "" or text.lower() in MISSING:
        return None
    return float(text) if column["kind"] == "number" else datetime.date.fromisoformat(text).toordinal() - 719163


def bin_of(column, text):
    if text == "":
        return 0
    if column["kind"] in ("category", "hashed"):
        key = int.from_bytes(hashlib.sha256(plain(text).encode()).digest()[:8], "big", signed=True)
        return bisect.bisect_right(column["cuts"], key) + 1 if column["kind"] == "hashed" else column["keys"].get(key, 0)
    x = value(column, text)
    return 0 if x is None else bisect.bisect_right(column["cuts"], x) + 1


class Reader:
    def __init__(self, data): self.data, self.at = data, 0
    def take(self, form):
        v = struct.unpack_from(">" + form, self.data, self.at)
        self.at += struct.calcsize(">" + form)
        return v[0] if len(v) == 1 else v
    def text(self): return self.take(f"{self.take('B')}s")


def trees(data, columns):
    r = Reader(data)
    r.take("15s"); r.text(); r.text()
    rounds = r.take("16i3iB32sH")
    for _ in columns:
        r.text(); r.take("BB"); r.take(f"{8 * r.take('B')}s")
    start, _, rounds = r.take("i32sI")
    forest = []
    for _ in range(rounds):
        r.take("H")
        nodes, due = [], 1
        while len(nodes) < due:
            feature = r.take("H")
            if feature == 0xFFFF:
                nodes.append((None, r.take("iI")[0]))
                continue
            if columns[feature]["kind"] == "category":
                words = r.take("4QI")
                right = {b for b in range(256) if not words[b // 64] >> b % 64 & 1}
            else:
                cut, missing, _ = r.take("BBI")
                right = set(range(cut + 1, 256)) | ({0} if missing else set())
            nodes.append((feature, right, due))
            due += 2
        forest.append(nodes)

    def score(row, _):
        total = start
        for nodes in forest:
            n = nodes[0]
            while n[0] is not None:
                n = nodes[n[2] + (row[n[0]] in n[1])]
            total = max(-1 << 30, min(1 << 30, total + n[1]))
        return total
    return score


def additive(data, columns):
    r = Reader(data)
    r.take("18s"); r.text(); r.text(); r.take("12I4q32sH")
    bins = []
    for c in columns:
        r.text(); r.take("BB")
        cuts = r.take("B")
        r.take(f"{8 * cuts}s")
        bins.append(cuts + (1 if c["kind"] == "category" else 2))
    intercept = r.take("q3I2q32s")[0]
    curves = [[r.take("qq")[0] for _ in range(n)] for n in bins]
    tables = []
    for _ in range(r.take("B")):
        a, b = r.take("HH")
        rows, columns_ = r.take(f"{bins[a]}s"), r.take(f"{bins[b]}s")
        width = max(columns_) + 1
        values = [r.take("q") for _ in range((max(rows) + 1) * width)]
        tables.append((a, b, rows, columns_, width, values))

    def score(row, _):
        total = intercept + sum(curve[b] for curve, b in zip(curves, row))
        for a, b, rows, columns_, width, values in tables:
            total += values[rows[row[a]] * width + columns_[row[b]]]
        return max(-1 << 30, min(1 << 30, total))
    return score


def linear(data, columns):
    r = Reader(data)
    r.take("16s"); r.text(); r.text(); r.take("4I3q32sH")
    for _ in columns:
        r.text(); r.take("BB"); r.take(f"{8 * r.take('B')}s")
    r.take("q2I32sq")
    terms = [r.take("HBBqb") for _ in range(r.take("H"))]
    values = [r.take("q") for _ in terms]

    def units(feature, x, centre, shift):
        if x is None:
            return 0
        x = max(-1 << 41, min(1 << 41, round(math.ldexp(x, columns[feature]["exponent"])))) - centre
        return max(-1 << 26, min(1 << 26, div(x, 1 << -shift) if shift < 0 else x << shift))

    def score(row, numbers):
        total = 0
        for v, (feature, kind, bin_, centre, shift) in zip(values, terms):
            z = 1 << 16
            if kind == 1:
                z = units(feature, numbers[feature], centre, shift)
            elif kind == 2:
                z *= numbers[feature] is None
            elif kind == 3:
                z *= row[feature] == bin_
            total += max(-1 << 52, min(1 << 52, div(v * z, 1 << 16)))
        return max(-1 << 30, min(1 << 30, div(total, 1 << 16)))
    return score


def main():
    given = json.load(sys.stdin)
    model = json.loads(given["model"])
    columns = model["columns"]
    for c in columns:
        c["keys"] = {int(k): i + 1 for i, k in enumerate(c["cuts"])} if c["kind"] == "category" else {}
        c["cuts"] = [int(x) if c["kind"] == "hashed" else float(x) for x in c["cuts"]]
    score = {"additive": additive, "linear": linear, "trees": trees}[model["learner"]](base64.b64decode(model["learned"]), columns)
    for row in csv.DictReader(io.StringIO(given["rows"])):
        cells = {name: text.strip(" ") for name, text in row.items()}
        bins = [bin_of(c, cells[c["name"]]) for c in columns]
        numbers = [value(c, cells[c["name"]]) if c["kind"] in ("number", "date") else None for c in columns]
        print(repr(prediction(model, score(bins, numbers))))


main()
