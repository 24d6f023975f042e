-- Judging a device's windows reads the new ones alone: what was seen before is remembered here.

alter table latency_baselines
  add column read_until timestamptz,                   -- windows that started up to here have been looked at
  add column recent     text not null default '[]',    -- [[started at, p95, inferences]]: the last ones, oldest first
  add column labels     text not null default '[]';    -- [[from, to, labelled, correct]]: runs of windows, oldest first

create table drift_evidence (                          -- the rolling histogram of a device's model, in blocks
  device_id  text not null references devices on delete cascade,
  model      text not null,
  version    text not null,
  newest_at  timestamptz not null,                     -- windows that started up to here are in it
  updated_at timestamptz not null,
  evidence   text not null,                            -- {features, windows, older_than, blocks: [[from, to, counts, ...]]}
  primary key (device_id, model)
) with (fillfactor = 70);
alter table drift_state drop column present;           -- lies in the evidence, and is not written with each verdict

-- None of their columns changes with each judgement, so that the updates stay within their pages.
create index drift_state_peers on drift_state (model, version, feature);
create index drift_state_drifted on drift_state (device_id) where drifted;
create index alerts_open_newest on alerts (id desc) where state <> 'resolved';

-- Devices whose presence, drift or standing changed: the alerts on them are judged once more, and nobody searches the
-- fleet for them. The leader empties it every second.
create table level_changes (
  id        bigint generated always as identity primary key,
  device_id text not null
);
create function note_level_change() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' then
    insert into level_changes (device_id) values (old.device_id);
  elsif tg_table_name = 'devices' then
    insert into level_changes (device_id) values (new.id);
  else
    insert into level_changes (device_id) values (new.device_id);
  end if;
  return null;
end $$;
create trigger presence_of_new after insert on device_state for each row when (new.presence = 'offline')
  execute function note_level_change();
create trigger presence_changed after update of presence on device_state for each row
  when (new.presence is distinct from old.presence) execute function note_level_change();
create trigger standing_changed after update of revoked_at on devices for each row
  when ((new.revoked_at is null) <> (old.revoked_at is null)) execute function note_level_change();
create trigger drift_of_new after insert on drift_state for each row when (new.drifted)
  execute function note_level_change();
create trigger drift_changed after update of drifted on drift_state for each row
  when (new.drifted <> old.drifted) execute function note_level_change();
create trigger drift_gone after delete on drift_state for each row when (old.drifted)
  execute function note_level_change();

insert into level_changes (device_id)
  select device_id from device_state where presence = 'offline'
  union select device_id from drift_state where drifted
  union select device_id from alerts where state <> 'resolved';
