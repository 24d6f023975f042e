-- What a device measured of the release's metric before it served there, in order: a histogram reads the index alone.
alter table rollout_devices
  add column metric_value double precision generated always as ((numbers ->> 'metric_value')::double precision) stored;
create index rollout_devices_metric on rollout_devices (rollout_id, metric_value) where metric_value is not null;
-- What was done with one object, newest last: for the audit log's filter, and for evidence.
create index audit_object on audit (object, id);
-- All waves that are left open also past required guards that wait: an operator said so.
alter table rollouts add column overrides_guards boolean not null default false;
