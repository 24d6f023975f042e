-- What retention looks rows up by.

create index alerts_resolved on alerts (resolved_at) where state = 'resolved';
create index device_targets_rollout on device_targets (rollout_id);
create index rollouts_ended on rollouts (ended_at) where ended_at is not null;
