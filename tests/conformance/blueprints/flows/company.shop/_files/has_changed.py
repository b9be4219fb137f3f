"""Has a file of the store changed since a moment: `has_changed.py http://store prices.txt 2024-05-01T06:00:00Z`."""

import os
import sys
from datetime import datetime
from email.utils import parsedate_to_datetime

import requests

store, name, since = sys.argv[1:]
answer = requests.head(f"{store}/{name}", headers={"X-Key": os.environ["STORE_KEY"]})
answer.raise_for_status()
changed = parsedate_to_datetime(answer.headers["Last-Modified"])
print(f"{name} is", "new" if changed > datetime.fromisoformat(since) else "as it was")
