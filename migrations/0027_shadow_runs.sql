-- What a device counted in its shadow run: inputs that it asked both versions of the model before it activated the new
-- one. The newest counts of its newest attempt; parts are never more than their whole, whatever a device says.
create table rollout_shadows (
  rollout_id bigint not null references rollouts on delete cascade,
  device_id  text not null references devices on delete cascade,
  attempt    int not null,
  samples    bigint not null check (samples > 0),
  unanswered bigint not null,                          -- by the new version
  agreed     bigint not null,
  labelled   bigint not null,                          -- the next three are of these
  old_right  bigint not null,
  new_right  bigint not null,
  both_right bigint not null,
  at         timestamptz not null,
  primary key (rollout_id, device_id),
  check (agreed + unanswered <= samples and labelled <= samples),
  check (both_right <= least(old_right, new_right) and old_right + new_right - both_right <= labelled)
);
