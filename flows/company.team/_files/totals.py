"""Sums up orders by country: `python totals.py ORDERS.csv TOTALS.csv`."""

import csv
import json
import sys
from collections import Counter

source, target = sys.argv[1:]
totals: Counter[str] = Counter()
orders = 0
with open(source, newline="", encoding="utf-8") as lines:
    for row in csv.DictReader(lines):
        totals[row["country"]] += round(float(row["amount"]) * 100)
        orders += 1

with open(target, "w", newline="", encoding="utf-8") as lines:
    writer = csv.writer(lines)
    writer.writerow(["country", "amount"])
    writer.writerows((country, cents / 100) for country, cents in totals.most_common())

print("::" + json.dumps({"outputs": {"orders": orders, "countries": len(totals)}}) + "::")
