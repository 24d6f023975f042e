-- Telemetry that is exactly once after a restore, a copy and a wrong clock, too: links of the outbox's chain beside the
-- records, our time of receipt beside the device's, and what became of what is not in the tables.

alter table telemetry_cursors
  add column link        bigint,                       -- of the record `seq`; null: it came without a chain
  add column refused     bigint not null default 0,    -- set aside by the device, because we refuse them for good
  add column unread      bigint not null default 0,    -- so old when they came that nobody could have seen them
  add column forks       bigint not null default 0,    -- other outboxes that spoke under this epoch
  add column fork_link   bigint,                       -- of the newest fork's first record
  add column forked_at   timestamptz,
  add column received_at timestamptz;

alter table inference_windows
  add column link              bigint,
  add column received_at       timestamptz,
  add column device_started_at timestamptz;            -- by the device's clock, where started_at is another
alter table health_samples
  add column link        bigint,
  add column received_at timestamptz,
  add column device_at   timestamptz;

-- Which outbox speaks for a device, and how often one that had been left came back: two agents with one identity.
create table telemetry_speakers (
  device_id   text primary key references devices on delete cascade,
  epoch       text not null,
  returns     int not null default 0,                  -- in a row, none more than an hour after the one before
  returned_at timestamptz
) with (fillfactor = 70);
create index telemetry_speakers_returned on telemetry_speakers (returned_at) where returns >= 2;
