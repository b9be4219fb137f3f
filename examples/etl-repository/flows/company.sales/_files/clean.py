"""Parts orders into good rows and bad ones: `python clean.py ORDERS.csv GOOD.csv BAD.csv`."""

import csv
import json
import sys
from pathlib import Path

source, good_path, bad_path = sys.argv[1:]
with Path("countries.csv").open(encoding="utf-8", newline="") as file:
    countries = {row["code"] for row in csv.DictReader(file)}


def is_good(row: dict[str, str]) -> bool:
    try:
        return float(row["amount"]) > 0 and row["country"] in countries
    except ValueError:
        return False


with Path(source).open(encoding="utf-8", newline="") as file:
    rows = list(csv.DictReader(file))
counts = {}
for name, path, part in (
    ("good", good_path, [row for row in rows if is_good(row)]),
    ("bad", bad_path, [row for row in rows if not is_good(row)]),
):
    with Path(path).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["id", "country", "amount"])
        writer.writeheader()
        writer.writerows(part)
    counts[name] = len(part)

print("::" + json.dumps({"outputs": counts}) + "::")
