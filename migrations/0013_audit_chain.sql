-- The audit log as a chain: each row is sealed within seconds by a number without gaps and the hash of all before it.

alter table audit add address   text not null default '',                        -- from where it was asked for
                  add xact      xid8 not null default pg_current_xact_id(),      -- rows are sealed in the order (xact, id)
                  add seal      bigint,
                  add sealed_at timestamptz,
                  add hash      bytea;
create unique index audit_seal on audit (seal);
create index audit_unsealed on audit (xact, id) where seal is null;

create table audit_chain (                             -- its head, and where the archive ends and the table begins
  one            boolean primary key default true check (one),
  seal           bigint not null default 0,
  hash           bytea not null default sha256('argosy audit log'),
  xact           xid8 not null default '0',
  row_id         bigint not null default 0,
  archived_seal  bigint not null default 0,
  archived_hash  bytea not null default sha256('argosy audit log'),
  chained_since  timestamptz not null default now(),
  rows_before    bigint not null                       -- written before there was a chain, and sealed at its start
);
insert into audit_chain (rows_before) select count(*) from audit;
