"""How long a person waits for a screen."""
import statistics
import time

ORDER = 10
ROUNDS = 15
SITE, NEXT_SITE = 'labels.site="site-07"', 'labels.site="site-08"'
FILTERS = (
    SITE, 'labels.site!="site-07"', 'labels.site:"te-1"', 'labels.site:"nowhere"', 'labels.site="nowhere"', 'labels.line="2"',
    'presence="online"', 'presence="late"', 'presence="offline"', 'presence="never_seen"', 'NOT presence="online"',
    'model.digits="1.0"', 'model.digits="1.1"', 'model.digits!="1.0"', 'model.digits:"1."', 'model.digits="9.9"', 'model.other="1.0"',
    'hardware_class="jetson-fp16"', 'hardware_class="none"', 'hardware_class:"jetson"', 'agent_version="0.1.0"', 'agent_version:"9"',
    'id:"0423"', 'id:"nowhere"', 'id="cam-000007"',
    f'{SITE} AND presence="late"', f'({SITE} OR {NEXT_SITE}) AND model.digits="1.1"', 'hardware_class="jetson-fp16" AND presence="offline"',
    f'{SITE} AND hardware_class="cpu-int8" AND model.digits="1.0"', 'presence="offline" AND model.digits="1.1" AND labels.line:"2"',
    f'NOT ({SITE} OR presence="online")', 'labels.site:"nowhere" AND presence="online"',
)


def median_ms(ask, rounds=ROUNDS, gap_s=0.0):
    """Of one call, the first not counted."""
    ask()
    took = []
    for _ in range(rounds):
        time.sleep(gap_s)
        begun = time.perf_counter()
        ask()
        took.append(1000 * (time.perf_counter() - begun))
    return round(statistics.median(took), 2)


def read_pages(fleet, count):
    """Medians of so many pages, one after the other."""
    cursor, medians = None, []
    for _ in range(count):
        page = {"limit": 100, "cursor": cursor} if cursor else {"limit": 100}
        medians.append(median_ms(lambda: fleet.get("/api/v1/devices", **page), 5))
        cursor = fleet.get("/api/v1/devices", **page)["next_cursor"]
        if not cursor:
            break
    return round(statistics.median(medians), 2)


def measure(fleet):
    filtered = {text: median_ms(lambda: fleet.get("/api/v1/devices", filter=text, limit=100), 7) for text in FILTERS}
    others = {path: median_ms(lambda: fleet.get(path), 7) for path in (
        "/api/v1/rollouts", "/api/v1/rollouts/3", "/api/v1/rollouts/3/devices", "/api/v1/rollouts/3/devices?state=queued",
        "/api/v1/rollouts/3/decisions", "/api/v1/alerts", "/api/v1/alerts?state=open", "/api/v1/audit", "/api/v1/models")}
    return {"list_ms": read_pages(fleet, 10),
            "filtered_list_ms": max(filtered.values()),
            "overview_ms": median_ms(lambda: fleet.get("/api/v1/overview"), 12, gap_s=1.05),
            "details": {"filters_ms": dict(sorted(filtered.items(), key=lambda item: -item[1])), "other_lists_ms": others}}
