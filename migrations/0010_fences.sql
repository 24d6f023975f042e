-- How often each lock on leading was taken: who led before does not write any more.

create table fences (
  key    bigint primary key,                           -- of the advisory lock
  number bigint not null
);
