"""Ends with 1 if the day is no working day in the country: `working_day.py 2024-05-01T06:00:00Z DE`."""

import sys
from datetime import datetime

import holidays

moment, country = sys.argv[1:]
day = datetime.fromisoformat(moment).date()
if day.weekday() >= 5 or day in holidays.country_holidays(country, years=day.year):
    sys.exit(f"{day} is no working day in {country}")
print(f"{day} is a working day in {country}")
