/* worker/phases/phases.h: what each phase does, as data and pure functions; who calls, waits and retries is
 * attempt.c.
 *
 * A handler sees one attempt as a struct run: the caller's payload, what earlier attempts have finished (the
 * checkpoint), and room for what it produces. It makes no call itself: which ones there are and in which
 * order the configuration says (opts_phase_calls()), and a handler writes the bodies of its phase's built-in
 * ones. */
#ifndef WORKER_PHASES_PHASES_H
#define WORKER_PHASES_PHASES_H
#include "spool/base/clock.h"
#include "spool/base/jx.h"
#include "spool/opts.h"

enum { RUN_NOTICES_MAX = 8, RUN_TEXT_MAX = 64 << 20 };

struct run_notice {
	enum event_kind kind;
	struct buf name, room, data, reason;
};

/* Zeroed to begin with; may be opened again and again, for one job after the other. */
struct run {
	const struct opts *opts;
	const struct job *job;
	struct moment now;
	uint64_t span;      /* of this attempt in the caller's trace; 0: there is none */
	json_t *payload;    /* object; owned */
	json_t *checkpoint; /* object; owned: {"notified":true,"calls":{"fee":{"ok":true,"value":...}}} */
	struct run_notice notices[RUN_NOTICES_MAX]; /* the others are empty, and may have memory */
	size_t notices_n;
	struct why why; /* set by begin() when the payload is impossible */
};

struct phase_handler {
	int phase;
	const char *failure; /* the result's message when the phase fails */
	/* Look at the payload; notices that are due before the first call. false: the payload is impossible,
	 * *run->why. */
	bool (*begin)(struct run *run);
	/* The JSON body of a built-in call. */
	void (*body)(struct run *run, enum call_name call, struct jx_writer *w);
	/* What of a built-in call's answer is kept in the checkpoint (new reference or NULL). NULL: nothing.
	 */
	json_t *(*keep)(enum call_name call, const json_t *answer);
	/* All calls are done: message and members of data, and the closing notification. */
	void (*finish)(struct run *run, struct buf *message, struct jx_writer *data);
	/* Is this built-in call left out under the present configuration? NULL: never. */
	bool (*skips)(const struct run *run, enum call_name call);
};

/* The handler of a phase or legacy step; every one of them has one. */
const struct phase_handler *phase_handler(int phase);

/* run.c: the life of a run, and helpers of the handlers. */
/* INVALID, DEEP: the payload is impossible, *run->why; NOMEM. */
NODISCARD enum status run_open(
	struct run *run, const struct opts *opts, const struct job *job, struct moment now);
/* Done with this job: only memory for the next one's texts is kept. */
void run_close(struct run *run);
void run_release(struct run *run);
void run_clear_notices(struct run *run);
void run_notice_reuse(struct run_notice *notice); /* emptied */
void run_notice_release(struct run_notice *notice);
/* Was this call finished by this or an earlier attempt, and well? */
bool run_call_done(const struct run *run, int call);
bool run_call_ok(const struct run *run, int call);
const json_t *run_call_value(const struct run *run, int call);
/* The call is finished, with this status (0: no answer), which is kept for the operator's own. Takes over
 * value, which may be NULL. false: no memory. */
NODISCARD bool run_record_call(struct run *run, int call, bool ok, long http_status, json_t *value);
/* The member calls of a result's data, if any of these calls is the operator's own: {NAME: {ok, status}}. */
void run_write_own_calls(const struct run *run, const int *calls, size_t n, struct jx_writer *data);
bool run_was_notified(const struct run *run);
NODISCARD bool run_set_notified(struct run *run); /* false: no memory */

/* A notification to the user: {"type","title","message","data":{...}}. The caller adds data's members and
 * closes. */
struct jx_writer run_notify(struct run *run, const char *type, struct slice title, struct slice message);
void run_notify_end(struct run *run, struct jx_writer *w);
/* A progress event; the caller writes the payload object's members and closes. */
struct jx_writer run_progress(struct run *run, const char *name, bool to_user);
void run_progress_end(struct run *run, struct jx_writer *w);

/* The raw text of a top-level member of the payload: as the caller wrote it; empty: it has none. */
struct slice run_raw(const struct run *run, struct slice member);
/* A payload member as text: a string's bytes; "" otherwise. */
struct slice run_text(const struct run *run, const char *member);
/* The first of two members that is not null, absent, "", 0 or false. */
json_t *run_either(const struct run *run, const char *first, const char *second);
/* A member written if it is there and not null. */
void run_copy(struct jx_writer *w, const char *key, const json_t *value);

/* Outcome and closing events, the same for every phase. */
void run_outcome(struct run *run, bool success, struct slice message, struct slice data, struct slice error,
	struct buf *out);
void run_closing_notices(
	struct run *run, bool success, struct slice message, struct slice data, struct slice error);
void run_rollback_notices(struct run *run, int to_phase, struct slice error);

#endif
