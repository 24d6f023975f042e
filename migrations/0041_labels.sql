-- Labels of observations that people and other systems tell the server: each is kept until its device, which alone knows
-- what it predicted, has said what became of it.

-- One a device that was ever told a label of; also the lock that orders its labels.
create table label_queues (
  device_id text primary key references devices on delete cascade,
  waiting   bigint not null default 0,
  tell_at   timestamptz,                               -- when the device is told that labels wait; null: none do
  told      integer not null default 0                 -- how often, since labels came or it answered
) with (fillfactor = 70);
create index label_queues_due on label_queues (tell_at) where tell_at is not null;

create table observation_labels (
  seq          bigint generated always as identity primary key,
  device_id    text not null references label_queues on delete cascade,
  model        text not null,
  observation  bigint not null,                        -- random, made by the program on the device
  label        integer not null,
  predicted_at timestamptz,                            -- where whoever told the label knows it
  source       text not null,
  told_by      text not null,
  told_at      timestamptz not null,
  state        text not null default 'waiting',        -- waiting, or what became of it
  settled_at   timestamptz,
  unique (device_id, model, observation)
);
create index observation_labels_of_device on observation_labels (device_id, seq);
create index observation_labels_waiting on observation_labels (device_id, seq) where state = 'waiting';
create index observation_labels_expiring on observation_labels (told_at) where state = 'waiting';

-- What became of them, for as long as there is the device.
create table label_counts (
  device_id text not null references devices on delete cascade,
  model     text not null,
  state     text not null,
  labels    bigint not null,
  newest_at timestamptz not null,
  primary key (device_id, model, state)
) with (fillfactor = 70);

-- What an account told in an hour: a row of the audit log once the hour is over.
create table label_additions (
  actor    text not null,
  hour     timestamptz not null,
  accepted bigint not null default 0,
  repeated bigint not null default 0,
  refused  bigint not null default 0,
  primary key (actor, hour)
) with (fillfactor = 70);
