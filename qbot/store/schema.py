"""The tables and what later versions change, in SQL that both databases take.

Times of the domain are text (ISO 8601, UTC, microseconds: sortable); leases are seconds of the
database's own clock. Flags are 0 or 1. Documents are JSON text.
"""

COMMON = (
    """create table environments(
      id text primary key, name text not null, branch text not null, owner text not null,
      phase text not null, created_at text not null, instance text not null,
      cluster text not null, url text not null, expires_at text, channel text not null)""",
    "create unique index environments_branch on environments(branch) where phase <> 'deleted'",
    "create unique index environments_name on environments(name) where phase <> 'deleted'",
    """create table environment_services(
      env_id text not null references environments(id) on delete cascade,
      service text not null, place integer not null, source text not null, ref text not null,
      sha text not null, build text not null, build_url text not null, title text not null,
      primary key(env_id, service))""",
    """create table operations(
      seq {SEQ}, id text not null unique, kind text not null, input text not null,
      env_id text references environments(id), lock_key text, priority integer not null,
      actor text not null, channel text not null, response_url text not null,
      state text not null, created_at text not null, started_at text, ended_at text,
      outcome text, headline text not null, cancel_by text, owner text,
      fence integer not null, clean integer not null, wait_topic text, wait_until text)""",
    """create unique index operations_active on operations(lock_key)
      where state in ('ready', 'running', 'waiting')""",
    "create index operations_state on operations(state, wait_until)",
    "create index operations_queue on operations(lock_key, state, priority, seq)",
    "create index operations_env on operations(env_id, seq)",
    "create index operations_kind on operations(kind, outcome, seq)",
    """create table op_keys(
      key text primary key, op_id text not null references operations(id) on delete cascade)""",
    """create table op_steps(
      op_id text not null references operations(id) on delete cascade, name text not null,
      result text not null, at text not null, primary key(op_id, name))""",
    """create table op_signals(
      seq {SEQ}, op_id text not null references operations(id) on delete cascade,
      topic text not null, dedup text not null, payload text not null, at text not null,
      used_by text)""",
    "create unique index op_signals_once on op_signals(op_id, topic, dedup)",
    "create table workers(id text primary key, expires double precision not null)",
    """create table leases(
      name text primary key, holder text not null, expires double precision not null)""",
    """create table cards(
      op_id text primary key references operations(id) on delete cascade, env_id text not null,
      channel text not null, posted_channel text not null, ts text not null,
      end_ts text not null, progress text not null, ended integer not null,
      version integer not null, shown integer not null, shown_hash text not null,
      trying integer not null, trying_end integer not null, superseded text not null,
      changed_at text not null)""",
    "create index cards_env on cards(env_id)",
    """create index cards_behind on cards(op_id)
      where version > shown or (ended = 1 and end_ts = '')""",
    """create table boards(
      channel text primary key, ts text not null, shown_hash text not null,
      trying integer not null)""",
    """create table audit(
      seq {SEQ}, at text not null, team text not null, user_id text not null, op_id text,
      env_id text, action text not null, outcome text not null, detail text not null)""",
    "create index audit_env on audit(env_id, seq)",
    "create table deliveries(key text primary key, at text not null)",
    "create index deliveries_at on deliveries(at)",
)
FORGETTING = (
    "alter table operations add column forgotten integer not null default 0",
    """create index operations_ended on operations(ended_at)
      where state = 'done' and forgotten = 0""",
)
RELEASES = (
    "alter table operations add column stage text",
    "create index operations_stage on operations(stage, seq) where stage is not null",
    """create table promotions(
      number {SEQ}, op_id text not null unique references operations(id), kind text not null,
      stage text not null, requester text not null, account_id bigint, account_name text not null,
      state text not null, created_at text not null, plan text, merge_request text,
      merge_sha text not null, expires_at text, ended_at text, reason text not null,
      outcome text not null, emergency integer not null, to_number bigint)""",
    "create index promotions_stage on promotions(stage, number)",
    """create table promotion_services(
      stage text not null, service text not null,
      promotion bigint not null references promotions(number), primary key(stage, service))""",
    "create index promotion_services_of on promotion_services(promotion)",
    """create table approvals(
      seq {SEQ}, promotion bigint not null references promotions(number), actor text not null,
      gitlab_id bigint not null, username text not null, digest text not null,
      verdict text not null, reason text not null, at text not null, void text not null)""",
    """create unique index approvals_person on approvals(promotion, digest, actor)
      where void = ''""",
    """create unique index approvals_account on approvals(promotion, digest, gitlab_id)
      where void = ''""",
    """create table holds(
      stage text not null, service text not null, actor text not null, since text not null,
      promotion bigint not null references promotions(number), version text not null,
      primary key(stage, service))""",
    """create table freezes(
      stage text primary key, actor text not null, reason text not null, since text not null,
      until text)""",
    """create table locks(
      scope text primary key, actor text not null, reason text not null, since text not null,
      until text)""",
    """create table lock_waiters(
      scope text not null, actor text not null, at text not null, primary key(scope, actor))""",
    """create table people_links(
      actor text primary key, gitlab_id bigint not null, username text not null,
      at text not null)""",
)
VERSIONS = (
    "alter table environment_services add column image text not null default ''",
    "alter table environment_services add column set_by text",
    """create table environment_sets(
      seq {SEQ}, env_id text not null references environments(id) on delete cascade,
      at text not null, plans text not null)""",
    "create index environment_sets_env on environment_sets(env_id, seq)",
)
PLANS = (  # what reads of a hundred thousand operations need
    "drop index operations_ended",
    "create index operations_old on operations(state, ended_at) where forgotten = 0",
    "create index operations_env_kind on operations(env_id, kind, outcome, seq)",
    "create index operations_used on operations(env_id, coalesce(ended_at, created_at))",
    "create index environments_any_branch on environments(branch)",
    "create index environments_any_name on environments(name)",
    "create index cards_ended on cards(changed_at) where ended = 1",
)
BOARDS = ("alter table boards add column trying_since text",)  # `trying` is the same as a flag
MERGES = (  # when each promotion was merged; what was merged before this is in the audit log
    "alter table promotions add column merged_at text",
    """update promotions set merged_at = coalesce(
      (select min(a.at) from audit a where a.env_id = 'stage:' || promotions.stage
        and a.action in ('promotion.merged', 'rollback.merged')
        and a.detail like '%"promotion":"P-' || promotions.number || '"%'),
      ended_at, created_at) where merge_sha <> ''""",
)
SUPERSEDING = ("alter table promotions add column superseded_by bigint",)
LINES = ("alter table promotions add column changes text",)
FOLLOWED = (
    "alter table cards add column followed_by text",
    "create index cards_followed on cards(followed_by) where followed_by is not null",
)
ORIGINS = (
    "alter table environment_services add column origin text not null default ''",
    "alter table environment_services add column gone integer not null default 0",
)
ASKED = ("alter table promotions add column asked_sha text not null default ''",)
# Whether GitLab was asked to merge what was on its way then is not known: it may have been.
ASKED_BEFORE_SQLITE = (
    """update promotions set asked_sha = json_extract(merge_request, '$.sha')
      where asked_sha = '' and merge_sha = '' and merge_request is not null
        and state in ('approved', 'failed')""",
)
ASKED_BEFORE_POSTGRES = (
    """update promotions set asked_sha = merge_request::json ->> 'sha'
      where asked_sha = '' and merge_sha = '' and merge_request is not null
        and state in ('approved', 'failed')""",
)
GONE = (  # few have lost their branch, and each list asks which
    "create index environment_services_gone on environment_services(env_id) where gone = 1",
)
BACK = ("alter table environment_sets add column back_to bigint",)
OPEN = (  # one is open until it has ended; those that have are many
    "create index promotions_open on promotions(stage, number) where ended_at is null",
    """create index promotions_back on promotions(stage, number)
      where kind = 'rollback' and ended_at is null""",
)
LIFETIMES = (
    "alter table environments add column pin text",
    "alter table environments add column used_at text",  # by people: operations tell the rest
    "alter table environments add column used_what text not null default ''",
    "alter table environments add column used_by text",
    "alter table cards add column term text",  # a lifetime that was changed since it was begun
)
BRANCHES = (
    """create table branches(
      project text not null, branch text not null, sha text not null, author text not null,
      seen_at text not null, pushed_at text, gone_at text, gone_again_at text,
      asked_sha text not null, asked_op text, primary key(project, branch))""",
    "create index branches_branch on branches(branch)",
    """create table merge_requests(
      project text not null, iid bigint not null, branch text not null, state text not null,
      at text not null, target text not null, sha text not null, url text not null,
      primary key(project, iid))""",
    "create index merge_requests_branch on merge_requests(branch)",
    "create index merge_requests_at on merge_requests(at)",
    """create table looks(
      project text not null, branch text not null, number integer not null, due_at text not null,
      taken_until text, pushed text not null, pushed_at text, pushed_by text not null,
      primary key(project, branch))""",
    "create index looks_due on looks(due_at)",
    """create table build_news(
      seq {SEQ}, project text not null, sha text not null, at text not null)""",
    "create index build_news_at on build_news(at)",
    "create table sweeps(name text primary key, at text not null)",
    """create table merge_notes(
      project text not null, iid bigint not null, note_id bigint not null, shown text not null,
      primary key(project, iid))""",
    "alter table cards add column newer text",
    "create index cards_newer on cards(env_id) where newer <> ''",
    "create index environment_services_sha on environment_services(env_id, sha)",
)
REAPER = (  # one row while somebody has stopped it
    """create table reaper_pause(
      one integer primary key, actor text not null, reason text not null, since text not null)""",
)
DIGESTS = (  # one row for each channel and tick: whoever is first writes it
    """create table channel_digests(
      channel text not null, tick text not null, since text not null, trying_since text,
      outcome text not null, ts text not null, primary key(channel, tick))""",
    "create index channel_digests_due on channel_digests(tick) where outcome = ''",
)
REAPED = (
    """create table reaper_notices(
      id text primary key, kind text not null, target text not null, fallback text not null,
      says text not null, open integer not null, version integer not null, at text not null,
      parent text not null, shown integer not null default 0, refused integer not null default 0,
      channel text not null default '', ts text not null default '',
      mark text not null default '', trying_since text)""",
    "create index reaper_notices_due on reaper_notices(at) where version > shown",
    "create index reaper_notices_mark on reaper_notices(mark)",
    """create table reaper_warnings(
      env_id text primary key, owner text not null, cause text not null, since text not null,
      due_at text not null, notice text not null, warned_at text, reminded_at text)""",
    "create index reaper_warnings_notice on reaper_warnings(notice)",
    """create table reaper_kept(
      env_id text primary key, until text, until_merge integer not null default 0,
      causes text not null default '{}', at text not null)""",
    """create table reaper_questions(
      id text primary key, notice text not null, says text not null, checks text not null,
      answer text not null, actor text, asked_at text not null, answered_at text)""",
    "create index reaper_questions_answer on reaper_questions(answer, asked_at)",
    """create table reaper_deletions(
      op_id text primary key, env_id text not null, cause text not null, at text not null,
      granted integer not null)""",
    "create index reaper_deletions_at on reaper_deletions(at)",
)
HOMES = (
    """create table homes(
      actor text primary key, opened_at text not null, answered integer not null,
      shown_hash text not null, shown_at text)""",
)
ORPHANS = (  # what sweeps of Argo CD have found amiss, and since when
    """create table orphans(
      instance text not null, thing text not null, name text not null, project text not null,
      env_id text not null, first_at text not null, last_at text not null,
      told integer not null, primary key(instance, thing, name))""",
    """create table missing(
      env_id text primary key, instance text not null, first_at text not null,
      last_at text not null, told integer not null)""",
    "alter table cards add column missing integer not null default 0",  # as a card says it
    "create index cards_missing on cards(env_id) where missing = 1",
)
SWEPT = (  # when a merge request ended, which occasion made somebody look, and what was tried
    "alter table merge_requests add column ended_at text",
    "alter table looks add column opened_at text",
    "alter table looks add column opened_by text not null default ''",
    "create table sweep_tries(name text primary key, at text not null, failed text not null)",
    "delete from sweeps where name like 'merges:%'",  # read anew, with when they ended
)
PRESENT = (  # one row: the reaper's last tick, and the last time in which there was none
    """create table reaper_presence(
      one integer primary key, last text not null, back_at text, until text)""",
)
DOUBTS = (  # a row for each that was part of too many at once, until GitLab shows it again
    "create table reaper_doubts(env_id text primary key, at text not null)",
)
IDENTITIES = (  # one row: of the token that is used
    """create table identities(
      mark text primary key, team text not null, bot_user text not null, scopes text not null)""",
)
UNFINISHED = (  # acknowledged, and not done yet; who is at it is in `workers`
    """create table unfinished(
      key text primary key, way text not null, body text not null, at text not null,
      worker text not null)""",
)
MORNINGS = (
    """create table mornings(
      actor text primary key, at text not null, zone text not null, since text not null)""",
)
SQLITE = tuple(
    f"""create trigger audit_no_{change} before {change} on audit
      begin select raise(abort, 'the audit log is append-only'); end"""
    for change in ("update", "delete")
)
POSTGRES = (
    """create function audit_is_append_only() returns trigger language plpgsql as $$
      begin raise exception 'the audit log is append-only'; end $$""",
    """create trigger audit_no_change before update or delete on audit
      for each row execute function audit_is_append_only()""",
)
