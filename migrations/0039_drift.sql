-- Drift against a device's own first days and its peers, seasons of the whole fleet, and the input contract.

alter table releases
  add column contract jsonb not null default '{}';     -- {features: [{name, least, most, not_numbers, varies}], per_minute: {least, most}}

alter table drift_state
  add column verdict text not null default 'waiting',  -- waiting, stable, moved, drifted; `drifted` stands for the last
  add column figures jsonb not null default '{}';      -- what decided, and whose drift it is
update drift_state set verdict = case when drifted then 'drifted' else 'stable' end;

-- What the devices that serve a release showed of a feature in the last full hour, and since when most of them moved.
create table drift_peers (
  model      text not null,
  version    text not null,
  feature    text not null,
  usual      jsonb not null,                           -- {training, own}: [devices, shift, its scatter, ln PSI, its scatter, share that moved]
  share      double precision,                         -- null: few moved
  devices    bigint not null default 0,
  since      timestamptz,
  called_at  timestamptz,                              -- it was told as a season
  updated_at timestamptz not null,
  primary key (model, version, feature)
) with (fillfactor = 70);
create index drift_peers_moved on drift_peers (model) where since is not null;
create index drift_peers_updated on drift_peers (updated_at);

-- Devices whose input does not keep to the contract of what they serve now.
create table contract_breaches (
  device_id  text not null references devices on delete cascade,
  model      text not null,
  version    text not null,
  breaches   jsonb not null,                           -- [{feature, fault, value, message}]
  message    text not null,
  since      timestamptz not null,
  updated_at timestamptz not null,
  primary key (device_id, model)
);
create trigger contract_broken after insert or delete on contract_breaches for each row
  execute function note_level_change();
create trigger contract_changed after update of breaches on contract_breaches for each row
  execute function note_level_change();
