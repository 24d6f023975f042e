-- A variant may be of several files: its model in variants, what lies beside it on devices here.
create table variant_parts (
  variant_id bigint not null references variants on delete cascade,
  name       text not null,                            -- on devices
  digest     text not null references blobs,
  size       bigint not null,
  primary key (variant_id, name)
);
create index variant_parts_digest on variant_parts (digest);

-- Every file of a release. `part` is empty for a variant's model.
create view variant_files as
select v.id as variant_id, v.release_id, v.name as variant, '' as part, v.digest, v.size
from variants v
union all
select v.id, v.release_id, v.name, p.name, p.digest, p.size
from variants v
join variant_parts p on p.variant_id = v.id;
