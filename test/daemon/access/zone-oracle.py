"""Wall times and the instants that bound a stay with them, worked out from zoneinfo's utcoffset alone.

Arguments: seed, number of cases, number of zones. Writes JSON: the zones' offset changes, and the cases
[zone, wall time, start, end] in seconds. In a gap both are the first instant after it; where a wall time comes
twice, the start is the earlier and the end the later.
"""
import json
import random
import sys
import zoneinfo
from datetime import datetime, timedelta, timezone

seed, count, zone_count = (int(argument) for argument in sys.argv[1:4])
chance = random.Random(seed)
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
FIRST = int((datetime(2026, 1, 1, tzinfo=timezone.utc) - EPOCH).total_seconds())
LAST = int((datetime(2029, 1, 1, tzinfo=timezone.utc) - EPOCH).total_seconds())


def offset(zone, at):
    return int((EPOCH + timedelta(seconds=at)).astimezone(zone).utcoffset().total_seconds())


def changes(zone):
    found = []
    step = 6 * 3600
    before = offset(zone, FIRST)
    for at in range(FIRST, LAST, step):
        after = offset(zone, at + step)
        if after != before:
            low, high = at, at + step
            while high - low > 1:
                middle = (low + high) // 2
                if offset(zone, middle) == before:
                    low = middle
                else:
                    high = middle
            found.append([high, after])
            before = after
    return [[FIRST, offset(zone, FIRST)]] + found


def bounds(segments, wall):
    fits = []
    for place, (since, shift) in enumerate(segments):
        until = segments[place + 1][0] if place + 1 < len(segments) else LAST + 10 * 86400
        at = wall - shift
        if since <= at < until:
            fits.append(at)
    if fits:
        return min(fits), max(fits)
    for (_, before), (since, after) in zip(segments, segments[1:]):
        if since + before <= wall < since + after:
            return since, since
    raise SystemExit(f"no instant for {wall}")


names = sorted(name for name in zoneinfo.available_timezones() if "/" in name or name == "UTC")
names = [name for name in names if not name.startswith(("posix/", "right/", "Etc/", "SystemV/"))]
chosen = sorted(chance.sample(names, min(zone_count, len(names))))
zones = {name: changes(zoneinfo.ZoneInfo(name)) for name in chosen}
cases = []
while len(cases) < count:
    name = chance.choice(chosen)
    segments = zones[name]
    if len(segments) > 1 and chance.random() < 0.6:
        at, shift = chance.choice(segments[1:])
        wall = at + shift + chance.choice([chance.randint(-10800, 10800), chance.choice([-3600, -1800, -1, 0, 1, 1800, 3600])])
    else:
        wall = chance.randint(FIRST + 86400 * 2, LAST - 86400 * 2)
    if not FIRST + 86400 * 2 <= wall <= LAST - 86400 * 2:
        continue
    start, end = bounds(segments, wall)
    text = (EPOCH + timedelta(seconds=wall)).strftime("%Y-%m-%dT%H:%M:%S")
    cases.append([name, text, start, end])
json.dump({"zones": zones, "cases": cases}, sys.stdout)
