"""How fast desired documents reach the broker, and how soon an abort acts while all of them wait."""
import json
import time

ORDER = 90
EVERYBODY_IS_DUE = """
begin;
update devices set desired_rev = desired_rev + 1 where revoked_at is null;
insert into desired_due (device_id, class, rev) select id, 1, desired_rev from devices where revoked_at is null
  on conflict (device_id) do update set class = 1, rev = excluded.rev, not_before = '-infinity';
commit;
"""
# The running rollout rolls back at its first failure, and one device has failed.
AN_ABORT_IS_MET = """
begin;
update rollouts set policy = policy || '{policy}'::jsonb where id = {rollout};
with failing as (select rollout_id, device_id, wave, state from rollout_devices where rollout_id = {rollout}
                  and state not in ('queued', 'failed', 'rolled_back') order by device_id limit 1),
     failed as (update rollout_devices q set state = 'failed', cause = 'activate', finished_at = now() from failing f
                 where q.rollout_id = f.rollout_id and q.device_id = f.device_id)
update rollout_waves w set counts = jsonb_set(jsonb_set(w.counts, array[f.state], to_jsonb((w.counts ->> f.state)::bigint - 1)),
                                    '{{activate}}', to_jsonb(coalesce((w.counts ->> 'activate')::bigint, 0) + 1))
  from failing f where w.rollout_id = f.rollout_id and w.wave = f.wave;
commit;
"""
POLICY = {"abort": [{"causes": ["activate"], "min_executed": 1, "share": 1e-6, "action": "rollback"}]}


def due(fleet, condition="true"):
    return int(fleet.sql(f"select count(*) from desired_due where {condition}"))


def wait(condition, within_s):
    end = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"not within {within_s} s")
        time.sleep(0.02)


def make_everybody_due(fleet):
    """The server does not run meanwhile, and begins to publish when it is up again."""
    fleet.argosyd.stop()
    fleet.sql(EVERYBODY_IS_DUE)
    fleet.vacuum()
    count = due(fleet)
    fleet.argosyd.start()
    wait(lambda: due(fleet) < count, 60)


def measure_publishing(fleet):
    make_everybody_due(fleet)
    first, begun = due(fleet), time.monotonic()
    wait(lambda: due(fleet) == 0, 600)
    return first / (time.monotonic() - begun)


def measure_abort(fleet):
    rollout = int(fleet.sql("select max(id) from rollouts where state = 'running'"))
    make_everybody_due(fleet)
    fleet.sql(AN_ABORT_IS_MET.format(rollout=rollout, policy=json.dumps(POLICY)))
    waiting, begun = due(fleet), time.monotonic()
    wait(lambda: fleet.sql(f"select state from rollouts where id = {rollout}").strip() == "rolling_back", 300)
    decided = time.monotonic() - begun
    wait(lambda: fleet.sql(f"select told_up_to is null from rollouts where id = {rollout}").strip() == "t"
         and due(fleet, "class = 0") == 0, 300)
    return decided, time.monotonic() - begun, waiting


def measure(fleet):
    published_per_s = measure_publishing(fleet)
    decided_s, told_s, waiting = measure_abort(fleet)
    return {"published_per_s": round(published_per_s), "abort_s": round(decided_s, 2),
            "details": {"abort_all_told_s": round(told_s, 2), "waiting_at_abort": waiting}}
