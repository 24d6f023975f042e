-- Presence over time and by site: why a device is where it is, when it was there, and how much of each site is.

alter table device_state
  add column presence_cause     text not null default 'never_seen', -- the stable word of presence_reason
  add column swings             jsonb not null default '[]',        -- when it last went or came back, the newest first, at most 4
  add column intermittent_until timestamptz;                        -- it goes and comes too often; then it is looked at again
update device_state set presence_cause = case
    when presence = 'online' then 'heard'
    when presence = 'never_seen' then 'never_seen'
    when presence_reason like 'the connection broke%' then 'connection_broke'
    else 'beats_missed' end;
create index device_state_intermittent on device_state (intermittent_until) where intermittent_until is not null;
alter table presence_checks
  add column said_goodbye boolean not null default false;           -- the connection did not break: it told that it would leave

-- When each device was there. A device that changes too often for a row each has one for many changes: up to settled_at
-- it was reachable for reachable_s, and since then its presence is this.
create table presence_spans (
  device_id   text not null references devices on delete cascade,
  from_at     timestamptz not null,
  to_at       timestamptz,                             -- null: it lasts
  presence    text not null,
  cause       text not null,
  reason      text not null,
  settled_at  timestamptz not null,
  reachable_s double precision not null default 0,
  changes     bigint not null default 1,
  primary key (device_id, from_at)
);
create unique index presence_spans_open on presence_spans (device_id) where to_at is null;
create index presence_spans_ended on presence_spans (to_at) where to_at is not null;
insert into presence_spans (device_id, from_at, presence, cause, reason, settled_at)
  select device_id, presence_since, presence, presence_cause, presence_reason, presence_since
    from device_state where presence <> 'never_seen';

-- One row: up to when somebody watched, and whose silence counts. And when nobody did, of which nothing is known.
create table presence_watch (
  only_row       boolean primary key default true check (only_row),
  watched_until  timestamptz,
  watching_since timestamptz,
  site_label     text not null default ''              -- by which label the sites below are counted
) with (fillfactor = 50);
insert into presence_watch default values;
create table unwatched_times (
  from_at timestamptz primary key,
  to_at   timestamptz not null
);
create index unwatched_times_end on unwatched_times (to_at);

-- Sites, counted by what changes: a device that changes is noted here, and the leader counts it anew.
create table uncounted_devices (
  id        bigint generated always as identity primary key,
  device_id text not null
);
create table site_devices (                            -- as what each device is counted; without a site: ''
  device_id    text primary key,
  site         text not null,
  is_reachable boolean not null
) with (fillfactor = 80);
create index site_devices_gone on site_devices (site, device_id) where not is_reachable;
create table sites (
  name          text primary key,
  devices       bigint not null,                       -- that were ever seen, and are not revoked
  reachable     bigint not null,
  counted_until timestamptz not null                   -- site_hours has what was before
) with (fillfactor = 70);
create index sites_counted_until on sites (counted_until);
create table site_hours (
  hour        timestamptz not null,
  site        text not null,
  reachable_s double precision not null,               -- of its devices together
  expected_s  double precision not null,
  primary key (hour, site)
);

create function note_uncounted() returns trigger language plpgsql as $$
begin
  if tg_table_name = 'device_state' then
    insert into uncounted_devices (device_id) values (new.device_id);
  else
    insert into uncounted_devices (device_id) values (old.id);
  end if;
  return null;
end $$;
create trigger device_uncounted after update on devices for each row
  when (old.labels <> new.labels or (old.revoked_at is null) <> (new.revoked_at is null)) execute function note_uncounted();
create trigger device_uncounted_gone after delete on devices for each row execute function note_uncounted();
create trigger device_state_uncounted after update of presence on device_state for each row
  when ((old.presence in ('online', 'late')) <> (new.presence in ('online', 'late'))
        or (old.presence = 'never_seen') <> (new.presence = 'never_seen'))
  execute function note_uncounted();
create trigger device_state_uncounted_new after insert on device_state for each row when (new.presence <> 'never_seen')
  execute function note_uncounted();
insert into uncounted_devices (device_id) select id from devices;

-- An alert is about a device or about a site.
alter table alerts alter column device_id drop not null;
alter table alerts add column site text, add constraint alerts_scope check ((device_id is null) <> (site is null));
create unique index alerts_open_site on alerts (rule, site) where state <> 'resolved' and site is not null;
create table site_changes (                            -- sites whose counts changed: their alerts are judged once more
  id   bigint generated always as identity primary key,
  site text not null
);
create function note_site_change() returns trigger language plpgsql as $$
begin
  insert into site_changes (site) values (coalesce(new.name, old.name));
  return null;
end $$;
create trigger site_new after insert on sites for each row when (new.name <> '') execute function note_site_change();
create trigger site_changed after update on sites for each row
  when (new.name <> '' and (old.devices, old.reachable) is distinct from (new.devices, new.reachable)) execute function note_site_change();
create trigger site_gone after delete on sites for each row when (old.name <> '') execute function note_site_change();
-- A device that moves may have an alert of its own now, or none any more.
create trigger site_device_moved after update of site on site_devices for each row
  when (old.site <> new.site) execute function note_level_change();

-- A filter that stands may ask for presence, too: who comes to match it joins.
create trigger device_presence_newcomer after update of presence on device_state for each row
  when (old.presence <> new.presence) execute function note_newcomer_where_asked('presence');
create trigger device_intermittent_newcomer after update of intermittent_until on device_state for each row
  when ((old.intermittent_until is null) <> (new.intermittent_until is null)) execute function note_newcomer_where_asked('intermittent');
