"""scripts/check-layering can fail: every rule catches the violation planted for it, and clean code passes."""
import shutil
import sys
import tempfile
import unittest
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def load_check():
    loader = SourceFileLoader("check_layering", str(ROOT / "scripts/check-layering"))
    module = module_from_spec(spec_from_loader("check_layering", loader))
    sys.modules["check_layering"] = module
    loader.exec_module(module)
    return module


check = load_check()

CLEAN = {
    "common/base/error.hpp": ["<boost/system/result.hpp>", "<string>"],
    "common/json/json_reader.hpp": ["<nlohmann/json.hpp>", '"common/base/error.hpp"'],
    "common/wire/telemetry.cpp": ['"common/json/json_reader.hpp"', '"common/stats/log_histogram.hpp"'],
    "common/crypto/keys.cpp": ["<openssl/pem.h>", '"common/base/error.hpp"'],
    "common/delta/patch_apply.hpp": ['"common/crypto/digest.hpp"', '"common/delta/old_file.hpp"'],
    "common/delta/patch_make.cpp": ['"common/tensors/tensor_map.hpp"'],
    "common/tensors/npz_tensors.cpp": ['"common/base/encoding.hpp"', '"common/tensors/npy_tensors.hpp"'],
    "server/main.cpp": ['"server/app/app.hpp"'],
    "server/app/app.cpp": ['"server/rollouts/store/rollout_store.hpp"', "<boost/beast/core.hpp>", "<thread>"],
    "server/rollouts/store/rollout_store.cpp": ["<pqxx/pqxx>", '"server/journal/journal_store.hpp"'],
    "server/rollouts/core/rollout_engine.hpp": ['"server/models/variant.hpp"', '"server/rollouts/guards/guard.hpp"'],
    "server/rollouts/guards/guard_store.cpp": ["<pqxx/pqxx>", '"server/db/rows.hpp"'],
    "server/devices/device_rows.hpp": ["<pqxx/pqxx>"],
    "server/rollouts/rollout_service.cpp": ['"server/devices/device_service.hpp"', "<boost/asio/awaitable.hpp>"],
    "server/rollouts/rollout_api.cpp": ["<boost/beast/http.hpp>", '"server/http/router.hpp"'],
    "server/mqtt/paho_client.cpp": ["<mqtt/async_client.h>"],
    "agent/main.cpp": ['"agent/app/app.hpp"'],
    "agent/link/mqtt_link.cpp": ["<MQTTAsync.h>", "<boost/beast/ssl.hpp>"],
    "agent/runner/session.cpp": ["<onnxruntime_cxx_api.h>"],
    "cli/main.cpp": ['"cli/app.hpp"'],
    "cli/api_client.cpp": ['"net/http_call.hpp"', '"common/wire/desired.hpp"'],
    "net/http_steps.hpp": ["<boost/beast/http.hpp>", '"common/base/error.hpp"'],
    "net/mqtt_options.cpp": ["<mqtt/connect_options.h>"],
    "examples/digits/camera.cpp": ['"agent/sdk/observe.hpp"'],
}

# For each rule: the file, the include to plant in it.
PLANTED = {
    "common/ has no network, no database, no threads and no log": [
        ("common/wire/codec.cpp", f"<{header}>")
        for header in ("boost/asio.hpp", "boost/beast/core.hpp", "pqxx/pqxx", "mqtt/client.h", "spdlog/spdlog.h", "thread",
                       "mutex")],
    "common/ knows nobody above it": [("common/base/a.hpp", '"server/http/router.hpp"'),
                                      ("common/stats/a.cpp", '"agent/update/slot.hpp"')],
    "common/base knows no other part of common/": [("common/base/a.hpp", '"common/wire/state.hpp"')],
    "wire knows base, itself, json and what it carries of stats": [
        ("common/wire/a.hpp", '"common/crypto/digest.hpp"'), ("common/wire/a.cpp", '"common/stats/drift.hpp"')],
    "json, crypto, stats and tensors know base and themselves": [
        ("common/stats/a.hpp", '"common/wire/state.hpp"'), ("common/json/a.hpp", '"common/wire/state.hpp"'),
        ("common/crypto/a.cpp", '"common/tensors/tensor_map.hpp"'), ("common/tensors/a.hpp", '"common/delta/patch_info.hpp"')],
    "delta knows base, itself, the tensors and the digests of crypto": [
        ("common/delta/a.hpp", '"common/crypto/keys.hpp"'), ("common/delta/a.cpp", '"common/wire/state.hpp"')],
    "compact knows base, itself, delta and the tensors": [("common/compact/a.cpp", '"common/crypto/digest.hpp"')],
    "signing knows base, itself, json, wire and crypto": [("common/signing/a.cpp", '"common/delta/patch_info.hpp"')],
    "a device never looks for tensors, nor makes compact models": [
        ("agent/update/a.cpp", '"common/tensors/tensor_map.hpp"'),
        ("agent/update/b.cpp", '"common/compact/compact_model.hpp"'),
        ("common/delta/zstd_apply.cpp", '"common/tensors/tensor_map.hpp"')],
    "in common/ OpenSSL stays inside crypto/": [("common/delta/a.cpp", "<openssl/evp.h>")],
    "only server/db, the journal and *_store.* (with its *_rows.hpp) see pqxx": [
        ("server/rollouts/rollout_service.cpp", "<pqxx/pqxx>"), ("server/rollouts/desired/desired_service.cpp", "<pqxx/pqxx>"),
        ("agent/update/a.cpp", "<pqxx/transaction>")],
    "the header of a service shows neither its stores nor the database": [
        ("server/devices/device_service.hpp", '"server/devices/device_store.hpp"'),
        ("server/models/blob_service.hpp", '"server/db/db_pool.hpp"'),
        ("server/rollouts/rollout_service.hpp", '"server/rollouts/store/rollout_store.hpp"'),
        ("server/rollouts/desired/desired_service.hpp", '"server/rollouts/desired/desired_builder_store.hpp"'),
        ("server/retention/retention_service.hpp", '"server/db/db_pool.hpp"')],
    "a store's transactions are functors: it never sees the pool that runs them": [
        ("server/drift/drift_store.cpp", '"server/db/db_pool.hpp"'),
        ("server/rollouts/store/rollout_store.hpp", '"server/db/db_pool.hpp"'),
        ("server/devices/device_rows.hpp", '"server/db/db_pool.hpp"')],
    "only net, server/mqtt and agent/link see Paho": [("server/app/app.cpp", "<mqtt/async_client.h>"),
                                                      ("agent/app/app.cpp", "<MQTTClient.h>")],
    "only net, server/http, *_api.*, server/app and agent/link see Beast": [
        ("server/devices/device_service.cpp", "<boost/beast/http.hpp>"), ("agent/app/app.cpp", "<boost/beast.hpp>"),
        ("cli/api_client.cpp", "<boost/beast/http.hpp>"), ("agent/app/app.cpp", '"net/http_steps.hpp"')],
    "only server/notify's courier sees libcurl": [("server/notify/notify_service.cpp", "<curl/curl.h>"), ("cli/api_client.cpp", "<curl/curl.h>")],
    "net knows common/base alone": [("net/url.cpp", '"common/json/json_reader.hpp"'),
                                    ("net/http_call.cpp", '"agent/link/proxy.hpp"')],
    "in agent/ only link, app and main see Asio": [("agent/update/a.cpp", "<boost/asio/post.hpp>")],
    "only agent/runner sees ONNX Runtime": [("agent/serving/a.cpp", "<onnxruntime_c_api.h>")],
    "a capability never sees another's store or api": [
        ("server/rollouts/rollout_service.cpp", '"server/devices/device_store.hpp"'),
        ("server/rollouts/store/notify_store.cpp", '"server/devices/device_store.hpp"'),
        ("server/models/patch_store.cpp", '"server/rollouts/store/rollout_rows_store.hpp"'),
        ("server/alerts/alert_api.cpp", '"server/devices/device_api.hpp"'),
        ("server/alerts/alert_store.cpp", '"server/devices/device_rows.hpp"'),
        ("server/telemetry/telemetry_api.cpp", '"server/quarantine/quarantine_store.hpp"')],
    "a capability never sees server/app": [("server/drift/drift_service.cpp", '"server/app/config.hpp"'),
                                           ("server/rollouts/core/policy.cpp", '"server/app/config.hpp"')],
    "server/base knows no other part of the server": [("server/base/loop.cpp", '"server/db/db_pool.hpp"')],
    "plumbing knows no capability and no app": [("server/http/router.cpp", '"server/access/role.hpp"'),
                                                ("server/db/db_pool.cpp", '"server/app/config.hpp"')],
    "retention knows no capability and no app": [("server/retention/retention_store.cpp", '"server/devices/device.hpp"')],
    "engines are pure": [("server/rollouts/core/rollout_engine.cpp", "<boost/asio/post.hpp>"),
                         ("server/rollouts/core/rollout_engine.hpp", '"server/rollouts/store/rollout_store.hpp"')],
    "the pure files of a capability know neither network nor database, nor the shell around them": [
        ("server/drift/drift.cpp", "<boost/asio/post.hpp>"), ("server/access/policy.hpp", '"server/http/principal.hpp"'),
        ("server/models/patch_choice.cpp", '"server/base/task.hpp"'), ("server/telemetry/series.cpp", "<mutex>"),
        ("server/devices/device_json.hpp", '"server/devices/enrolment_service.hpp"'),
        ("server/access/account.hpp", '"server/access/credentials.hpp"'), ("server/models/release.cpp", "<openssl/evp.h>"),
        *(("server/rollouts/core/policy.cpp", f"<{header}>")
          for header in ("boost/asio.hpp", "boost/beast/core.hpp", "pqxx/pqxx", "spdlog/spdlog.h", "mutex", "openssl/evp.h")),
        ("server/rollouts/core/policy.hpp", '"server/db/db_pool.hpp"'),
        ("server/rollouts/core/policy.hpp", '"server/rollouts/store/rollout_store.hpp"'),
        ("server/rollouts/guards/guard_metrics.cpp", '"server/rollouts/guards/guard_store.hpp"'),
        ("server/rollouts/rollout_json.cpp", '"server/rollouts/rollout_driver.hpp"')],
    "the program's main knows its app alone": [("server/main.cpp", '"server/http/router.hpp"'),
                                               ("agent/main.cpp", '"common/base/error.hpp"'),
                                               ("cli/main.cpp", '"cli/settings.hpp"')],
    "the server knows neither agent nor cli": [("server/app/app.cpp", '"agent/update/slot.hpp"'),
                                               ("server/app/app.cpp", '"cli/url.hpp"')],
    "the agent knows neither server nor cli": [("agent/app/app.cpp", '"server/http/router.hpp"')],
    "the cli knows common/ and net/ alone": [("cli/app.cpp", '"server/devices/device.hpp"')],
    "the cli leaves Asio to net": [("cli/api_client.cpp", "<boost/asio/io_context.hpp>"),
                                   ("cli/api_client.cpp", '"net/tls_client.hpp"')],
    "examples use the device's sdk and nothing else of ours": [("examples/a.cpp", '"agent/update/slot.hpp"')],
    "the parts of the agent do not know its app": [("agent/update/a.cpp", '"agent/app/config.hpp"')],
    check.FROM_THE_ROOT: [("server/rollouts/rollout.cpp", '"rollout.hpp"'),
                          ("server/rollouts/rollout.cpp", '"../devices/device_store.hpp"')],
}


class CheckLayering(unittest.TestCase):
    def setUp(self):
        self.root = Path(tempfile.mkdtemp(prefix="argosy-test-"))
        self.addCleanup(shutil.rmtree, self.root)
        for file, includes in CLEAN.items():
            self.write(file, includes)

    def write(self, file, includes):
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("// Owner, thread, limits.\n#pragma once\n" + "".join(f"#include {name}\n" for name in includes))

    def test_clean_code_passes(self):
        self.assertEqual(list(check.violations(self.root)), [])
        self.assertEqual(check.main([str(self.root)]), 0)

    def test_every_rule_has_a_planted_violation(self):
        self.assertEqual(set(PLANTED), {rule.name for rule in check.RULES} | {check.FROM_THE_ROOT})

    def test_every_planted_violation_is_caught_by_its_rule_with_its_line(self):
        for name, plants in PLANTED.items():
            for file, include in plants:
                with self.subTest(name, file=file, include=include):
                    before = (self.root / file).read_text() if (self.root / file).exists() else None
                    self.write(file, ["<string>", include])
                    self.assertIn((file, 4, f"includes {include[1:-1]}", name), list(check.violations(self.root)))
                    self.restore(file, before)

    def write_text(self, file, text):
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def test_a_core_that_links_or_compiles_too_much_or_too_little_is_caught(self):
        self.write("server/drift/drift.cpp", [])
        self.write("server/drift/drift_store.cpp", [])
        lists = "server/drift/CMakeLists.txt"

        def found(sources, links):
            self.write_text(lists, f"argosy_library(argosy_server_drift_core\n  SOURCES {sources}\n  DEPS {links})\n")
            return [(what, name) for file, _, what, name in check.cores(self.root) if file == lists]

        self.assertEqual(found("drift.cpp", "argosy_base argosy_server_telemetry_core"), [])
        self.assertEqual(found("drift.cpp", "argosy_net"), [("links argosy_net", check.CORE_LINKS)])
        self.assertEqual(found("drift.cpp", "argosy_server_telemetry"), [("links argosy_server_telemetry", check.CORE_LINKS)])
        self.assertEqual(found("drift.cpp drift_store.cpp", "argosy_base"), [("compiles drift_store.cpp", check.CORE_HAS)])
        self.assertEqual(found("gone.cpp", "argosy_base"),
                         [("leaves out drift.cpp", check.CORE_HAS), ("compiles gone.cpp", check.CORE_HAS)])
        core = "argosy_library(argosy_server_drift_core SOURCES other.cpp DEPS argosy_server_drift_part)\n"
        self.write("server/drift/other.cpp", [])
        for links, wrong in (("argosy_base", []), ("argosy_net", [("links argosy_net", check.CORE_LINKS)])):
            self.write_text(lists, f"argosy_library(argosy_server_drift_part SOURCES drift.cpp DEPS {links})\n{core}")
            self.assertEqual([(what, name) for file, _, what, name in check.cores(self.root) if file == lists], wrong)

    def test_a_core_has_its_folders_and_may_link_a_part_of_anothers_core(self):
        for file in ("core/policy.cpp", "guards/guard.cpp", "guards/guard_store.cpp", "rollout_json.cpp", "rollout_driver.cpp"):
            self.write(f"server/rollouts/{file}", [])
        self.write("server/models/variant.cpp", [])
        self.write_text("server/models/CMakeLists.txt", "argosy_library(argosy_server_variants SOURCES variant.cpp DEPS argosy_base)\n"
                        "argosy_library(argosy_server_models_core SOURCES variant.cpp DEPS argosy_server_variants)\n")
        lists = "server/rollouts/CMakeLists.txt"
        rules = "argosy_library(argosy_server_rollouts_rules SOURCES core/policy.cpp guards/guard.cpp DEPS {})\n"
        core = "argosy_library(argosy_server_rollouts_core SOURCES {} DEPS argosy_server_rollouts_rules)\n"

        def found(links, sources):
            self.write_text(lists, rules.format(links) + core.format(sources))
            return [(what, name) for file, _, what, name in check.cores(self.root) if file == lists]

        self.assertEqual(found("argosy_server_variants", "rollout_json.cpp"), [])
        self.assertEqual(found("argosy_server_models", "rollout_json.cpp"), [("links argosy_server_models", check.CORE_LINKS)])
        self.assertEqual(found("argosy_base", "rollout_json.cpp rollout_driver.cpp"), [("compiles rollout_driver.cpp", check.CORE_HAS)])
        self.assertEqual(found("argosy_base", "guards/guard_store.cpp"),
                         [("compiles guards/guard_store.cpp", check.CORE_HAS), ("leaves out rollout_json.cpp", check.CORE_HAS)])

    def test_a_table_that_another_writes_is_caught(self):
        self.write_text("migrations/0001_a.sql", "create table devices (\n  id text);\ncreate table alerts (id text);\n")
        for statement in ('"insert into devices (id) values ($1)"', '"update devices set x = 1"', '"delete from devices"',
                          '"with a as (update " \n    "devices set x = 1) select"', 'R"(\ndelete from only\n devices)"'):
            with self.subTest(statement):
                self.write_text("server/alerts/alert_store.cpp", f"// Alerts.\ntransaction.exec({statement});\n")
                found = [(file, what, name) for file, _, what, name in check.foreign_writes(self.root)]
                self.assertEqual(found, [("server/alerts/alert_store.cpp", "writes devices", check.ONE_OWNER)])
        for file, statement in (("server/devices/device_store.cpp", "update devices set x = 1"), ("server/journal/a.cpp", "update devices set"),
                                ("server/alerts/alert_store.cpp", "insert into alerts select id from devices for update"),
                                ("server/retention/retention.cpp", "delete from devices")):
            with self.subTest(file, statement=statement):
                self.write_text("server/alerts/alert_store.cpp", "// Alerts.\n")
                self.write_text(file, f'transaction.exec("{statement}");\n')
                self.assertEqual(list(check.foreign_writes(self.root)), [])

    def test_a_table_without_an_owner_is_caught(self):
        self.write_text("migrations/0001_a.sql", "create table orphans (id text);\n")
        self.assertEqual([name for *_, name in check.foreign_writes(self.root)], [check.NO_OWNER])
        self.write_text("migrations/0002_b.sql", "drop table orphans;\n")
        self.assertEqual(list(check.foreign_writes(self.root)), [])

    def test_json_parsed_beside_the_reader_is_caught(self):
        rule = next(rule for rule in check.CALL_RULES if "JSON" in rule.name)
        for call in ("nlohmann::json::parse(text)", "Json::parse(text, nullptr, false)", "json::sax_parse(text, &sax)",
                     "json::accept(text)"):
            for file in ("server/devices/device.cpp", "common/wire/state.cpp", "cli/settings.cpp", "agent/link/a.cpp"):
                with self.subTest(call, file=file):
                    path = self.root / file
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_text(f"// Reads.\nparse_json(text);\n{call};\n")
                    found = [(file, line, name) for file, line, _, name in check.violations(self.root)]
                    self.assertEqual(found, [(file, 3, rule.name)])
                    path.unlink()

    def test_views_are_caught(self):
        rule = next(rule for rule in check.CALL_RULES if "views" in rule.name)
        self.write("server/rollouts/core/policy.cpp", [])
        (self.root / "server/rollouts/core/policy.cpp").write_text("auto names = specs() | std::views::transform(&Spec::name);\n")
        self.assertEqual([(line, name) for _, line, _, name in check.violations(self.root)], [(1, rule.name)])

    def test_a_child_is_started_in_one_place(self):
        rule = next(rule for rule in check.CALL_RULES if "child" in rule.name)
        for file in ("agent/update/runner.cpp", "cli/runner.cpp", "common/base/other.cpp", "common/base/spawn.cpp"):
            self.write(file, [])
            (self.root / file).write_text("int failed = ::posix_spawn(&pid, path, files, attributes, argv, environ);\n")
        found = [(file, name) for file, _, _, name in check.violations(self.root)]
        self.assertEqual(sorted(found), [(file, rule.name) for file in
                                         ("agent/update/runner.cpp", "cli/runner.cpp", "common/base/other.cpp")])

    def test_a_metric_of_guards_beside_its_table_is_caught(self):
        rule = next(rule for rule in check.CALL_RULES if "metrics" in rule.name)
        text = "// Judges.\nif (guard.metric == GuardMetric::accuracy) return;\n"
        for file, found in (("server/rollouts/guards/guard.cpp", [2]), ("server/rollouts/core/policy.cpp", [2]),
                            ("server/rollouts/guards/guard_metrics.cpp", [])):
            with self.subTest(file):
                self.write_text(file, text)
                self.assertEqual([line for _, line, _, name in check.violations(self.root) if name == rule.name], found)
                (self.root / file).unlink()

    def test_a_figure_that_the_app_names_for_a_part_is_caught(self):
        rule = next(rule for rule in check.CALL_RULES if "figures" in rule.name)
        text = '// Figures.\nmetrics.sampled_counter("argosy_x_total", "X", read);\nmetrics.sampled_gauge("argosy_y", "Y", read);\n'
        for file, found in (("server/app/server.cpp", [2, 3]), ("server/app/state_intake.cpp", []), ("server/db/db_pool.cpp", [])):
            with self.subTest(file):
                self.write_text(file, text)
                self.assertEqual([line for _, line, _, name in check.violations(self.root) if name == rule.name], found)
                (self.root / file).unlink()

    def test_calls_beside_the_layer_for_files_are_caught(self):
        rule = next(rule for rule in check.CALL_RULES if "files" in rule.name)
        for call in ("::open(path, 0)", "fs::rename(a, b)", "std::filesystem::remove_all(a)", "::fsync(fd)",
                     "std::ofstream(a)", "fs::create_directories(a)"):
            with self.subTest(call):
                (self.root / "agent/update").mkdir(parents=True, exist_ok=True)
                (self.root / "agent/update/slot.cpp").write_text(f"// Slots.\nint a = disk().open(path, 0);\n{call};\n")
                found = list(check.violations(self.root))
                self.assertEqual([(file, line, name) for file, line, _, name in found],
                                 [("agent/update/slot.cpp", 3, rule.name)])

    def test_sql_in_pieces_and_times_of_its_own_are_caught(self):
        for file in ("server/devices/device_store.cpp", "server/rollouts/store/plan_store.cpp"):
            with self.subTest(file):
                self.check_sql_of(file)

    def check_sql_of(self, file):
        store = self.root / file
        store.parent.mkdir(parents=True, exist_ok=True)
        for statement, word in (('"select id from devices "\n    "where id = $1"', "raw string"),
                                ('"with a as (delete from devices returning 1)"\n    " select 1"', "raw string"),
                                ('"select (extract(epoch from seen_at) * 1000)::bigint from devices"', "rows")):
            rule = next(rule for rule in check.CALL_RULES if word in rule.name)
            store.write_text(f"// Devices.\ntransaction.exec({statement});\n")
            self.assertEqual([(at, line, name) for at, line, _, name in check.violations(self.root)],
                             [(file, 2, rule.name)], statement)
        for statement in ('R"sql(\n  select id\n  from devices\n)sql"', '"select " + columns + " from devices where id = $1"',
                          '"a message "\n    "of two lines"'):
            store.write_text(f"// Devices.\ntransaction.exec({statement});\n")
            self.assertEqual(list(check.violations(self.root)), [], statement)

    def test_an_advisory_lock_outside_of_the_list_is_caught(self):
        rule = next(rule for rule in check.CALL_RULES if "advisory" in rule.name)
        for call in ("pg_advisory_xact_lock(7102001)", "pg_try_advisory_lock(", "pg_advisory_xact_lock_shared("):
            for file, line in (("server/drift/drift_store.cpp", [2]), ("server/db/fence.cpp", [2]),
                               ("server/db/advisory_locks.hpp", [])):
                with self.subTest(call, file=file):
                    self.write_text(file, f'// Locks.\ntransaction.exec("select {call}");\n')
                    self.assertEqual([at for _, at, _, name in check.violations(self.root) if name == rule.name], line)
                    (self.root / file).unlink()

    def test_two_types_of_one_name_are_caught(self):
        (self.root / "server/drift").mkdir(parents=True, exist_ok=True)
        verdict = "namespace argosy::server {{\n\n{} Verdict {{\n}};\n\n}}  // namespace argosy::server\n"
        (self.root / "server/drift/rows.hpp").write_text(verdict.format("struct"))
        (self.root / "server/rollouts/guard.hpp").write_text(verdict.format("enum class"))
        self.assertEqual([(file, line) for file, line, *_ in check.twins(self.root)], [("server/rollouts/guard.hpp", 3)])
        (self.root / "server/rollouts/guard.hpp").write_text(verdict.format("enum class").replace("argosy::server", "argosy::agent"))
        (self.root / "server/rollouts/guard.cpp").write_text(
            "namespace argosy::server {\nnamespace {\n\nstruct Verdict {\n};\n\n}  // namespace\n}  // namespace argosy::server\n")
        self.assertEqual(list(check.twins(self.root)), [])

    def test_what_the_compiler_destroys_twice_is_caught(self):
        file = self.root / "server/devices/device_service.cpp"
        file.parent.mkdir(parents=True, exist_ok=True)
        for call in ("db.transact(FindDevice{id})", "pool.run([id] { return id; })", 'tell(late ? "late" : reason, now)'):
            file.write_text(f"Task<void> f() {{\n  ARGOSY_CO_CHECK(co_await {call});\n}}\n")
            self.assertEqual([(name, line) for name, line, *_ in check.beside_awaits(self.root)],
                             [("server/devices/device_service.cpp", 2)], call)
        for body in ("if (co_await f(ids[0])) {\n    x = Y{1};\n  }", "co_await db.transact<FindDevice>(id, now);",
                     'co_await tell("{?}");  // what? {}', "const auto [a, b] = co_await stream.async_read(buffer, as_result);"):
            file.write_text(f"Task<void> f() {{\n  {body}\n}}\n")
            self.assertEqual(list(check.beside_awaits(self.root)), [], body)

    def test_a_state_that_sql_names_by_hand_is_caught(self):
        self.write_text("server/rollouts/core/rollout.hpp", "enum class DeviceStep : std::uint8_t {\n  queued,\n  failed,\n};\n")
        self.write_text("server/devices/device.hpp", "enum class Presence { online, late };\n")
        for file, statement, word in (("server/rollouts/store/a_store.cpp", """"select 1 where q.state = 'queued'\"""", "queued"),
                                      ("server/rollouts/store/a_store.cpp", """"state in ('failed', 'x')\"""", "failed"),
                                      ("server/models/a_store.cpp", """R"(\nwhere q.state = 'queued')\"""", "queued"),
                                      ("server/overview/a_store.cpp", """"s.presence in ('online')\"""", "online")):
            with self.subTest(statement, file=file):
                self.write_text(file, f"// Rows.\ntransaction.exec({statement});\n")
                found = list(check.states_by_hand(self.root))
                self.assertEqual([(file, what, name) for file, _, what, name in found], [(file, f"says '{word}'", check.BY_HAND)])
                (self.root / file).unlink()
        self.write_text("server/models/a_store.cpp", "// 'queued'\ntransaction.exec(\"where p.state = 'failed'\" + sql_word(x));\n")
        self.assertEqual(list(check.states_by_hand(self.root)), [])

    def restore(self, file, text):
        if text is None:
            (self.root / file).unlink()
        else:
            (self.root / file).write_text(text)

    def test_an_empty_tree_fails(self):
        with tempfile.TemporaryDirectory() as empty:
            self.assertEqual(check.main([empty]), 1)


if __name__ == "__main__":
    unittest.main()
