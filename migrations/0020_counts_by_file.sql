-- Where which file of a model runs, kept as the other counts are: kind "file", name = the model, value = its version, a
-- space, and the digest of the file as the device tells it, which may be none.

create function file_of(version text, digest text) returns text language sql immutable as $$
  select coalesce(version, '') || ' ' || coalesce(digest, '')
$$;

create or replace function count_state(device text, change bigint) returns void language sql as $$
  insert into fleet_count_changes (kind, value, by) select 'presence', presence, change from device_state where device_id = device;
  insert into fleet_count_changes (kind, value, by) select 'agent', agent_version, change from device_state
    where device_id = device and agent_version is not null;
  insert into fleet_count_changes (kind, name, value, by) select 'model', model, coalesce(version, ''), change
    from device_models where device_id = device;
  insert into fleet_count_changes (kind, name, value, by) select 'file', model, file_of(version, digest), change
    from device_models where device_id = device;
$$;

create or replace function count_models_new() returns trigger language plpgsql as $$
begin
  insert into fleet_count_changes (kind, name, value, by)
    select 'model', a.model, coalesce(a.version, ''), count(*) from added a join devices d on d.id = a.device_id
     where d.revoked_at is null group by 2, 3;
  insert into fleet_count_changes (kind, name, value, by)
    select 'file', a.model, file_of(a.version, a.digest), count(*) from added a join devices d on d.id = a.device_id
     where d.revoked_at is null group by 2, 3;
  return null;
end $$;

create or replace function count_model_changed() returns trigger language plpgsql as $$
begin
  if not counts_now(old.device_id) then return null; end if;
  if tg_op = 'DELETE' then
    insert into fleet_count_changes (kind, name, value, by)
      values ('model', old.model, coalesce(old.version, ''), -1), ('file', old.model, file_of(old.version, old.digest), -1);
    return null;
  end if;
  if new.version is distinct from old.version then
    insert into fleet_count_changes (kind, name, value, by)
      values ('model', old.model, coalesce(old.version, ''), -1), ('model', new.model, coalesce(new.version, ''), 1);
  end if;
  insert into fleet_count_changes (kind, name, value, by)
    values ('file', old.model, file_of(old.version, old.digest), -1), ('file', new.model, file_of(new.version, new.digest), 1);
  return null;
end $$;
drop trigger device_models_counted on device_models;
create trigger device_models_counted after update on device_models for each row
  when (old.version is distinct from new.version or old.digest is distinct from new.digest) execute function count_model_changed();

create or replace view fleet_recount as
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
   where d.revoked_at is null group by 2, 3
  union all
  select 'file', m.model, file_of(m.version, m.digest), count(*) from device_models m join devices d on d.id = m.device_id
   where d.revoked_at is null group by 2, 3;
insert into fleet_counts (kind, name, value, devices) select kind, name, value, devices from fleet_recount where kind = 'file';
