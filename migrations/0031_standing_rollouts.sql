-- A completed rollout may stand: its filter goes on giving its release to devices that come later.
alter table rollouts
  add column standing boolean not null default false,    -- asked for: it stands from its completion on
  add column stands_since timestamptz,                   -- null: it does not stand now
  add column stands_looked_up_to text,                   -- of all devices, those up to this one were looked at; null: all were
  add column newcomers bigint not null default 0,        -- that joined while it stood
  add column newcomers_judged_up_to timestamptz;         -- so far their outcomes were judged
create index rollouts_standing on rollouts (id) where stands_since is not null;
alter table rollout_devices add column joined_at timestamptz; -- while the rollout stood; null: planned, or joined while it ran
create index rollout_devices_newcomers on rollout_devices (rollout_id, finished_at) where joined_at is not null;
create index rollout_devices_untold_newcomers on rollout_devices (rollout_id, device_id) where joined_at is not null and state = 'queued';

-- Devices that enrolled, or changed in what filters ask about: they may have come to match what stands. The leader's tick
-- empties it; who writes here waits for nobody.
create table rollout_newcomers (
  id        bigint generated always as identity primary key,
  device_id text not null
);
create function note_newcomer() returns trigger language plpgsql as $$
begin
  insert into rollout_newcomers (device_id) values (new.id);
  return null;
end $$;
create trigger devices_newcomer_new after insert on devices for each row execute function note_newcomer();
create trigger devices_newcomer after update on devices for each row
  when (old.labels <> new.labels or old.capabilities <> new.capabilities or old.hardware_class <> new.hardware_class
        or old.enrolled_at <> new.enrolled_at or (old.revoked_at is not null and new.revoked_at is null))
  execute function note_newcomer();
-- What changes with every update of a device is told only where a filter that stands asks about it.
create function note_newcomer_where_asked() returns trigger language plpgsql as $$
begin
  if exists (select from rollouts where stands_since is not null and strpos(filter, tg_argv[0]) > 0) then
    insert into rollout_newcomers (device_id) values (new.device_id);
  end if;
  return null;
end $$;
create trigger device_state_newcomer after update on device_state for each row
  when (old.agent_version is distinct from new.agent_version) execute function note_newcomer_where_asked('agent_version');
create trigger device_models_newcomer_new after insert on device_models for each row
  execute function note_newcomer_where_asked('model.');
create trigger device_models_newcomer after update on device_models for each row
  when (old.version is distinct from new.version) execute function note_newcomer_where_asked('model.');

-- A board that takes the name of another is not held to what that one failed with.
create function forget_failures_of_board() returns trigger language plpgsql as $$
begin
  delete from device_failures where device_id = new.id;
  return null;
end $$;
create trigger devices_replaced after update on devices for each row
  when (old.enrolled_at <> new.enrolled_at) execute function forget_failures_of_board();
