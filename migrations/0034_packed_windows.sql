-- Windows at three levels. An hour of telemetry_windows that is over is taken out and waits under telemetry_closed; from there its windows
-- are packed, many in one value of telemetry_packed (server/telemetry/stored/packed_windows.hpp), and added up by hour and by day.

drop index telemetry_windows_started_at_idx;

-- A parent by inheritance: what waits here may be of any times, so no bounds are proved and no rows are read to put it here.
create table telemetry_closed (like telemetry_windows);

-- How far a table under telemetry_closed is packed: what comes up to here, in the order of these columns, lies in telemetry_packed.
create table telemetry_packing (
  relation   text primary key,
  device_id  text not null,
  started_at timestamptz not null,
  seq        bigint not null,
  epoch      bigint not null
);

-- Each window that is not packed, once.
create view telemetry_unpacked as
  select started_at, seq, epoch, link, device_id, model, version, figures
  from telemetry_windows
  union all
  select started_at, seq, epoch, link, device_id, model, version, figures
  from telemetry_closed c
  where not exists (
    select
    from telemetry_packing p
    where to_regclass(p.relation) = c.tableoid
      and (c.device_id, c.started_at, c.seq, c.epoch) <= (p.device_id, p.started_at, p.seq, p.epoch)
  );

create table telemetry_packed (
  hour      timestamptz not null,
  first_seq bigint not null,
  last_seq  bigint not null,
  epoch     bigint not null,
  windows   bigint not null,
  device_id text not null,
  model     text not null,
  version   text not null,
  packed    bytea not null
) partition by range (hour);
alter table telemetry_packed alter column packed set storage external;  -- it is compressed
create index on telemetry_packed (device_id, hour);
create table telemetry_packed_default partition of telemetry_packed default;

create table telemetry_hours (
  hour      timestamptz not null,
  windows   bigint not null,
  device_id text not null,
  model     text not null,
  version   text not null,
  figures   bytea not null
) partition by range (hour);
create index on telemetry_hours (device_id, hour);
create table telemetry_hours_default partition of telemetry_hours default;

-- A row a month, to which each day is added (server/telemetry/stored/day_entries.hpp): a chart of a year reads twelve.
create table telemetry_days (
  month     timestamptz not null,
  windows   bigint not null,
  device_id text not null,
  model     text not null,
  version   text not null,
  entries   bytea not null,                            -- what charts draw of each day
  shapes    bytea not null                             -- its features and classes
) partition by range (month);
alter table telemetry_days alter column entries set storage external, alter column shapes set storage external;
create unique index on telemetry_days (device_id, month, model, version);
create table telemetry_days_default partition of telemetry_days default;

-- From when on each level has what came, and how far days are added up: those before days_until are, and of that day the devices up to
-- days_device. One row.
create table telemetry_levels (
  packed_from timestamptz not null,
  hours_from  timestamptz not null,
  days_until  timestamptz not null,
  days_device text
);
create unique index on telemetry_levels ((true));
insert into telemetry_levels (packed_from, hours_from, days_until)
  select 'epoch', 'epoch', date_trunc('day', coalesce(min(started_at), now()) at time zone 'UTC') at time zone 'UTC'
  from telemetry_windows;

do $$
declare
  old record;
  has_rows boolean;
begin
  for old in select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'telemetry_windows'::regclass loop
    execute format('alter table telemetry_windows detach partition %I', old.relname);
    execute format('select exists (select from %I)', old.relname) into has_rows;
    if not has_rows then
      execute format('drop table %I', old.relname);
    elsif old.relname = 'telemetry_windows_default' then
      alter table telemetry_windows_default rename to telemetry_late_0;
      alter table telemetry_late_0 inherit telemetry_closed;
    else
      execute format('alter table %I inherit telemetry_closed', old.relname);
    end if;
  end loop;
end $$;
create table telemetry_windows_default partition of telemetry_windows default with (autovacuum_vacuum_insert_threshold = -1);
