-- An authority that ends, ends everywhere: who made a token or a link, so that it ends with its maker, and news of
-- every change of what rights rest on, whoever makes it.

alter table api_tokens add maker_id  bigint references users,        -- the person whose rights it has at most; null: argosyd's own
                       add parent_id bigint references api_tokens;   -- the token that made it, with which it ends
update api_tokens t set maker_id = u.id from users u where t.created_by = 'user:' || u.name;
update api_tokens t set parent_id = (select max(p.id) from api_tokens p where t.created_by = 'token:' || p.name and p.id < t.id)
 where t.created_by like 'token:%';
with recursive line as (
  select id, maker_id from api_tokens where parent_id is null
  union all
  select t.id, line.maker_id from api_tokens t join line on t.parent_id = line.id)
update api_tokens t set maker_id = line.maker_id from line where line.id = t.id and t.parent_id is not null;
create index api_tokens_maker on api_tokens (maker_id);
create index api_tokens_parent on api_tokens (parent_id);

-- What the makers' own ends should have ended.
with recursive ended as (
  select t.id from api_tokens t left join users u on u.id = t.maker_id where t.revoked_at is not null or u.disabled_at is not null
  union
  select t.id from api_tokens t join ended on t.parent_id = ended.id),
revoked as (update api_tokens t set revoked_at = now() from ended where t.id = ended.id and t.revoked_at is null returning t.id, t.name)
insert into audit (actor, action, object, details)
select 'argosyd', 'token.revoke', 'token/' || id, jsonb_build_object('name', name, 'because', 'its maker is disabled or revoked') from revoked;

alter table login_links add maker_id       bigint references users,
                        add maker_token_id bigint references api_tokens;
create index login_links_user on login_links (user_id);
create index login_links_maker on login_links (maker_id);
create index sessions_user on sessions (user_id);

-- Channel argosy_authority: "user:5", "session:<its hash>", "token:7", "device:cam-7".
create function tell_authority() returns trigger language plpgsql as $$
begin
  if tg_table_name = 'sessions' then
    perform pg_notify('argosy_authority', 'session:' || encode(old.token_hash, 'hex'));
  elsif tg_table_name = 'users' then
    perform pg_notify('argosy_authority', 'user:' || old.id);
  elsif tg_table_name = 'api_tokens' then
    perform pg_notify('argosy_authority', 'token:' || old.id);
  else
    perform pg_notify('argosy_authority', 'device:' || old.id);
  end if;
  return null;
end $$;
create trigger sessions_end after delete on sessions for each row execute function tell_authority();
create trigger users_change after delete or update of role, disabled_at, password_hash on users for each row execute function tell_authority();
create trigger tokens_end after delete or update of revoked_at, expires_at, role, maker_id on api_tokens for each row
  execute function tell_authority();
create trigger devices_end after delete or update of revoked_at, certificate_fingerprint, next_fingerprint, key_sha256 on devices
  for each row execute function tell_authority();

-- Claims are rights, too: they end when whoever made them may make none any more.
create function end_claims() returns trigger language plpgsql as $$
declare
  maker text;
begin
  if tg_table_name = 'users' then
    if new.role = 'admin' and new.disabled_at is null then return null; end if;
    maker := 'user:' || new.name;
  else
    if new.revoked_at is null or exists (select from api_tokens t where t.name = new.name and t.revoked_at is null) then
      return null;
    end if;
    maker := 'token:' || new.name;
  end if;
  with ended as (update claims set revoked_at = now() where created_by = maker and revoked_at is null and expires_at > now() returning id)
  insert into audit (actor, action, object, details)
  select 'argosyd', 'claim.revoke', 'claim/' || id, jsonb_build_object('because', maker || ' may make claims no more') from ended;
  return null;
end $$;
create trigger claims_end_with_users after update of role, disabled_at on users for each row execute function end_claims();
create trigger claims_end_with_tokens after update of revoked_at on api_tokens for each row execute function end_claims();
