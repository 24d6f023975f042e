-- Messages of devices that are not taken: one row a device and kind of message. Kept while it lasts and 30 days after.
create table quarantine (
  device_id      text not null references devices on delete cascade,
  kind           text not null check (kind in ('state', 'report', 'telemetry', 'event', 'rate', 'allowance')),
  reason         text not null,
  digest         text not null,                        -- of the last message at fault
  count          bigint not null,                      -- messages refused or passed over
  first_at       timestamptz not null,
  last_at        timestamptz not null,
  suspect        boolean not null default false,       -- not refused: the server ended while it was in hand
  deaths         int not null default 0,               -- of those, with nothing else in hand
  retry_at       timestamptz,
  announced      boolean not null default false,       -- an event told that it began, none yet that it ended
  announced_at   timestamptz,
  server_version text not null,                        -- that judged it: another one tries again
  ended_at       timestamptz,                          -- null: in quarantine
  primary key (device_id, kind)
);
create index quarantine_last on quarantine (last_at);
