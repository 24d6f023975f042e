"""What of the devices' windows is in the database: the one place of the benches and tests that knows the tables by name."""
import json
import statistics

WINDOWS = "telemetry_windows"  # where they come in
UNPACKED = "telemetry_unpacked"
PACKED = "telemetry_packed"
HOURS = "telemetry_hours"
HEALTH = "health_samples"

# Of each outbox: how many rows, how many numbers, and how far these reach. What is packed was counted when it was.
OUTBOXES = f"""
select sum(rows) as rows, sum(numbers) as numbers, max(last) as last
  from (select device_id, epoch, count(*) as rows, count(distinct seq) as numbers, max(seq) as last
          from (select device_id, lpad(to_hex(epoch), 16, '0') as epoch, seq from {UNPACKED} union all select device_id, epoch, seq from {HEALTH}) as records
         group by device_id, epoch
         union all
        select device_id, lpad(to_hex(epoch), 16, '0'), windows, windows, last_seq from {PACKED}) as parts
 group by device_id, epoch
"""


def stored(sql, where="true"):
    """How many windows there are; `sql` runs one statement and returns its text."""
    return int(sql(f"select (select count(*) from {UNPACKED} where {where}) + (select coalesce(sum(windows), 0) from {PACKED} where {where})"))


def integrity(sql):
    """(windows stored, records stored twice, records missing below the last of their outbox)."""
    duplicates, gaps = map(int, sql(f"select coalesce(sum(rows - numbers), 0), coalesce(sum(last - numbers), 0) from ({OUTBOXES}) as o").split())
    return stored(sql), duplicates, gaps


def size_over(sql, table, count):
    """Heap, indexes and TOAST of the partitions that have rows, over what is counted in them."""
    size, counted = map(int, sql(
        f"select coalesce(sum(pg_total_relation_size(inhrelid)) filter (where pg_relation_size(inhrelid) > 0), 0), (select {count} from {table}) "
        f"from pg_inherits where inhparent = '{table}'::regclass").split())
    return round(size / counted) if counted else None


def bytes_per_window(sql):
    return size_over(sql, WINDOWS, "count(*)")


def packed_bytes_per_window(sql):
    """As bytes_per_window; none before any are packed."""
    return size_over(sql, PACKED, "coalesce(sum(windows), 0)")


def hour_rollup_bytes(sql):
    return size_over(sql, HOURS, "count(*)")


def windows_per_transaction(statements, windows):
    """From pg_stat_statements: `statements` as top_statements() has them."""
    copies = sum(each["calls"] for each in statements if each["sql"].lower().startswith("copy") and WINDOWS in each["sql"])
    return round(windows / copies, 1) if copies else None


def copy_windows(run, file, rows, measure, rounds=3):
    """The median of what `measure`, which calls its argument and returns what that cost, says of a raw COPY of so many stored
    windows into a table with the same columns and indexes; and how many there were. `run` runs statements in one session and
    returns what they print; `file`: for the server to write and read."""
    run("set client_min_messages = warning", "drop table if exists bench_copy", f"create table bench_copy (like {WINDOWS} including all)",
        f"copy (select * from {WINDOWS} limit {rows}) to '{file}' (format binary)")
    costs = []
    for _ in range(rounds):
        run("truncate bench_copy", "checkpoint")
        costs.append(measure(lambda: run(f"copy bench_copy from '{file}' (format binary)")))
    copied = int(run("select count(*) from bench_copy"))
    run("drop table bench_copy")
    return statistics.median(costs), copied


def top_statements(sql, count=10):
    return json.loads(sql(
        "select coalesce(json_agg(t), '[]') from (select round(total_exec_time::numeric) as ms, calls, rows, left(query, 160) as sql "
        f"from pg_stat_statements order by total_exec_time desc limit {count}) as t"))
