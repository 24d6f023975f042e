-- The key of a request is done in the same commit as the change that it protects; its response follows.

alter table idempotency_keys add attempt bigint not null default 1,             -- who took an abandoned key over counts on
                             add done    boolean not null default false,        -- the change is committed
                             add object  text not null default '';              -- what was changed, as in the audit log
update idempotency_keys set done = true where status > 0;
