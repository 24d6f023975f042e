-- What programs report beside latency and outcome, with the window that it is of: CBOR as it came (docs/protocol.md), null
-- where there is none.
alter table inference_windows
  add column numbers     bytea,                        -- name -> [count, sum, min, max]
  add column confidences bytea;                        -- [sum, [20 counts]]

-- Of a rollout with a guard on drift, whose figures count features over their bins, too.
alter table rollout_panel
  add column counts_features boolean not null default false;
