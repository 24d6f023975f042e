-- When a device's presence is to be judged next, so that a tick reads the devices that are due and no others. A row of its
-- own: device_state is written by every sign of life, which an index on a time in it would make four times as dear.

create table presence_checks (                         -- of devices that are online or late, or were heard since they were not
  device_id  text primary key references device_state on delete cascade,
  check_at   timestamptz not null,
  will_at    timestamptz,                              -- the broker said that the connection broke
  will_nonce bigint                                    -- of the session that it was
) with (fillfactor = 80);
create index presence_checks_due on presence_checks (check_at, device_id);

-- Who is heard and not online, or promises a shorter interval, is due at once, whoever wrote it down.
create function arm_presence_check() returns trigger language plpgsql as $$
begin
  insert into presence_checks (device_id, check_at) values (new.device_id, new.last_seen_at)
    on conflict (device_id) do update set check_at = least(presence_checks.check_at, excluded.check_at);
  return null;
end $$;
create trigger device_state_heard after update on device_state for each row
  when (new.last_seen_at is not null and (new.presence <> 'online' and new.last_seen_at is distinct from old.last_seen_at
        or new.interval_s < old.interval_s))
  execute function arm_presence_check();
create trigger device_state_new after insert on device_state for each row
  when (new.last_seen_at is not null) execute function arm_presence_check();

insert into presence_checks (device_id, check_at)
  select device_id, last_seen_at from device_state
   where last_seen_at is not null and (presence in ('online', 'late') or last_seen_at >= presence_since or presence = 'never_seen');
