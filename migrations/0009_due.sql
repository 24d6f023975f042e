-- Which desired documents wait to be published, most urgent first; and how far a stop of a rollout has been told.

create table desired_due (
  device_id  text primary key references devices on delete cascade,
  class      smallint not null check (class in (0, 1)), -- 0: a rollout was stopped; 1: any other change
  rev        bigint not null,                          -- desired_rev when it was put here; gone when that is published
  not_before timestamptz not null default '-infinity', -- later when the document could not be built
  failures   int not null default 0,                   -- to build it, in a row
  fault      text                                      -- of the last of them
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);
create index desired_due_next on desired_due (class, not_before, device_id);
insert into desired_due (device_id, class, rev)
  select id, 1, desired_rev from devices where desired_rev > published_rev and revoked_at is null;
drop index devices_unpublished;
alter table devices drop column published_rev;

alter table rollouts add column told_up_to text;        -- of a halt or roll back: devices up to this one are told; null: all are
create index rollouts_stopping on rollouts (id) where told_up_to is not null;
create index devices_revoked on devices (revoked_at) where revoked_at is not null;
create index rollout_devices_running on rollout_devices (rollout_id, wave)
  where state in ('notified', 'downloading', 'patching', 'verifying', 'validating', 'activating', 'probation');
