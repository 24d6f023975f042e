"""A fleet of any size in a database within seconds, for scripts/bench rollout: written by SQL alone, with nothing behind it
that a rollout does not look at."""
from large_fleet import LargeFleet, Rows
from processes import say
from services import run

# Triggers and keys rest meanwhile; what they would have written comes at the end.
DEVICES = """
set session_replication_role = replica;
insert into devices (id, hardware_class, labels, capabilities, certificate_not_after)
  select 'cam-' || lpad(n::text, 7, '0'), class, jsonb_build_object('site', 'site-' || n % 50),
      jsonb_build_object('architecture', 'aarch64', 'accelerators', array['cpu'], 'runtimes', array['onnxruntime'],
                         'precisions', array[split_part(class, '-', 2)], 'memory_mb', 4096), now() + interval '60 days'
    from (select n, (array['cpu-fp32', 'cpu-int8', 'cpu-fp32', 'jetson-fp16', 'cpu-int8', 'cpu-fp32'])[1 + n % 6] as class
            from generate_series(1, {count}) as n) as c;
insert into device_state (device_id, agent_version, interval_s, last_seen_at, presence, presence_since, presence_reason)
  select id, '0.1.0', 3600, now(), case when hashtext(id) % {away_every} = 0 then 'offline' else 'online' end, now() - interval '1 day', ''
    from devices;
insert into device_models (device_id, model, version, digest)
  select d.id, 'digits', '1.0', v.digest from devices d join variants v on v.release_id = 1 and v.name = d.hardware_class;
insert into presence_checks (device_id, check_at) select device_id, now() + interval '2 hours' from device_state where presence = 'online';
insert into fleet_counts (kind, name, value, devices) select kind, name, value, devices from fleet_recount
  on conflict (kind, name, value) do update set devices = excluded.devices;
truncate fleet_count_changes;
"""


class RolloutFleet(LargeFleet):
    """One device in `away_every` is offline. Three releases of "digits"; everybody serves 1.0."""

    def __init__(self, group, folder, count, away_every=50):
        super().__init__(group, folder, count)
        self.rows, self.away_every = Rows(40), away_every

    def fill(self):
        say(f"writing {self.count} devices")
        self.rows.releases()
        file = self.folder / "rows.sql"
        file.write_text(self.rows.rows.sql() + DEVICES.format(count=self.count, away_every=self.away_every))
        run(["psql", self.conninfo, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", file], cwd="/")
        file.unlink()
        self.vacuum()
