"""What a poll of a device costs that is up to date."""
import time
from concurrent.futures import ThreadPoolExecutor

ORDER = 20
DEVICES, ASKED_EACH = 16, 1250


def poll(connection, etag, times):
    for _ in range(times):
        connection.request("GET", "/device/v1/desired", headers={"If-None-Match": etag})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 304:
            raise RuntimeError(f"{answer.status} in place of 304")


def measure(fleet):
    connections = [fleet.device_connection(number) for number in range(1, DEVICES + 1)]
    etags = []
    for connection in connections:
        connection.request("GET", "/device/v1/desired")
        answer = connection.getresponse()
        document = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{answer.status}: {document[:300]}")
        etags.append(answer.getheader("ETag"))
    time.sleep(2)
    idle = fleet.cpu_s()
    time.sleep(10)
    idle_cores = (fleet.cpu_s() - idle) / 10
    cpu, begun = fleet.cpu_s(), time.monotonic()
    with ThreadPoolExecutor(DEVICES) as pool:
        list(pool.map(poll, connections, etags, [ASKED_EACH] * DEVICES))
    elapsed = time.monotonic() - begun
    spent = fleet.cpu_s() - cpu - idle_cores * elapsed
    count = DEVICES * ASKED_EACH
    return {"desired_304_cpu_ms": round(1000 * spent / count, 4),
            "details": {"desired_304_per_s": round(count / elapsed), "desired_304_idle_cores_taken_off": round(idle_cores, 3)}}
