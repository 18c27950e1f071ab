# clario-workflow: one non-recursive Makefile; objects in build/, or build/<sanitizers> under SAN=.
#
#   make            build everything            make check        install what is missing, build, run the tests
#   make demo       the main job, end to end    make check-slow   the long campaigns
#   make start|stop|status   an instance on 127.0.0.1:$(PORT), files in $(RUN_DIR)
#   make bench      figures and ratios          make lint         include edges, manuals, nginx -t, formatting
#   make coverage   lines and branches that the tests run, as build/coverage/coverage.html
#   make valgrind   the unit tests under memcheck
#   make install DESTDIR= PREFIX=               make SAN=address,undefined check; make SAN=thread check
#   make deb        the Debian package          make check-package   its life, in a booted container

VERSION := 0.1.0
SAN     ?=
WERROR  ?=
PREFIX  ?= /usr/local
DESTDIR ?=
comma   := ,

B       := build$(if $(SAN),/san-$(subst $(comma),-,$(SAN)))
PORT    ?= 8080
RUN_DIR ?= $(B)/run
CPPFLAGS_OURS := -I. -D_GNU_SOURCE -DCLARIO_VERSION='"$(VERSION)"' $(if $(SAN),-DCLARIO_AUDIT)
CFLAGS_OURS   := -std=c17 -g -O2 -pthread -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wvla \
	-fno-omit-frame-pointer $(if $(WERROR),-Werror) $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all)
# -rdynamic: engines that are loaded (spool/store/store.c) find what they need.
LDFLAGS_OURS  := -pthread -rdynamic $(if $(SAN),-fsanitize=$(SAN))

# Each room lists its sources: a stray file does not join by itself.
BASE_SRCS  := $(addprefix spool/base/, status.c buf.c clock.c id.c log.c jx.c jx_plain.c conf.c conf_sections.c nets.c origin.c confine.c hash.c encoding.c fs.c guard.c \
	mask.c mask_text.c \
	decimal.c jfind.c)
MODEL_SRCS := $(addprefix spool/model/, phase.c job.c event.c receiver.c token.c rules.c steer.c \
	forget.c undo.c \
	await.c \
	purge.c \
	account.c act.c claim.c receiver_event.c trigger.c)
LMDB_SRCS  := $(addprefix spool/store/lmdb/, env.c room.c init.c tx.c walk.c key.c job_io.c event_io.c dedupe.c line.c aside.c \
	submit.c exchange.c claim.c lanes.c due.c receiver_io.c token_io.c steer.c remove.c read.c list.c stats.c wake.c account_io.c pages.c pages_file.c pages_head.c verify.c \
	verify_run.c hold.c care.c care_copy.c repair.c rebuild.c export.c import.c audit.c engine.c \
	forget.c blank.c \
	purge.c \
	figures.c \
	await_io.c await_tell.c bookmark.c)
# What the engines share: forms of records, counters, whose turn it is.
STORE_SRCS := $(addprefix spool/store/common/, record.c head.c hashes.c crowd.c tally.c account_record.c receiver_record.c token_record.c await_record.c)
# The engine on a database server: a shared object of its own, which finds the rest of the spool in the program.
PG_SRCS    := $(addprefix spool/store/postgres/, engine.c schema.c link.c tx.c rows.c accounts.c meta.c line.c submit.c claim.c exchange.c steer.c remove.c read.c list.c forget.c check.c whole.c wake.c \
	await.c links.c slots.c events.c locks.c)
PG_ENGINE  := $(B)/clario-store-postgres.so
DUMP_SRCS  := $(addprefix spool/dump/, form.c write.c read.c)
SPOOL_SRCS := $(addprefix spool/, watchdog.c meter.c meter_file.c spool.c secret.c group.c opts.c opts_calls.c opts_callers.c opts_secrets.c opts_webhooks.c webhook_sign.c template.c daemon.c show.c retry.c horizon.c \
	fault.c cloud_event.c when.c trigger_options.c validate.c \
	where.c where_value.c where_match.c notes.c operation.c plan.c plan_run.c \
	failures.c \
	explain.c explain_job.c crew.c survey.c) $(addprefix spool/store/, store.c) $(LMDB_SRCS) $(STORE_SRCS) $(MODEL_SRCS) $(DUMP_SRCS)
CTL_SRCS   := $(addprefix spool/ctl/, main.c parse.c commands.c out.c cmd_look.c cmd_act.c cmd_receiver.c cmd_caller.c cmd_token.c cmd_state.c cmd_care.c cmd_dump.c cmd_webhook.c post.c progress.c cmd_help.c \
	lines.c cmd_enqueue.c \
	cmd_failures.c \
	cmd_forget.c select.c pace.c cmd_bulk.c \
	cmd_explain.c cmd_stalled.c cmd_workers.c cmd_shape.c cmd_status.c cmd_top.c cmd_doctor.c doctor_host.c exit.c glance.c)
FCGI_SRCS  := $(addprefix fcgi/, main.c server.c gate.c desk.c committer.c conn.c thread.c listener.c watch.c records.c wire.c dispatch.c app.c request.c reply.c problem.c route.c caller.c access.c limit.c rate.c bearer.c tokens.c browser.c \
	webhook.c mapping.c pointer.c amount.c \
	query.c options.c span.c listing.c intake.c batch.c lookup.c workflow.c steer.c queue.c receivers.c health.c openapi.c \
	survey.c \
	reveal.c plans.c operations.c audit.c exposition.c metrics.c scrape.c \
	events.c $(addprefix events/, interest.c ticket.c ticket_key.c))
# clario-events: its own files, and what it shares with clario-fcgi.
EVENTS_OWN_SRCS := $(addprefix fcgi/events/, main.c hub.c feed.c stream.c door.c outlet.c sse.c)
EVENTS_SRCS := $(EVENTS_OWN_SRCS) $(addprefix fcgi/, listener.c records.c request.c reply.c problem.c route.c caller.c access.c bearer.c tokens.c browser.c \
	query.c events/interest.c events/ticket.c events/ticket_key.c)
PHASE_SRCS := $(addprefix worker/phases/, phases.c run.c confidence.c onboarding.c detection.c matching.c routing.c submission.c \
	rejection.c payout.c legacy.c)
WORKER_SRCS := $(addprefix worker/, main.c loop.c feed.c flow.c reap.c mark.c held.c attempt.c outcome.c call.c http.c sockets.c jwt.c money.c policy.c retain.c relay.c) \
	$(PHASE_SRCS)

CTL_LIBS    := -lsmartcols -lcrypto
FCGI_LIBS   := -lfcgi -lsystemd -lcrypto
EVENTS_LIBS := -lsystemd -lcrypto
WORKER_LIBS := -lcurl -lcrypto -lsystemd
SPOOL_LIBS  := -llmdb -ljansson -linih -lxxhash -lm

PROGRAMS := $(addprefix $(B)/, clario-fcgi clario-worker clario-spool clario-events)

# tests/unit/test_NAME.c is a program of its own; those that test a room's files name its objects here.
UNIT_TESTS := mask forget ctl_privacy wipe rate store_callers token store_tokens tokens admission ctl_token base text conf opts opts_calls show ctl docs model record receiver receiver_lives store store_reads store_receivers claims due life simulation group damage care dump repair retention money retry policy day mark held flow ahead call validate access browser owner route options query dispatch server \
	webhook_sign opts_webhooks mapping webhook \
	ctl_bulk where undo plan selections \
	events feed \
	meter figures metrics \
	audit \
	watchdog \
	ctl_enqueue \
	counts ctl_failures \
	purge \
	explain await ctl_look ctl_manual
UNIT_OBJS_store := tests/unit/store_fixture.c
UNIT_OBJS_store_reads := tests/unit/store_fixture.c
UNIT_OBJS_store_receivers := tests/unit/store_fixture.c tests/unit/care_fixture.c
UNIT_OBJS_store_tokens := tests/unit/store_fixture.c tests/unit/care_fixture.c
UNIT_LIBS_store_tokens := -lcrypto
UNIT_LIBS_token := -lcrypto
UNIT_OBJS_life := tests/unit/store_fixture.c
UNIT_OBJS_simulation := tests/unit/store_fixture.c tests/unit/sim_receivers.c tests/unit/sim_callers.c tests/unit/sim_await.c
UNIT_OBJS_store_callers := tests/unit/store_fixture.c tests/unit/care_fixture.c
UNIT_OBJS_figures := tests/unit/store_fixture.c
UNIT_OBJS_metrics := fcgi/metrics.c fcgi/exposition.c
UNIT_OBJS_rate := fcgi/rate.c
UNIT_OBJS_undo := tests/unit/plan_fixture.c
UNIT_OBJS_purge := tests/unit/plan_fixture.c
UNIT_OBJS_plan := tests/unit/plan_fixture.c
UNIT_OBJS_where := tests/unit/store_fixture.c
UNIT_OBJS_care := tests/unit/store_fixture.c tests/unit/care_fixture.c
UNIT_OBJS_claims := $(UNIT_OBJS_care)
UNIT_OBJS_due := tests/unit/store_fixture.c
UNIT_OBJS_damage := $(UNIT_OBJS_care)
UNIT_OBJS_forget := $(UNIT_OBJS_care)
UNIT_OBJS_ctl := tests/unit/ctl_fixture.c
UNIT_OBJS_ctl_privacy := tests/unit/ctl_fixture.c
UNIT_OBJS_ctl_enqueue := tests/unit/ctl_fixture.c
UNIT_OBJS_repair := $(UNIT_OBJS_care)
UNIT_OBJS_retention := worker/retain.c
UNIT_OBJS_dump := $(UNIT_OBJS_care)
UNIT_OBJS_money := worker/money.c
UNIT_OBJS_held := worker/held.c
UNIT_OBJS_ahead := worker/flow.c
UNIT_OBJS_flow := worker/flow.c
UNIT_OBJS_mark := worker/mark.c
UNIT_OBJS_policy := worker/policy.c
UNIT_OBJS_day := tests/unit/store_fixture.c tests/unit/weather.c tests/crash/history.c
UNIT_OBJS_call := worker/call.c worker/jwt.c worker/money.c $(PHASE_SRCS)
UNIT_LIBS_call := -lcrypto
UNIT_OBJS_wipe := $(UNIT_OBJS_call)
UNIT_LIBS_wipe := -lcrypto
UNIT_OBJS_docs := spool/ctl/exit.c spool/ctl/commands.c tests/unit/ctl_stubs.c
UNIT_OBJS_access := $(addprefix fcgi/, access.c bearer.c tokens.c caller.c problem.c)
UNIT_LIBS_access := -lcrypto
UNIT_OBJS_route := fcgi/route.c
UNIT_OBJS_browser := fcgi/browser.c fcgi/reply.c fcgi/problem.c
UNIT_OBJS_options := fcgi/options.c fcgi/problem.c
UNIT_OBJS_server := $(filter-out fcgi/main.c,$(FCGI_SRCS))
UNIT_LIBS_server := $(FCGI_LIBS)
UNIT_OBJS_dispatch := $(filter-out $(addprefix fcgi/, main.c server.c gate.c desk.c committer.c conn.c thread.c listener.c watch.c records.c wire.c),$(FCGI_SRCS))
UNIT_LIBS_dispatch := -lcrypto
UNIT_OBJS_events := $(filter-out $(addprefix fcgi/events/, main.c hub.c feed.c),$(EVENTS_SRCS))
UNIT_LIBS_events := $(EVENTS_LIBS)
UNIT_OBJS_feed := $(filter-out $(addprefix fcgi/events/, main.c hub.c),$(EVENTS_SRCS))
UNIT_LIBS_feed := $(EVENTS_LIBS)
UNIT_LDFLAGS_feed := -Wl,--wrap=spool_events -Wl,--wrap=spool_stats -Wl,--wrap=spool_sync
UNIT_OBJS_tokens = $(UNIT_OBJS_dispatch) tests/unit/gate_fixture.c
UNIT_LIBS_tokens := -lcrypto
UNIT_LDFLAGS_tokens := -Wl,--wrap=spool_tokens
UNIT_OBJS_admission = $(UNIT_OBJS_tokens)
UNIT_OBJS_selections = $(UNIT_OBJS_tokens)
UNIT_LIBS_selections := -lcrypto
UNIT_OBJS_counts = $(UNIT_OBJS_tokens)
UNIT_LIBS_counts := -lcrypto
UNIT_LIBS_admission := -lcrypto
UNIT_OBJS_query := fcgi/query.c fcgi/listing.c fcgi/caller.c fcgi/span.c fcgi/problem.c
UNIT_LIBS_webhook_sign := -lcrypto
UNIT_OBJS_mapping := fcgi/mapping.c fcgi/pointer.c fcgi/amount.c fcgi/span.c fcgi/problem.c
UNIT_OBJS_webhook := $(UNIT_OBJS_dispatch)
UNIT_LIBS_webhook := -lcrypto
UNIT_OBJS_audit = $(UNIT_OBJS_tokens)
UNIT_LIBS_audit := -lcrypto
UNIT_LIBS_watchdog := -lsystemd
UNIT_OBJS_await := tests/unit/store_fixture.c tests/unit/care_fixture.c
UNIT_OBJS_ctl_look := tests/unit/ctl_fixture.c tests/unit/golden.c spool/ctl/progress.c
UNIT_OBJS_ctl_manual := tests/unit/ctl_fixture.c
UNIT_LIBS_ctl_look := -lutil
UNIT_OBJS_ctl_failures := tests/unit/ctl_fixture.c tests/unit/golden.c
# Linked against libspool.a, except for those that say otherwise: a base test that needs more does not link.
UNIT_LIB_base := libbase.a
UNIT_LIB_text := libbase.a
UNIT_LIB_conf := libbase.a
UNIT_LIB_mask := libbase.a
UNIT_LDFLAGS_base := -Wl,--wrap=malloc
UNIT_LDFLAGS_conf := -Wl,--wrap=free
UNIT_LDFLAGS_wipe := -Wl,--wrap=free,--wrap=realloc

# tests/fault/test_NAME.c makes the calls under a store fail one by one.
FAULT_TESTS := io disk
FAULT_OBJS_io := tests/unit/store_fixture.c
FAULT_OBJS_disk = $(SUPPORT_SRCS)

# tests/conformance/test_NAME.c drives a whole instance through nginx; SUPPORT_SRCS is their common ground.
WIRE_PROGRAMS := $(addprefix $(B)/tests/wire/, test_wire test_refusals)
CONFORMANCE_TESTS := monitor events canary limits tokens intake phases calls retry matrix connect flow queue bulk crash fence browser confine \
	look
CONFORMANCE_OBJS_events := tests/support/sse.c
CONFORMANCE_OBJS_fence := tests/crash/history.c
SUPPORT_SRCS := $(addprefix tests/support/, receiver.c misbehave.c link.c tls.c instance.c)
SUPPORT_LIBS := -lcurl -lssl -lcrypto

# These load a library into the daemons, which sanitizers do not bear.
PRELOAD_PROGRAMS := $(if $(SAN),,$(addprefix $(B)/tests/, power/test_power crash/test_storm crash/test_points crash/test_poison fault/test_calls))
SLOW_TESTS := $(PRELOAD_PROGRAMS) $(WIRE_PROGRAMS) $(B)/tests/fault/test_disk $(B)/tests/conformance/test_events tests/fuzz/fuzz.sh $(addprefix tests/slow/, damage.sh due.sh simulation.sh day.sh libfuzzer.sh) $(addprefix tests/postgres/, suite.sh instance.sh)

FUZZ_TARGETS  := bearer request record wire conf dump spool where webhook
FUZZ_PROGRAMS := $(FUZZ_TARGETS:%=$(B)/tests/fuzz/fuzz_%)

# Shell tests; each prints TAP, as the programs above do.
SHELL_TESTS := $(addprefix tests/, fuzz/fuzz.sh webhook/deliveries.sh \
	openapi/openapi.sh ctl/golden.sh ctl/terminal.sh \
	checkout/deps.sh checkout/instance.sh checkout/install.sh docs/readme.sh)
SHELL_TESTS += $(addprefix tests/package/, units.sh scripts.sh)
# These look at what a sanitizer has no part in.
SHELL_TESTS += $(addprefix tests/postgres/, suite.sh instance.sh away.sh)
SHELL_TESTS += $(if $(SAN),,$(addprefix tests/, model/lease.sh monitoring/monitoring.sh page/page.sh))
LINT_TESTS  := $(addprefix tests/lint/, includes.sh format.sh manuals.sh nginx.sh shell.sh \
	page.sh)

obj = $(patsubst %.c,$(B)/%.o,$(1))

.PHONY: all
.SECONDEXPANSION:
all: $(PROGRAMS) $(PG_ENGINE)
	@:

$(B)/libbase.a: $(call obj,$(BASE_SRCS))
$(B)/libspool.a: $(call obj,$(SPOOL_SRCS) $(BASE_SRCS))
$(B)/%.a:
	@rm -f $@
	$(AR) rcs $@ $^

$(B)/fcgi/openapi.o: fcgi/openapi.json
$(B)/clario-fcgi: $(call obj,$(FCGI_SRCS)) $(B)/libspool.a
	$(CC) $(LDFLAGS_OURS) $(LDFLAGS) -o $@ $^ $(FCGI_LIBS) $(SPOOL_LIBS)
$(B)/clario-events: $(call obj,$(EVENTS_SRCS)) $(B)/libspool.a
	$(CC) $(LDFLAGS_OURS) $(LDFLAGS) -o $@ $^ $(EVENTS_LIBS) $(SPOOL_LIBS)
$(B)/clario-worker: $(call obj,$(WORKER_SRCS)) $(B)/libspool.a
	$(CC) $(LDFLAGS_OURS) $(LDFLAGS) -o $@ $^ $(WORKER_LIBS) $(SPOOL_LIBS)
$(B)/clario-spool: $(call obj,$(CTL_SRCS)) $(B)/libspool.a
	$(CC) $(LDFLAGS_OURS) $(LDFLAGS) -o $@ $^ $(CTL_LIBS) $(SPOOL_LIBS)

PG_CFLAGS := -fPIC -fvisibility=hidden -isystem $(shell pg_config --includedir 2>/dev/null || echo /usr/include/postgresql)
$(call obj,$(PG_SRCS)): CFLAGS_OURS += $(PG_CFLAGS)
$(PG_ENGINE): $(call obj,$(PG_SRCS))
	$(CC) -shared -pthread $(if $(SAN),-fsanitize=$(SAN)) $(LDFLAGS) -o $@ $^ -lpq

UNIT_PROGRAMS := $(UNIT_TESTS:%=$(B)/tests/unit/test_%)
$(UNIT_PROGRAMS): $(B)/tests/unit/test_%: $(B)/tests/unit/test_%.o $$(call obj,$$(UNIT_OBJS_$$*)) $(B)/$$(or $$(UNIT_LIB_$$*),libspool.a)
	$(CC) $(LDFLAGS_OURS) $(LDFLAGS) $(UNIT_LDFLAGS_$*) -Wl,--as-needed -o $@ $^ -lcmocka $(UNIT_LIBS_$*) $(SPOOL_LIBS)

PG_PROGRAMS := $(addprefix $(B)/tests/postgres/, test_primary test_beside)
$(PG_PROGRAMS): $(B)/%: $(B)/%.o $(B)/libspool.a
	$(CC) $(LDFLAGS_OURS) $(LDFLAGS) -Wl,--as-needed -o $@ $^ -lcmocka $(SPOOL_LIBS)

FAULT_PROGRAMS := $(FAULT_TESTS:%=$(B)/tests/fault/test_%)
$(FAULT_PROGRAMS): $(B)/tests/fault/test_%: $(B)/tests/fault/test_%.o $$(call obj,$$(FAULT_OBJS_$$*)) $(B)/libspool.a
	$(CC) $(LDFLAGS_OURS) $(LDFLAGS) -Wl,--as-needed -o $@ $^ -lcmocka $(SUPPORT_LIBS) $(SPOOL_LIBS)

CONFORMANCE_PROGRAMS := $(CONFORMANCE_TESTS:%=$(B)/tests/conformance/test_%)
$(CONFORMANCE_PROGRAMS): $(B)/tests/conformance/test_%: $(B)/tests/conformance/test_%.o $$(call obj,$$(CONFORMANCE_OBJS_$$*) $(SUPPORT_SRCS)) $(B)/libspool.a
	$(CC) $(LDFLAGS_OURS) $(LDFLAGS) -Wl,--as-needed -o $@ $^ -lcmocka $(SUPPORT_LIBS) $(SPOOL_LIBS)

$(B)/tests/fault/test_calls: | $(B)/tests/fault/fail_calls.so
$(B)/tests/power/test_power: $(call obj,tests/power/replay.c) | $(B)/tests/power/record.so
$(B)/tests/crash/test_poison: | $(B)/tests/crash/poison.so
$(B)/tests/crash/test_storm $(B)/tests/crash/test_points: $(call obj,tests/crash/history.c) | $(B)/tests/crash/kill_at.so
$(PRELOAD_PROGRAMS): $(B)/%: $(B)/%.o $(call obj,$(SUPPORT_SRCS)) $(B)/libspool.a
	$(CC) $(LDFLAGS_OURS) $(LDFLAGS) -Wl,--as-needed -o $@ $(filter %.o,$^) $(filter %.a,$^) -lcmocka $(SUPPORT_LIBS) $(SPOOL_LIBS)

$(WIRE_PROGRAMS): $(B)/%: $(B)/%.o $(call obj,tests/wire/wire.c $(SUPPORT_SRCS)) $(B)/libspool.a
	$(CC) $(LDFLAGS_OURS) $(LDFLAGS) -Wl,--as-needed -o $@ $^ -lcmocka $(SUPPORT_LIBS) $(SPOOL_LIBS)

$(FUZZ_PROGRAMS): $(B)/%: $(B)/%.o $(call obj,tests/fuzz/driver.c $(filter-out fcgi/main.c,$(FCGI_SRCS))) $(B)/libspool.a
	$(CC) $(LDFLAGS_OURS) $(LDFLAGS) -Wl,--as-needed -o $@ $^ $(FCGI_LIBS) $(SPOOL_LIBS)

# The same for libFuzzer: with FUZZ_OBJS, libraries that are instrumented too (tests/slow/libfuzzer.sh).
LIBFUZZER_PROGRAMS := $(FUZZ_TARGETS:%=$(B)/tests/fuzz/libfuzzer_%)
$(LIBFUZZER_PROGRAMS): $(B)/tests/fuzz/libfuzzer_%: $(B)/tests/fuzz/fuzz_%.o $(call obj,tests/fuzz/seeds.c $(filter-out fcgi/main.c,$(FCGI_SRCS))) $(B)/libspool.a
	$(CC) $(LDFLAGS_OURS) $(LDFLAGS) -fsanitize=fuzzer -Wl,--as-needed -o $@ $^ $(FUZZ_OBJS) $(FCGI_LIBS) $(filter-out -llmdb -ljansson,$(SPOOL_LIBS))

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS_OURS) $(CFLAGS_OURS) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

BENCH_PROGRAMS := $(addprefix $(B)/, bench-noop bench-spool bench-loop bench-hang bench-token)
BENCH_LIBS_noop := -lfcgi
BENCH_LIBS_loop := -lcurl
BENCH_LIBS_token := -lcrypto
# A library to be loaded into a daemon.
$(B)/%.so: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS_OURS) $(filter-out -Wmissing-prototypes,$(CFLAGS_OURS)) $(CPPFLAGS) $(CFLAGS) -fPIC -shared -MMD -MP -o $@ $< -ldl

$(B)/bench-spool: $(B)/libspool.a
$(B)/bench-token: $(call obj,fcgi/tokens.c) $(B)/libspool.a
$(BENCH_PROGRAMS): $(B)/bench-%: $(B)/tests/bench/%.o
	$(CC) $(LDFLAGS_OURS) $(LDFLAGS) -Wl,--as-needed -o $@ $(filter %.o,$^) $(filter %.a,$^) $(BENCH_LIBS_$*) $(SPOOL_LIBS)

# Everything beyond compiling is done by scripts, which take their settings from the environment.
# What needs packages asks for them first, and compiles in a second make: before that nothing may be there.
CHECKOUT  := packaging/checkout
SUBMAKE    = @+$(MAKE) --no-print-directory
export B PORT RUN_DIR SAN

.PHONY: deps demo start stop status check check-built check-slow coverage coverage-built valgrind valgrind-built bench lint install clean
deps:
	@$(CHECKOUT)/deps.sh build run demo test page lint bench

demo:
	@$(CHECKOUT)/deps.sh build run demo
	$(SUBMAKE) all
	@$(CHECKOUT)/demo.sh

start:
	@$(CHECKOUT)/deps.sh build run
	$(SUBMAKE) all
	@$(CHECKOUT)/instance.sh start

stop status:
	@$(CHECKOUT)/instance.sh $@

check:
	@$(CHECKOUT)/deps.sh build run demo test page
	@command -v npm >/dev/null || $(CHECKOUT)/deps.sh npm
	$(SUBMAKE) check-built

check-built: $(PROGRAMS) $(PG_ENGINE) $(PG_PROGRAMS) $(FUZZ_PROGRAMS) $(UNIT_PROGRAMS) $(FAULT_PROGRAMS) $(CONFORMANCE_PROGRAMS) $(WIRE_PROGRAMS) $(PRELOAD_PROGRAMS)
	@tests/run.sh $(UNIT_PROGRAMS) $(FAULT_PROGRAMS) $(CONFORMANCE_PROGRAMS) $(WIRE_PROGRAMS) $(PRELOAD_PROGRAMS) $(SHELL_TESTS)

# The campaigns at length, then everything under the sanitizers. Settings in the environment come before these.
SLOW_SETTINGS := POWER_IMAGES=100000 POWER_JOBS=100 STORM_KILLS=1000 STORM_JOBS=100000 STORM_PAUSE_MS=0 STORM_RESTARTS=100 DISK_ROUNDS=100 WIRE_SLOW=3000 WIRE_BAD=10000 WIRE_REFUSALS=10000 FUZZ_SECONDS=60 FAULT_CALLS=1000 FAULT_ROUNDS=7 EVENTS_LISTENERS=2000 CLARIO_TEST_LONG=1
check-slow: check
	@$(CHECKOUT)/deps.sh slow
	@env $(SLOW_SETTINGS) $$(env | grep -E '^(POWER|STORM|DISK|FUZZ|FAULT|WIRE|SIM|DAMAGE|EVENTS)_') TEST_SECONDS=3600 tests/run.sh $(SLOW_TESTS)
	$(SUBMAKE) SAN=address,undefined B=$(B)/san-address-undefined check
	$(SUBMAKE) SAN=thread B=$(B)/san-thread check
	$(SUBMAKE) valgrind

# The tests once more, counted: which lines and branches of the product they have run.
coverage:
	@$(CHECKOUT)/deps.sh build run demo test page coverage
	@command -v npm >/dev/null || $(CHECKOUT)/deps.sh npm
	$(SUBMAKE) B=build/coverage coverage-built

COVERAGE_EXIT := $(B)/tests/coverage/exit.o
coverage-built:
	@+$(MAKE) --no-print-directory CFLAGS= $(COVERAGE_EXIT)
	@+$(MAKE) --no-print-directory CFLAGS="--coverage -fprofile-update=atomic" LDFLAGS="--coverage -Wl,--wrap=_exit $(COVERAGE_EXIT)" check-built
	gcovr --root . --filter fcgi/ --filter spool/ --filter worker/ --object-directory $(B) --sort-percentage --print-summary \
		--html-details $(B)/coverage.html $(B)

# The unit tests under memcheck, with short simulations: it makes them some thirty times slower. What is read before it is
# written is looked for; leaks the address sanitizer finds.
valgrind:
	@$(CHECKOUT)/deps.sh build valgrind
	$(SUBMAKE) valgrind-built

MEMCHECK := valgrind --quiet --error-exitcode=99 --num-callers=20 --fair-sched=yes
# test_wipe reads what nobody wrote, on purpose.
MEMCHECKED := $(filter-out %/test_wipe, $(UNIT_PROGRAMS))
valgrind-built: $(MEMCHECKED)
	@TEST_UNDER="$(MEMCHECK)" TEST_SECONDS=3600 CLARIO_SIM_SEEDS=100 tests/run.sh $(MEMCHECKED)

lint:
	@$(CHECKOUT)/deps.sh run lint
	@tests/run.sh $(LINT_TESTS)

bench:
	@$(CHECKOUT)/deps.sh build run demo bench
	@command -v npm >/dev/null || $(CHECKOUT)/deps.sh npm
	$(SUBMAKE) all $(BENCH_PROGRAMS)
	@tests/bench/bench.sh

# A configuration that is there already is the operator's and stays.
SYSCONFDIR ?= /etc
UNITDIR    ?= $(PREFIX)/lib/systemd/system
# Whom nginx runs as: the group that may connect to the sockets.
NGINX_GROUP ?= www-data
UNITS      := $(wildcard packaging/systemd/clario-*.*)
MANUALS    := $(wildcard fcgi/*.8 fcgi/events/*.8 worker/*.8 spool/ctl/*.8 packaging/*.5 packaging/*.7)
install: all
	install -d $(addprefix $(DESTDIR)$(PREFIX)/, sbin share/clario-workflow share/clario-workflow/examples share/bash-completion/completions)
	install -d $(addprefix $(DESTDIR)$(PREFIX)/share/man/man, 5 7 8)
	install -d $(addprefix $(DESTDIR)$(SYSCONFDIR)/, clario-workflow nginx/snippets)
	install -m 755 $(PROGRAMS) $(DESTDIR)$(PREFIX)/sbin
	install -D -m 644 $(PG_ENGINE) $(DESTDIR)$(PREFIX)/lib/clario-workflow/$(notdir $(PG_ENGINE))
	set -e; for page in $(MANUALS); do install -m 644 $$page $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}; done
	install -m 644 packaging/completion/clario-spool $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	install -m 644 nginx/clario-workflow*.conf $(DESTDIR)$(SYSCONFDIR)/nginx/snippets
	install -d $(DESTDIR)$(PREFIX)/share/clario-workflow/monitoring
	install -m 644 $(addprefix packaging/monitoring/, clario.rules.yml runbook.md clario-dashboard.json) \
		$(DESTDIR)$(PREFIX)/share/clario-workflow/monitoring
	sed -i 's|/usr/share/clario-workflow|$(PREFIX)/share/clario-workflow|' $(DESTDIR)$(SYSCONFDIR)/nginx/snippets/clario-workflow-page.conf
	install -d $(addprefix $(DESTDIR)$(PREFIX)/share/clario-workflow/, www/views)
	install -m 644 $(wildcard nginx/www/*.*) $(DESTDIR)$(PREFIX)/share/clario-workflow/www
	install -m 644 $(wildcard nginx/www/views/*.js) $(DESTDIR)$(PREFIX)/share/clario-workflow/www/views
	install -m 644 nginx/site.conf packaging/clario.conf $(DESTDIR)$(PREFIX)/share/clario-workflow
	install -m 644 packaging/examples/*.json $(DESTDIR)$(PREFIX)/share/clario-workflow/examples
	test -e $(DESTDIR)$(SYSCONFDIR)/clario-workflow/clario.conf || \
		install -m 640 packaging/clario.conf $(DESTDIR)$(SYSCONFDIR)/clario-workflow
	install -m 644 packaging/spool-format $(DESTDIR)$(PREFIX)/share/clario-workflow
	install -m 644 nginx/site-tls.conf $(DESTDIR)$(PREFIX)/share/clario-workflow/examples
	install -d -m 700 $(addprefix $(DESTDIR)$(SYSCONFDIR)/clario-workflow/secrets, / /intake /delivery)
	install -d $(DESTDIR)$(UNITDIR) $(addprefix $(DESTDIR)$(PREFIX)/lib/, sysusers.d tmpfiles.d)
	set -e; for unit in $(UNITS); do \
		sed -e 's|=/usr/sbin/|=$(PREFIX)/sbin/|' -e 's|=www-data$$|=$(NGINX_GROUP)|' $$unit >$(DESTDIR)$(UNITDIR)/$${unit##*/}; \
		chmod 644 $(DESTDIR)$(UNITDIR)/$${unit##*/}; done
	install -m 644 packaging/systemd/sysusers.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d/clario-workflow.conf
	sed 's| www-data | $(NGINX_GROUP) |' packaging/systemd/tmpfiles.conf >$(DESTDIR)$(PREFIX)/lib/tmpfiles.d/clario-workflow.conf
	chmod 644 $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/clario-workflow.conf

# The Debian package, beside the .buildinfo and .changes, in build/deb.
.PHONY: deb check-package
deb:
	@$(CHECKOUT)/deps.sh build deb
	@$(CHECKOUT)/deb.sh

# The package's whole life, in a container of its own that is booted; as root.
check-package:
	@$(CHECKOUT)/deps.sh build deb container
	@TEST_SECONDS=3600 tests/run.sh tests/package/container.sh

clean:
	rm -rf build

# The package is built in a tree of its own, build/deb, and tried in build/container.
-include $(shell find $(B) \( -name deb -o -name container \) -prune -o -name '*.d' -type f -print 2>/dev/null)
