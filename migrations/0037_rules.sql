-- What is watched for, as data; and what latency is usual at each hour of the day.

create table rules (
  id         bigint generated always as identity primary key,
  name       text not null,
  document   jsonb not null,                           -- title, filter, metric, condition, ...: the rule as the API shows it
  is_enabled boolean not null generated always as ((document ->> 'enabled')::boolean) stored,
  severity   text not null generated always as (document ->> 'severity') stored,
  version    bigint not null default 1,
  updated_at timestamptz not null,
  updated_by text,                                     -- null: as it was shipped
  deleted_at timestamptz                               -- kept until its alerts have ended, for its history
);
create unique index rules_name on rules (name) where deleted_at is null;
create index rules_deleted on rules (deleted_at) where deleted_at is not null;

create table rule_versions (                           -- each version of a rule, the present one among them
  rule_id    bigint not null references rules on delete cascade,
  version    bigint not null,
  document   jsonb not null,
  changed_at timestamptz not null,
  changed_by text,
  what       text not null,                            -- shipped, created, changed, reset, deleted
  primary key (rule_id, version)
);

create table rule_memory (                             -- how far rules have come with a device and model; '': the device as a whole
  device_id   text not null references devices on delete cascade,
  model       text not null,
  version     text not null,                           -- of the newest window
  heard_until timestamptz not null,                    -- what was taken up to here is in it
  progress    text not null,                           -- packed, as hex
  updated_at  timestamptz not null,
  primary key (device_id, model)
) with (fillfactor = 70);

alter table latency_baselines
  add column by_hour text not null default '';         -- HourlyUsual, packed, as hex

-- A rule may be for information.
alter table alerts drop constraint if exists alerts_severity_check;
alter table alerts add constraint alerts_severity_check check (severity in ('info', 'warning', 'critical'));
