/* spool/store/postgres/line.c: see verbs.h. */
#include "spool/store/postgres/verbs.h"

#include <stdlib.h>

void line_leave(struct row *row, struct list *workflows)
{
	if (row->had_turn)
		list_bytes(workflows, row->job.workflow_id);
	row->had_turn = false;
}

/* Who is to have it, where nobody has. */
static size_t find_next(struct tx *tx, const struct args *workflows, struct job_id **ids)
{
	size_t n = 0;
	PGresult *r = tx_query(tx,
		"SELECT w.id FROM (SELECT DISTINCT ON (j.workflow) j.id, j.has_turn FROM clario_job j"
		" WHERE j.workflow = ANY($1) AND j.is_ordered AND " ROW_LIVE
		" ORDER BY j.workflow, j.has_turn DESC, j.id) AS w WHERE NOT w.has_turn",
		workflows);
	*ids = r ? calloc((size_t)PQntuples(r) + 1, sizeof **ids) : NULL;
	for (int i = 0; *ids && i < PQntuples(r); i++)
		(*ids)[n++] = col_id(r, i, 0);
	PQclear(r);
	if (r && !*ids)
		tx_fail(tx, ST_NOMEM, "out of memory");
	return n;
}

/* Where nobody has the turn the first of the line gets it; one that cannot be read is set aside, and the next
 * round finds the one behind it. */
void lines_hand_on(struct tx *tx, const struct list *workflows)
{
	struct args args = ARGS_INIT;
	bool again = workflows->n > 0;
	arg_list(&args, workflows);
	while (again && tx->st == ST_OK) {
		struct job_id *ids;
		size_t n = find_next(tx, &args, &ids);
		again = false;
		rows_load(tx, ids, n, false);
		for (size_t i = 0; i < n && tx->st == ST_OK; i++) {
			struct row *row = row_find(tx, ids[i]);
			again |= !row;
			if (row) {
				row->job.has_turn = true;
				row_update(tx, row);
			}
		}
		free(ids);
	}
	args_release(&args);
}

bool line_is_taken(struct tx *tx, struct slice workflow)
{
	struct args args = ARGS_INIT;
	arg_bytes(&args, workflow);
	PGresult *r = tx_query(tx,
		"SELECT 1 FROM clario_job j WHERE j.workflow = $1 AND j.is_ordered AND " ROW_LIVE " LIMIT 1",
		&args);
	bool is = r && PQntuples(r) > 0;
	PQclear(r);
	args_release(&args);
	return is;
}
