-- Patches that are wanted, tried, chosen and cleared away; what devices download with; compact releases.

alter table patches drop constraint patches_state_check;
alter table patches add constraint patches_state_check
  check (state in ('pending', 'making', 'ready', 'declined', 'failed', 'cancelled'));
alter table patches
  add column attempts    int not null default 0,       -- encodings begun; one that the server itself gave back does not count
  add column claim       text,                         -- of the one who makes it now; another's is not renewed or finished
  add column retry_at    timestamptz,                  -- of a failed one: not before; null: not again
  add column trials      jsonb not null default '[]',  -- [{codec, bytes, seconds, failure}]: what was tried, and why not
  add column finished_at timestamptz,
  add column asked_by    text,                         -- who asked for it ahead of any rollout
  add column asked_until timestamptz;                  -- so long it is wanted without a device
update patches set retry_at = now() where state = 'failed';
update patches set finished_at = now() where state in ('ready', 'declined', 'failed');
create index patches_open on patches (demand desc, requested_at) where state in ('pending', 'making', 'failed');
create index patches_to on patches (to_digest);
create index patches_digest on patches (digest) where digest is not null;
create index variants_digest on variants (digest);

alter table blobs add column patch boolean not null default false;  -- made here: goes when no patch needs it any more
update blobs b set patch = true where exists (select 1 from patches p where p.digest = b.digest)
  and not exists (select 1 from variants v where v.digest = b.digest);

alter table device_state add column download_bytes_per_s bigint;  -- as its last downloads ran; null: not known yet

alter table variants add column compact jsonb;  -- how `argosy release compact` made the file; null: as it was trained
