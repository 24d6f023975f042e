-- What an operator saw of a rollout and accepted, by resuming it, promoting it or retrying devices: it does not stop the
-- rollout a second time. So far it was read out of the log of decisions, which is there to be read by people.

create table rollout_acknowledgements (                 -- the last one of a rollout
  rollout_id bigint primary key references rollouts on delete cascade,
  at         timestamptz not null,
  actor      text not null,
  failures   jsonb not null,                            -- by abort criterion of the policy, over all waves
  guards     jsonb not null                             -- metrics whose guard failed
);
insert into rollout_acknowledgements (rollout_id, at, actor, failures, guards)
  select distinct on (rollout_id) rollout_id, at, actor, coalesce(inputs->'acknowledged'->'failures', '[]'),
         coalesce(inputs->'acknowledged'->'guards', '[]')
    from rollout_decisions where inputs ? 'acknowledged' order by rollout_id, id desc;
