#include "server/retention/retention.hpp"

namespace argosy::server {

namespace {

// Ids follow the time closely enough: looking at the oldest ids alone ends at once when there is nothing to do.
constexpr std::string_view old_events =
    "delete from events where id in (select id from (select id, at from events order by id limit $2) oldest "
    "where at < $1::timestamptz)";

constexpr std::string_view old_alerts =
    "delete from alerts where id in (select id from alerts where state = 'resolved' and resolved_at < $1::timestamptz "
    "order by resolved_at limit $2)";

constexpr std::string_view old_history =
    "delete from alert_history where id in (select id from (select id, at from alert_history order by id limit $2) "
    "oldest where at < $1::timestamptz)";
constexpr std::string_view old_silences =
    "delete from alert_silences where id in (select id from alert_silences where ended_at < $1::timestamptz "
    "order by ended_at limit $2)";

// Ended, or a draft that nobody started. One that stands has not ended: by its rows it knows newcomers.
#define ARGOSY_OLD_ROLLOUTS                                                                 \
  "select id from rollouts where (ended_at < $1::timestamptz and stands_since is null) or " \
  "(started_at is null and greatest(created_at, start_at) < $1::timestamptz)"
constexpr std::string_view devices_of_old_rollouts =
    "delete from rollout_devices where ctid = any(array(select q.ctid from rollout_devices q join (" ARGOSY_OLD_ROLLOUTS
    ") o on o.id = q.rollout_id limit $2))";
constexpr std::string_view decisions_of_old_rollouts =
    "delete from rollout_decisions where ctid = any(array(select q.ctid from rollout_decisions q join "
    "(" ARGOSY_OLD_ROLLOUTS ") o on o.id = q.rollout_id limit $2))";
// A rollout whose wish a device still follows says how long its probation is: that row stays.
constexpr std::string_view old_rollouts =
    "delete from rollouts where id in (select o.id from (" ARGOSY_OLD_ROLLOUTS
    ") o where not exists (select from rollout_devices q where q.rollout_id = o.id) "
    "and not exists (select from rollout_decisions q where q.rollout_id = o.id) "
    "and not exists (select from device_targets t where t.rollout_id = o.id) limit $2)";
#undef ARGOSY_OLD_ROLLOUTS

constexpr std::string_view old_drafts =
    "delete from release_drafts where ctid = any(array(select ctid from release_drafts where updated_at < "
    "$1::timestamptz order by updated_at limit $2))";

constexpr std::string_view old_verdicts =
    "delete from drift_state where ctid = any(array(select ctid from drift_state where updated_at < $1::timestamptz "
    "limit $2))";
constexpr std::string_view old_evidence =
    "delete from drift_evidence where ctid = any(array(select ctid from drift_evidence "
    "where updated_at < $1::timestamptz limit $2))";
constexpr std::string_view old_peers =
    "delete from drift_peers where ctid = any(array(select ctid from drift_peers where updated_at < $1::timestamptz "
    "limit $2))";
constexpr std::string_view old_baselines =
    "delete from latency_baselines where ctid = any(array(select ctid from latency_baselines "
    "where updated_at < $1::timestamptz limit $2))";

constexpr std::string_view old_rule_memory =
    "delete from rule_memory where ctid = any(array(select ctid from rule_memory where updated_at < $1::timestamptz "
    "limit $2))";
constexpr std::string_view deleted_rules =
    "delete from rules where id in (select id from rules where deleted_at < $1::timestamptz order by deleted_at "
    "limit $2)";

constexpr std::string_view old_diagnostics =
    "delete from diagnostics where id in (select id from diagnostics where asked_at < $1::timestamptz "
    "order by asked_at limit $2)";

constexpr std::string_view old_presence =
    "delete from presence_spans where ctid = any(array(select ctid from presence_spans where to_at < $1::timestamptz "
    "order by to_at limit $2))";
constexpr std::string_view old_unwatched =
    "delete from unwatched_times where from_at in (select from_at from unwatched_times where to_at < $1::timestamptz "
    "order by to_at limit $2)";
constexpr std::string_view old_hours_of_sites =
    "delete from site_hours where ctid = any(array(select ctid from site_hours where hour < $1::timestamptz "
    "order by hour limit $2))";

// With all its rows, which are those of one device: few, but for what a rollout and telemetry say of it.
constexpr std::string_view old_revoked_devices =
    "delete from devices where id in (select id from devices where revoked_at < $1::timestamptz order by revoked_at "
    "limit "
    "least($2, 50))";

constexpr std::string_view old_deliveries =
    "delete from deliveries where id in (select id from deliveries where state <> 'waiting' "
    "and ended_at < $1::timestamptz order by ended_at limit $2)";

constexpr std::string_view old_claims =
    "delete from claims where id in (select id from claims where least(expires_at, revoked_at) < $1::timestamptz "
    "order by id limit $2)";
constexpr std::string_view old_replacements =
    "delete from replacements where device_id in (select device_id from replacements where expires_at < "
    "$1::timestamptz order by expires_at limit $2)";
constexpr std::string_view old_tokens =
    "delete from api_tokens where id in (select t.id from api_tokens t where least(t.expires_at, t.revoked_at) < "
    "$1::timestamptz and not exists (select from api_tokens c where c.parent_id = t.id) "
    "and not exists (select from login_links l where l.maker_token_id = t.id) order by t.id limit $2)";

constexpr Duration once_an_hour{3'600'000};

constexpr RetentionRule rules[] = {
    {"events", &RetentionDays::events, old_events},
    {"alerts", &RetentionDays::alerts, old_alerts},
    {"alert_history", &RetentionDays::alerts, old_history},
    {"alert_silences", &RetentionDays::alerts, old_silences},
    {"rollout_devices", &RetentionDays::rollouts, devices_of_old_rollouts},
    {"rollout_decisions", &RetentionDays::rollouts, decisions_of_old_rollouts},
    {"rollouts", &RetentionDays::rollouts, old_rollouts},
    {"release_drafts", &RetentionDays::rollouts, old_drafts},
    {"drift_state", &RetentionDays::verdicts, old_verdicts, once_an_hour},
    {"drift_evidence", &RetentionDays::verdicts, old_evidence, once_an_hour},
    {"drift_peers", &RetentionDays::verdicts, old_peers, once_an_hour},
    {"latency_baselines", &RetentionDays::verdicts, old_baselines, once_an_hour},
    {"rule_memory", &RetentionDays::verdicts, old_rule_memory, once_an_hour},
    {"rules", &RetentionDays::alerts, deleted_rules},
    {"diagnostics", &RetentionDays::events, old_diagnostics},
    {"presence_spans", &RetentionDays::presence, old_presence},
    {"unwatched_times", &RetentionDays::presence, old_unwatched},
    {"site_hours", &RetentionDays::presence, old_hours_of_sites},
    {"deliveries", &RetentionDays::deliveries, old_deliveries},
    {"devices", &RetentionDays::revoked_devices, old_revoked_devices},
    {"replacements", &RetentionDays::events, old_replacements},
    {"claims", &RetentionDays::claims, old_claims},
    {"api_tokens", &RetentionDays::tokens, old_tokens},
};

constexpr std::string_view of_a_device = "as many as there are devices; goes with its device";
constexpr std::string_view of_publishers = "what people publish: a release is for good";

constexpr TableBound bounds[] = {
    {"alert_history", "retention.alerts_days; goes with its alert"},
    {"alert_silences", "at most 500 that have not ended; retention.alerts_days after one ended"},
    {"alerts", "retention.alerts_days after one was resolved"},
    {"api_tokens", "retention.tokens_days after one expired or was revoked"},
    {"audit", "retention.audit_days; then in files of the archive, which are for good"},
    {"audit_chain", "one row"},
    {"blobs", "retention.uploads_days after one was sent that no release names; patches go with patches.keep_days"},
    {"claims", "retention.claims_days after one expired or was revoked"},
    {"contract_breaches", "at most one a device and model, while its input breaks the contract; goes with either"},
    {"deliveries",
     "retention.deliveries_days after one arrived or was given up; notify.most_waiting a route until then"},
    {"delivery_attempts", "at most 50 a delivery; goes with it"},
    {"delivery_events", "at most 500 a delivery; goes with it"},
    {"desired_due", "at most one a device; goes when its document is published, and with its device"},
    {"device_failures", "at most one a device and model; goes with its device"},
    {"device_models", "as many as a device has models; goes with its device, and when it reports the model gone"},
    {"device_state", of_a_device},
    {"device_targets", "one a device and model; goes with its device"},
    {"devices", "retention.revoked_devices_days after one was revoked"},
    {"diagnostics", "the newest 5 of a device, retention.events_days at most; goes with its device"},
    {"drift_evidence", "retention.verdicts_days after the last window; one a device and model"},
    {"drift_peers", "retention.verdicts_days after the last device was judged; one a release and feature"},
    {"drift_state", "retention.verdicts_days after the last judgement; one a device, model and feature"},
    {"ended_certificates",
     "until the certificate would have expired by itself, and a day; at most 32 a device by renewing"},
    {"events", "retention.events_days"},
    {"fences", "one a lock on leading"},
    {"fleet_count_changes", "added up by the leader each second"},
    {"fleet_counts", "as many as there are different values in the fleet; zeroes go"},
    {"health_samples", "telemetry.retention_days, by partition"},
    {"idempotency_keys", "a day"},
    {"label_additions", "one an account and hour, until it is over and in the audit log"},
    {"label_counts", "at most eight a device and model; goes with its device"},
    {"label_queues", of_a_device},
    {"latency_baselines", "retention.verdicts_days after the last window of that version"},
    {"level_changes", "emptied by the leader each second"},
    {"login_links", "a week after one expired"},
    {"models", of_publishers},
    {"notice_route_states", "one a route"},
    {"notice_routes", "at most 100"},
    {"observation_labels", "two weeks; at most 20,000 that wait a device, and 10,000,000; goes with its device"},
    {"patches", "patches.keep_days after the last device left the old file"},
    {"presence_checks", of_a_device},
    {"presence_spans", "retention.presence_days after it ended; at most 96 a device and day; goes with its device"},
    {"presence_watch", "one row"},
    {"quarantine", "30 days after the last message at fault; goes with its device"},
    {"refused_keys", "for good: a key that a device was revoked with never comes back; one an act of revoking"},
    {"release_draft_files", "at most 1,057 a draft; goes with it"},
    {"release_drafts", "at most 50 a model; retention.rollouts_days after one was mended last"},
    {"release_withdrawals", "at most one a release"},
    {"releases", of_publishers},
    {"replacements",
     "at most one a device; goes with it, when its board comes, and retention.events_days after it expired"},
    {"rollout_acknowledgements", "at most one a rollout; goes with it"},
    {"rollout_decisions", "retention.rollouts_days after the rollout ended"},
    {"rollout_devices", "retention.rollouts_days after the rollout ended"},
    {"rollout_looks", "goes with its rollout"},
    {"rollout_newcomers", "emptied by the leader each second"},
    {"rollout_panel", "at most 4,000 devices a rollout; goes with it"},
    {"rollout_plans", "one a rollout whose devices are being planned; goes when they are, and with it"},
    {"rollout_reach_changes", "emptied by the leader each second"},
    {"rollout_shadows", "at most one a device of a rollout; goes with it"},
    {"rollout_waves", "goes with its rollout"},
    {"rollouts", "retention.rollouts_days after one ended, and no device follows its wish any more"},
    {"rule_memory", "retention.verdicts_days after it was written last; one a device and model, and one a device"},
    {"rule_reactions", "at most 3 an alert; goes with it"},
    {"rule_versions", "at most 200 a rule; goes with it"},
    {"rules", "at most 200; retention.alerts_days after one was deleted"},
    {"rules_state", "one row"},
    {"schema_migrations", "one a migration"},
    {"sessions", "when one expires"},
    {"site_changes", "emptied by the leader each second"},
    {"site_devices", of_a_device},
    {"site_hours", "retention.presence_days; at most 2,000 sites"},
    {"sites", "at most 2,000; goes with its last device"},
    {"telemetry_cursors", "at most 32 a device; the one unused longest makes room; goes with its device"},
    {"telemetry_closed", "a few hours, until they are packed"},
    {"telemetry_days", "telemetry.day_rollups_days, by partition"},
    {"telemetry_hours", "telemetry.hour_rollups_days, by partition"},
    {"telemetry_levels", "one row"},
    {"telemetry_packed", "telemetry.retention_days, by partition"},
    {"telemetry_packing", "one a table that is being packed"},
    {"telemetry_speakers", "one a device; goes with its device"},
    {"telemetry_windows", "an hour and telemetry.pack_after_minutes, by partition; then it is packed"},
    {"told_alerts", "at most one an open alert and route; goes with the alert"},
    {"uncounted_devices", "emptied by the leader each second"},
    {"unheard_windows", "emptied by the leader each second"},
    {"untold_events", "until the leader has made deliveries of it; goes with its event"},
    {"unwatched_times", "retention.presence_days; at most two a minute"},
    {"users", "what people make; a name is never given again"},
    {"variant_parts", "at most 32 a variant; goes with it"},
    {"variants", of_publishers},
    {"window_rates", "one an instance; goes an hour after it told for the last time"},
    {"worst_lists", "one a list"},
};

}  // namespace

std::span<const RetentionRule> retention_rules() {
  return rules;
}

std::span<const TableBound> table_bounds() {
  return bounds;
}

}  // namespace argosy::server
