-- A board that asks to take the place of a living device: it enrols under its name with a claim that is good and another key.
create table replacements (
  device_id      text primary key references devices (id) on delete cascade,
  state          text not null,         -- asking, accepted (it has not come yet), turned_down
  key_sha256     text not null,
  hardware_class text not null,         -- this and the next: as it says itself
  board          text not null,
  address        text not null,
  claim_id       bigint not null references claims (id) on delete cascade,
  asked_at       timestamptz not null,
  last_asked_at  timestamptz not null,
  expires_at     timestamptz not null,  -- from then on it is as if it had never asked
  settled_at     timestamptz,
  settled_by     text
);
create index replacements_of_claim on replacements (claim_id, expires_at);
create index replacements_expired on replacements (expires_at);

-- What devices are made of, counted as the rest of the fleet is (0016_counters.sql): kind "capability", name = board,
-- accelerators, or that of a version, whose value is its numbers alone. A device counts once for each value.
create function capability_values(capabilities jsonb) returns table (name text, value text) language sql immutable parallel safe as $$
  select 'board', capabilities->>'board' where capabilities->>'board' <> ''
  union
  select 'accelerators', word
  from jsonb_array_elements_text(case when jsonb_typeof(capabilities->'accelerators') = 'array' then capabilities->'accelerators' else '[]' end) as word
  union
  select told.name, array_to_string(version_numbers(told.version), '.')
  from (
    select key, value
    from jsonb_each_text(case when jsonb_typeof(capabilities->'versions') = 'object' then capabilities->'versions' else '{}' end)
    union all
    select split_part(word, ' ', 1), substr(word, strpos(word, ' ') + 1)
    from jsonb_array_elements_text(case when jsonb_typeof(capabilities->'runtime_versions') = 'array' then capabilities->'runtime_versions' else '[]' end) as word
  ) as told(name, version)
  where version_numbers(told.version) is not null
    and told.name in ('cuda', 'cudnn', 'edgetpu', 'hailort', 'jetpack', 'kernel', 'l4t', 'nvidia_driver', 'onnxruntime', 'openvino', 'tensorrt', 'tflite')
$$;
create function count_capabilities(capabilities jsonb, change bigint) returns void language sql as $$
  insert into fleet_count_changes (kind, name, value, by) select 'capability', name, value, change from capability_values(capabilities)
$$;
create function count_capabilities_new() returns trigger language plpgsql as $$
begin
  insert into fleet_count_changes (kind, name, value, by)
    select 'capability', c.name, c.value, count(*) from added, capability_values(added.capabilities) as c
     where revoked_at is null group by 2, 3;
  return null;
end $$;
create trigger devices_capabilities_counted_new after insert on devices referencing new table as added
  for each statement execute function count_capabilities_new();
create function count_capabilities_changed() returns trigger language plpgsql as $$
begin
  if old.revoked_at is null then perform count_capabilities(old.capabilities, -1); end if;
  if tg_op = 'DELETE' then return old; end if;
  if new.revoked_at is null then perform count_capabilities(new.capabilities, 1); end if;
  return null;
end $$;
create trigger devices_capabilities_counted after update on devices for each row
  when (old.capabilities <> new.capabilities or (old.revoked_at is null) <> (new.revoked_at is null))
  execute function count_capabilities_changed();
create trigger devices_capabilities_counted_gone before delete on devices for each row execute function count_capabilities_changed();

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
   where d.revoked_at is null group by 2, 3
  union all
  select 'capability', c.name, c.value, count(*) from devices d, capability_values(d.capabilities) as c
   where d.revoked_at is null group by 2, 3;
insert into fleet_counts (kind, name, value, devices) select kind, name, value, devices from fleet_recount where kind = 'capability';

-- Devices with the same board and the same accelerators: null where it tells no board.
create function kind_of_board(capabilities jsonb) returns text language sql immutable parallel safe as $$
  select md5(nullif(capabilities->>'board', '') || ' ' || coalesce(capabilities->>'accelerators', '[]'))
$$;
create index devices_by_kind_of_board on devices (kind_of_board(capabilities), hardware_class) where revoked_at is null;
