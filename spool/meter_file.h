/* spool/meter_file.h: the files behind spool/meter.h. */
#ifndef SPOOL_METER_FILE_H
#define SPOOL_METER_FILE_H
#include "spool/meter.h"

enum { METER_FOLDED_MAX = 16 };

/* PROGRAM.PID */
struct meter_page {
	char magic[8];
	uint32_t layout, size;
	uint64_t boot_id, nonce;
	int64_t started_at_us;
	uint32_t program, crc; /* of all before it */
	int64_t gauges[METER_GAUGE_N];
	struct meter_sum sum;
};

/* total. Written whole under another name and renamed. folded: the files that it has in it already and that
 * may still be there, by their nonces. */
struct meter_total {
	char magic[8];
	uint32_t layout, size;
	uint64_t boot_id;
	uint64_t folded[METER_FOLDED_MAX];
	struct meter_sum sum;
	uint32_t folded_n, crc; /* of all before it */
};

/* SPOOL/meters and its lock; -1 each: not there. */
enum meter_dir_use {
	METER_DIR_LOOK, /* nothing in it is made or changed */
	METER_DIR_USE,
	METER_DIR_MAKE /* it is made, if it is not there */
};
struct meter_dir {
	int fd, lock_fd;
	bool only_looks;
};

extern const char meter_page_magic[8];
uint32_t meter_page_crc(const struct meter_page *page);
/* Open and lock for at most wait_ms. NOTFOUND: it is not there, and is not to be made. */
enum status meter_dir_open(const char *spool_path, enum meter_dir_use use, int64_t wait_ms,
	struct meter_dir *out, struct why *why);
void meter_dir_close(struct meter_dir *dir);
/* With the lock: fold, unless it only looks, and add up. programs may be NULL. Not ST_OK: something is
 * missing from *sum. */
NODISCARD enum status meter_dir_sum(
	struct meter_dir *dir, struct meter_sum *sum, struct meter_program_state *programs);

/* The name's place; 0 ("other"): it has none. */
size_t meter_name_find(const struct meter_sum *sum, enum meter_names kind, const char *name);
/* The same; a name without a place gets one if there is room. */
size_t meter_name_add(struct meter_sum *sum, enum meter_names kind, const char *name);
void meter_names_init(struct meter_sum *sum);
size_t meter_names_max(enum meter_names kind);

#endif
