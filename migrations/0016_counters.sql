-- How many devices there are of each kind, kept as they move, so that no screen counts the fleet. Whoever changes a device
-- writes rows of fleet_count_changes in the same transaction and waits for nobody; the leader adds them up in fleet_counts.
-- Revoked devices do not count. kind: class, label (name = its key), presence, agent, model (name = the model).

create table fleet_counts (
  kind    text not null,
  name    text not null default '',
  value   text not null,
  devices bigint not null,
  primary key (kind, name, value)
) with (fillfactor = 70);
create index fleet_counts_none on fleet_counts (kind) where devices = 0;
create table fleet_count_changes (
  id    bigint generated always as identity primary key,
  kind  text not null,
  name  text not null default '',
  value text not null,
  by    bigint not null
);
create view fleet_totals as
  select kind, name, value, sum(devices)::bigint as devices
    from (select kind, name, value, devices from fleet_counts union all select kind, name, value, by from fleet_count_changes) as both_sides
   group by kind, name, value having sum(devices) <> 0;

-- What devices carry themselves ----------------------------------------------------------------------------------------
create function count_labels(labels jsonb, change bigint) returns void language sql as $$
  insert into fleet_count_changes (kind, name, value, by) select 'label', key, value, change from jsonb_each_text(labels)
$$;
-- All that counts of a device but its class and labels; for when it is revoked, enrolled again, or goes.
create function count_state(device text, change bigint) returns void language sql as $$
  insert into fleet_count_changes (kind, value, by) select 'presence', presence, change from device_state where device_id = device;
  insert into fleet_count_changes (kind, value, by) select 'agent', agent_version, change from device_state
    where device_id = device and agent_version is not null;
  insert into fleet_count_changes (kind, name, value, by) select 'model', model, coalesce(version, ''), change
    from device_models where device_id = device;
$$;
create function count_devices_new() returns trigger language plpgsql as $$
begin
  insert into fleet_count_changes (kind, value, by)
    select 'class', hardware_class, count(*) from added where revoked_at is null group by 2;
  insert into fleet_count_changes (kind, name, value, by)
    select 'label', l.key, l.value, count(*) from added, jsonb_each_text(added.labels) as l where revoked_at is null group by 2, 3;
  return null;
end $$;
create trigger devices_counted_new after insert on devices referencing new table as added
  for each statement execute function count_devices_new();
create function count_device_changed() returns trigger language plpgsql as $$
begin
  if old.revoked_at is null then
    insert into fleet_count_changes (kind, value, by) values ('class', old.hardware_class, -1);
    perform count_labels(old.labels, -1);
  end if;
  if new.revoked_at is null then
    insert into fleet_count_changes (kind, value, by) values ('class', new.hardware_class, 1);
    perform count_labels(new.labels, 1);
  end if;
  if (old.revoked_at is null) <> (new.revoked_at is null) then
    perform count_state(new.id, case when new.revoked_at is null then 1 else -1 end);
  end if;
  return null;
end $$;
create trigger devices_counted after update on devices for each row
  when (old.hardware_class <> new.hardware_class or old.labels <> new.labels or (old.revoked_at is null) <> (new.revoked_at is null))
  execute function count_device_changed();
create function count_device_gone() returns trigger language plpgsql as $$
begin
  if old.revoked_at is null then
    insert into fleet_count_changes (kind, value, by) values ('class', old.hardware_class, -1);
    perform count_labels(old.labels, -1);
    perform count_state(old.id, -1);
  end if;
  return old;
end $$;
-- Before: what hangs on it goes with it, and does not count any more by then.
create trigger devices_counted_gone before delete on devices for each row execute function count_device_gone();

-- What they report, and what is thought of them ------------------------------------------------------------------------
-- Waits for a revocation that is under way, which counts the rows that it sees.
create function counts_now(device text) returns boolean language sql as $$
  select coalesce((select revoked_at is null from devices where id = device for share), false)
$$;
create function count_states_new() returns trigger language plpgsql as $$
begin
  insert into fleet_count_changes (kind, value, by)
    select 'presence', a.presence, count(*) from added a join devices d on d.id = a.device_id where d.revoked_at is null group by 2;
  insert into fleet_count_changes (kind, value, by)
    select 'agent', a.agent_version, count(*) from added a join devices d on d.id = a.device_id
     where d.revoked_at is null and a.agent_version is not null group by 2;
  return null;
end $$;
create trigger device_state_counted_new after insert on device_state referencing new table as added
  for each statement execute function count_states_new();
create function count_state_changed() returns trigger language plpgsql as $$
begin
  if not counts_now(old.device_id) then return null; end if;
  if tg_op = 'DELETE' then
    insert into fleet_count_changes (kind, value, by) values ('presence', old.presence, -1);
    if old.agent_version is not null then insert into fleet_count_changes (kind, value, by) values ('agent', old.agent_version, -1); end if;
    return null;
  end if;
  if new.presence <> old.presence then
    insert into fleet_count_changes (kind, value, by) values ('presence', old.presence, -1), ('presence', new.presence, 1);
  end if;
  if new.agent_version is distinct from old.agent_version then
    insert into fleet_count_changes (kind, value, by)
      select 'agent', v, c from (values (old.agent_version, -1), (new.agent_version, 1)) as t(v, c) where v is not null;
  end if;
  return null;
end $$;
create trigger device_state_counted after update on device_state for each row
  when (old.presence <> new.presence or old.agent_version is distinct from new.agent_version)
  execute function count_state_changed();
create trigger device_state_counted_gone after delete on device_state for each row execute function count_state_changed();

create function count_models_new() returns trigger language plpgsql as $$
begin
  insert into fleet_count_changes (kind, name, value, by)
    select 'model', a.model, coalesce(a.version, ''), count(*) from added a join devices d on d.id = a.device_id
     where d.revoked_at is null group by 2, 3;
  return null;
end $$;
create trigger device_models_counted_new after insert on device_models referencing new table as added
  for each statement execute function count_models_new();
create function count_model_changed() returns trigger language plpgsql as $$
begin
  if not counts_now(old.device_id) then return null; end if;
  insert into fleet_count_changes (kind, name, value, by) values ('model', old.model, coalesce(old.version, ''), -1);
  if tg_op = 'UPDATE' then
    insert into fleet_count_changes (kind, name, value, by) values ('model', new.model, coalesce(new.version, ''), 1);
  end if;
  return null;
end $$;
create trigger device_models_counted after update on device_models for each row
  when (old.version is distinct from new.version) execute function count_model_changed();
create trigger device_models_counted_gone after delete on device_models for each row execute function count_model_changed();

-- What there is to count, by counting: how the counts begin, and what they are compared with.
create view fleet_recount as
  select 'class' as kind, '' as name, hardware_class as value, count(*) as devices from devices where revoked_at is null group by 3
  union all
  select 'label', l.key, l.value, count(*) from devices d, jsonb_each_text(d.labels) as l where d.revoked_at is null group by 2, 3
  union all
  select 'presence', '', s.presence, count(*) from device_state s join devices d on d.id = s.device_id where d.revoked_at is null group by 3
  union all
  select 'agent', '', s.agent_version, count(*) from device_state s join devices d on d.id = s.device_id
   where d.revoked_at is null and s.agent_version is not null group by 3
  union all
  select 'model', m.model, coalesce(m.version, ''), count(*) from device_models m join devices d on d.id = m.device_id
   where d.revoked_at is null group by 2, 3;
insert into fleet_counts (kind, name, value, devices) select kind, name, value, devices from fleet_recount;

-- Bytes of a rollout, by wave -------------------------------------------------------------------------------------------
alter table rollout_waves
  add column bytes_sent bigint not null default 0,     -- of devices that said whether they took patch or whole file
  add column bytes_full bigint not null default 0;     -- what the whole files would have been
create function count_rollout_bytes() returns trigger language plpgsql as $$
begin
  update rollout_waves w set bytes_sent = w.bytes_sent + c.sent, bytes_full = w.bytes_full + c.complete
    from (select rollout_id, wave, sum(sent) as sent, sum(complete) as complete from
           (select n.rollout_id, n.wave, coalesce(n.bytes, 0) as sent, coalesce(n.full_bytes, 0) as complete
              from new_rows n where n.source in ('patch', 'full')
            union all
            select o.rollout_id, o.wave, -coalesce(o.bytes, 0), -coalesce(o.full_bytes, 0)
              from old_rows o where o.source in ('patch', 'full')) as moved
         group by 1, 2) as c
   where w.rollout_id = c.rollout_id and w.wave = c.wave and (c.sent <> 0 or c.complete <> 0);
  return null;
end $$;
create function count_rollout_bytes_new() returns trigger language plpgsql as $$
begin
  update rollout_waves w set bytes_sent = w.bytes_sent + c.sent, bytes_full = w.bytes_full + c.complete
    from (select rollout_id, wave, sum(coalesce(bytes, 0)) as sent, sum(coalesce(full_bytes, 0)) as complete
            from new_rows where source in ('patch', 'full') group by 1, 2) as c
   where w.rollout_id = c.rollout_id and w.wave = c.wave;
  return null;
end $$;
create trigger rollout_devices_bytes after update on rollout_devices referencing old table as old_rows new table as new_rows
  for each statement execute function count_rollout_bytes();
create trigger rollout_devices_bytes_new after insert on rollout_devices referencing new table as new_rows
  for each statement execute function count_rollout_bytes_new();
update rollout_waves w set bytes_sent = c.sent, bytes_full = c.complete
  from (select rollout_id, wave, sum(coalesce(bytes, 0)) as sent, sum(coalesce(full_bytes, 0)) as complete
          from rollout_devices where source in ('patch', 'full') group by 1, 2) as c
 where w.rollout_id = c.rollout_id and w.wave = c.wave;

-- Indexes that filters use; none of them holds what a sign of life changes.
insert into device_state (device_id) select id from devices d where not exists (select from device_state s where s.device_id = d.id);
create index devices_alive on devices (id) where revoked_at is null;
create index device_state_presence on device_state (presence, device_id);
create index device_state_agent on device_state (agent_version, device_id);
create index device_models_serving on device_models (model, version, device_id);
drop index device_models_version;
create index alerts_firing on alerts (rule, id) where state = 'firing';
create index alerts_firing_newest on alerts (id) where state = 'firing';
create index rollout_devices_rolling_back on rollout_devices (rollout_id) where state = 'rolling_back';
