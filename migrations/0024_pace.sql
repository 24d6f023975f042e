-- When and to whom a rollout goes.

alter table rollouts add column pace_spent_until timestamptz; -- when the allowance to tell devices that was used will have accrued

alter table rollouts add column start_at timestamptz;          -- not before
alter table rollouts add column created_by_person text not null default ''; -- the account behind created_by: "user:5", also of a token
alter table rollouts add column approved_by text not null default '';
alter table rollouts add column promote_all boolean not null default false; -- an operator opens the waves that are left without their bakes
alter table rollouts add column looked_for_more_at timestamptz; -- with dynamic targets: when devices could last join
alter table rollouts drop constraint rollouts_state_check;
alter table rollouts add constraint rollouts_state_check check (state in
  ('draft', 'awaiting_approval', 'scheduled', 'running', 'paused', 'completed', 'halted', 'rolling_back', 'rolled_back'));

-- What a clock on the wall shows in a time zone, as if the wall stood in UTC; null where there is no such zone.
create function wall_time(zone text, at timestamptz) returns timestamptz language plpgsql stable as $$
begin
  return (at at time zone zone) at time zone 'UTC';
exception when invalid_parameter_value then
  return null;
end
$$;
create index devices_time_zone on devices ((labels ->> 'time_zone')) where labels ->> 'time_zone' is not null;

alter table rollout_devices add column held boolean not null default false; -- it waits because its owner wants it to
alter table rollout_devices add column clock_from timestamptz; -- of its time-out, where it is not started_at: it was held until then
