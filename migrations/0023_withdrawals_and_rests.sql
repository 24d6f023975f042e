-- Releases that were taken back: refused for new rollouts, and a rollout of one tells no further device. A release itself
-- never changes, so that it was withdrawn stands beside it.

create table release_withdrawals (
  release_id bigint primary key references releases on delete cascade,
  at         timestamptz not null,
  actor      text not null,
  reason     text not null
);
create index rollouts_release on rollouts (release_id);

-- A device that keeps failing rests; and when a failed device of a rollout tries again by itself.

create table device_failures (                          -- in a row, of one model, over all rollouts; a success takes the row away
  device_id     text not null references devices on delete cascade,
  model         text not null,
  failures      int not null,
  resting_until timestamptz,                            -- not told of this model until then; null: does not rest
  primary key (device_id, model)
);
alter table rollout_devices add column retry_at timestamptz;
create index rollout_devices_retry on rollout_devices (rollout_id, retry_at) where retry_at is not null;
