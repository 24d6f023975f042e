-- What makes the end of a device's authority hold everywhere: each certificate that ended before its time is named in the
-- revocation list until then, and is done with when the broker refuses it and has ended its connection; keys that were
-- revoked never come back.
alter table devices
  add column certificate_serial text,                  -- hex; null: issued before serials were kept
  add column present_not_after  timestamptz,           -- of the present certificate; certificate_not_after is the newest's
  add column next_serial        text,
  add column next_not_after     timestamptz,
  add column next_pem           text;                  -- handed out again until it is used

create table ended_certificates (                      -- ids are given under a lock: whoever sees one sees all before it
  id          bigint generated always as identity primary key,
  device_id   text not null,                           -- no reference: outlives the device's row
  serial      text,
  fingerprint text not null,
  reason      text not null check (reason in ('revoked', 'replaced', 'expired')),
  ended_at    timestamptz not null default now(),
  not_after   timestamptz not null,                    -- when it would have ended by itself; then the row goes
  enforced_at timestamptz                              -- the broker refuses it, and its connection and traces are gone
);
create index devices_expiring on devices (present_not_after) where revoked_at is null;
create index ended_certificates_waiting on ended_certificates (id) where enforced_at is null;
create index ended_certificates_device on ended_certificates (device_id);

create table refused_keys (                            -- kept for good: a row for each device that somebody revoked
  key_sha256 text primary key,
  device_id  text not null,
  refused_at timestamptz not null default now()
);

insert into refused_keys (key_sha256, device_id, refused_at)
  select key_sha256, min(id), min(revoked_at) from devices
  where revoked_at is not null and key_sha256 is not null group by key_sha256;
insert into ended_certificates (device_id, fingerprint, reason, ended_at, not_after)
  select id, certificate_fingerprint, 'revoked', revoked_at, coalesce(certificate_not_after, now()) from devices
  where revoked_at is not null and certificate_fingerprint is not null;
