-- What may become a release: a document that can be mended, apart from releases, so that nothing that reads those can
-- meet one.
create table release_drafts (
  model      text not null references models,
  version    text not null,
  document   text not null,                            -- as its publisher sent it
  created_by text not null,
  created_at timestamptz not null,
  updated_by text not null,
  updated_at timestamptz not null,
  primary key (model, version)
);
create index release_drafts_updated_at on release_drafts (updated_at);

-- The files that it names: they stay as long as it does.
create table release_draft_files (
  model   text not null,
  version text not null,
  digest  text not null references blobs,
  primary key (model, version, digest),
  foreign key (model, version) references release_drafts on delete cascade
);
create index release_draft_files_digest on release_draft_files (digest);
