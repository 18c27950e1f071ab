/* spool/model/figures.h: what a monitor is told of a spool, beyond its counts. Plain data. */
#ifndef SPOOL_MODEL_FIGURES_H
#define SPOOL_MODEL_FIGURES_H
#include "spool/model/steer.h"

enum { FIGURES_STALLED_MAX = 1000 };

enum figures_place {
	FIGURES_WAITING, /* its turn and due: since when that is */
	FIGURES_BEHIND,  /* due, but not its turn */
	FIGURES_DELAYED, /* when it is due, which may be to come */
	FIGURES_ACTIVE,  /* since when it is leased */
	FIGURES_PLACE_N
};

struct figures {
	struct stats stats;
	/* Accepted, but neither in the spool nor removed nor set aside. Anything but 0 is a loss, or a job
	 * out of nowhere. */
	int64_t unaccounted;
	/* The oldest of each, by phase_slot(); INT64_MAX: there is none. Among the waiting jobs of users who
	 * crowd (spool_conf.crowd_at) only so many users are looked at. */
	int64_t oldest_at_us[FIGURES_PLACE_N][PHASE_SLOTS];
	uint64_t full_at_bytes;               /* of the map: intake is refused from here on */
	uint64_t file_bytes;                  /* that the data takes on the disk */
	uint64_t disk_bytes, disk_free_bytes; /* of the file system below; free to us */
	uint64_t readers, readers_max;        /* of the map: open, and how many there may be */
	uint64_t reader_lag;                  /* commits since the oldest reader's state; 0: none reads */
	uint64_t stalled;   /* workflows that were told of; at most FIGURES_STALLED_MAX are counted */
	uint64_t looked_at; /* entries of indexes that this took: bounded, whatever there is */
};

#endif
